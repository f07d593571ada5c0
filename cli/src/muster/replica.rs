//! `muster replica add|remove|replace|transfer`: who keeps the state, and who leads.
//!
//! A change that takes a while is asked for again until it is so: each answer says what is waited for.

use std::time::Duration;

use muster_proto::wire::change_replica::Change;
use muster_proto::wire::{ChangeReplica, TransferLeader, reply, request};

use super::{VOICE, print, told, with_site};
use crate::refusal::Refusal;
use crate::site::{Reach, block_on};

/// Between two looks at a change that is under way.
const PAUSE: Duration = Duration::from_millis(250);

const USAGE: &str = "usage: muster replica list [--json] | add NAME | remove NAME | replace NAME | transfer [NAME]";

pub(super) fn run(words: &[&str]) -> u8 {
    match words {
        ["add", name] => with_site(|_, reach| block_on(add(reach, name))),
        ["remove", name] => with_site(|_, reach| u8::from(block_on(change(reach, name, Change::Remove)).is_none())),
        ["replace", name] => with_site(|_, reach| block_on(replace(reach, name))),
        ["transfer"] => transfer(""),
        ["transfer", name] => transfer(name),
        _ => told(USAGE),
    }
}

/// Waits until it votes; what it waits for is told when it changes.
async fn add(reach: &Reach, name: &str) -> u8 {
    let mut said = String::new();
    loop {
        match ask(reach, name, Change::Add).await {
            None => return 1,
            Some((true, _)) => return 0,
            Some((false, what)) if what != said => {
                VOICE.info(&what);
                said = what;
            }
            Some(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The dead one goes first: it counts no more while the new one learns.
async fn replace(reach: &Reach, name: &str) -> u8 {
    match change(reach, name, Change::Replace).await {
        None => 1,
        Some(()) => add(reach, name).await,
    }
}

async fn change(reach: &Reach, name: &str, change: Change) -> Option<()> {
    ask(reach, name, change).await.map(drop)
}

/// Whether it is so, and what was answered; what is so goes to standard output.
async fn ask(reach: &Reach, name: &str, change: Change) -> Option<(bool, String)> {
    let body = request::Body::ChangeReplica(ChangeReplica { name: name.to_owned(), change: change.into() });
    match reach.client.call(body).await {
        Ok(reply::Body::Done(done)) => {
            if done.count > 0 {
                print(&format!("{}\n", done.message));
            }
            Some((done.count > 0, done.message))
        }
        Ok(_) => {
            VOICE.error("the answer is not one to this request");
            None
        }
        Err(error) => {
            let refusal = Refusal::of(&error, "whether the replicas were changed");
            let _code = refusal.report(VOICE, &refusal.text);
            None
        }
    }
}

fn transfer(to: &str) -> u8 {
    with_site(|_, reach| {
        match block_on(reach.client.call(request::Body::TransferLeader(TransferLeader { to: to.to_owned() }))) {
            Ok(reply::Body::Done(done)) if !done.message.is_empty() => print(&format!("{}\n", done.message)),
            Ok(_) => print("leadership is handed over\n"),
            Err(error) => {
                let refusal = Refusal::of(&error, "whether leadership was handed over");
                refusal.report(VOICE, &refusal.text)
            }
        }
    })
}
