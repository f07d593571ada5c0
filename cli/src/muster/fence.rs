//! `muster fence`: switch a node off from outside, so that what it ran is known to be dead; and what was done so far.

use muster_proto::durable::{CancelFence, RequestFence};
use muster_proto::wire::{ListFences, PlanFence, reply, request};

use super::fence_text::{as_json, as_text, plan_text};
use super::{VOICE, print, told, with_site};
use crate::refusal::Refusal;
use crate::site::block_on;

/// Longest reason that is kept, bytes.
const WHY_BYTES_MAX: usize = 1024;

const USAGE: &str =
    "usage: muster fence NODE [--why TEXT] [--force] [--dry-run] | cancel NODE [--why TEXT] | list | history";

/// What stands behind `muster fence`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    names: Vec<String>,
    why: String,
    force: bool,
    dry_run: bool,
}

pub(super) fn run(words: &[&str], json: bool) -> u8 {
    let asked = match read(words) {
        Ok(asked) => asked,
        Err(why) => return told(&why),
    };
    let names: Vec<&str> = asked.names.iter().map(String::as_str).collect();
    match (names.as_slice(), asked.dry_run) {
        (["list"], _) => list(false, json),
        (["history"], _) => list(true, json),
        (["cancel", name], false) => change(
            request::Body::CancelFence(CancelFence { name: (*name).to_owned(), why: asked.why }),
            &format!("the fence operation of {name} is called off"),
            name,
        ),
        ([name], true) => plan(name, asked.force),
        ([name], false) => {
            let name_of = (*name).to_owned();
            let why = if asked.why.is_empty() { "by an operator".to_owned() } else { asked.why };
            let body = RequestFence { name: name_of, why, force: asked.force, epoch: 0 };
            change(request::Body::RequestFence(body), "", name)
        }
        _ => told(USAGE),
    }
}

fn read(words: &[&str]) -> Result<Asked, String> {
    let mut asked = Asked::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match *word {
            "--force" => asked.force = true,
            "--dry-run" => asked.dry_run = true,
            "--why" => asked.why = (*words.next().ok_or("--why: TEXT is missing")?).to_owned(),
            word if word.starts_with("--why=") => asked.why = word["--why=".len()..].to_owned(),
            word if word.starts_with('-') => return Err(format!("unknown option {word}\n{USAGE}")),
            name => asked.names.push(name.to_owned()),
        }
    }
    if asked.why.len() > WHY_BYTES_MAX {
        return Err(format!("--why: {WHY_BYTES_MAX} bytes at most"));
    }
    Ok(asked)
}

/// `otherwise`: what is said where the cluster says nothing.
fn change(body: request::Body, otherwise: &str, name: &str) -> u8 {
    with_site(|_, reach| match block_on(reach.client.call(body)) {
        Ok(reply::Body::Done(done)) if !done.message.is_empty() => print(&format!("{}\n", done.message)),
        Ok(_) => print(&format!("{otherwise}\n")),
        Err(error) => {
            let refusal = Refusal::of(&error, "whether it was carried out");
            refusal.report(VOICE, &format!("{name}: {}", refusal.text))
        }
    })
}

fn list(history: bool, json: bool) -> u8 {
    with_site(|_, reach| match block_on(reach.client.call(request::Body::ListFences(ListFences { history }))) {
        Ok(reply::Body::Fences(list)) => print(&if json { as_json(&list) } else { as_text(&list) }),
        Ok(_) => told("an answer of another kind"),
        Err(error) => {
            let refusal = Refusal::of(&error, "the fence operations");
            refusal.report(VOICE, &refusal.text)
        }
    })
}

fn plan(name: &str, force: bool) -> u8 {
    with_site(|_, reach| {
        let body = request::Body::PlanFence(PlanFence { name: name.to_owned(), force });
        match block_on(reach.client.call(body)) {
            Ok(reply::Body::FencePlan(plan)) => print(&plan_text(name, &plan)) | u8::from(!plan.obstacle.is_empty()),
            Ok(_) => told("an answer of another kind"),
            Err(error) => {
                let refusal = Refusal::of(&error, "the plan");
                refusal.report(VOICE, &format!("{name}: {}", refusal.text))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_in_any_order() {
        let asked = read(&["--dry-run", "n1", "--why=it burns", "--force"]).unwrap();
        let wanted = Asked { names: vec!["n1".into()], why: "it burns".into(), force: true, dry_run: true };
        assert_eq!(asked, wanted);
        assert!(read(&["n1", "--why"]).is_err());
        assert!(read(&["n1", "--now"]).unwrap_err().starts_with("unknown option --now"));
    }
}
