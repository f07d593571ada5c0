//! `muster node confirm-dead`: an operator's word that a node is off. It is the proof that lets its jobs run elsewhere, so
//! it asks for a reason, which is kept with the name of who gave it.

use muster_proto::durable::ConfirmNodeDead;
use muster_proto::wire::{reply, request};

use super::{VOICE, print, told, with_site};
use crate::refusal::Refusal;
use crate::site::block_on;

/// Longest reason that is kept, bytes.
const WHY_BYTES_MAX: usize = 1024;

pub(super) fn confirm_dead(words: &[&str]) -> u8 {
    let (name, why) = match words {
        [name, "--why", why] | ["--why", why, name] => (*name, *why),
        [name, why] if why.starts_with("--why=") => (*name, &why["--why=".len()..]),
        _ => return told("usage: muster node confirm-dead NODE --why TEXT"),
    };
    if why.trim().is_empty() || why.len() > WHY_BYTES_MAX {
        return told(&format!("--why: 1 to {WHY_BYTES_MAX} bytes that say how you know"));
    }
    let confirm = ConfirmNodeDead { name: name.to_owned(), why: why.to_owned() };
    with_site(|_, reach| {
        let body = request::Body::ConfirmNodeDead(confirm);
        match block_on(reach.client.call(body)) {
            Ok(reply::Body::Done(done)) if !done.message.is_empty() => print(&format!("{}\n", done.message)),
            Ok(_) => print(&format!("node {name} is confirmed dead\n")),
            Err(error) => {
                let refusal = Refusal::of(&error, "whether the node was confirmed dead");
                refusal.report(VOICE, &format!("{name}: {}", refusal.text))
            }
        }
    })
}
