//! Which verb is meant. Verbs may be shortened while they stay unambiguous.

use super::{Control, batch_script, configuration, hosts, jobs, ping, show, update};
use crate::version;

/// Verbs with code, in the order in which shortened ones are looked for.
const VERBS: [(&str, fn(&Control, &[String]) -> u8); 17] = [
    ("show", show::run),
    ("update", update::run),
    ("hold", |control, ids| jobs::hold(control, ids, false)),
    ("uhold", |control, ids| jobs::hold(control, ids, true)),
    ("release", jobs::release),
    ("requeue", |control, ids| jobs::requeue(control, ids, false)),
    ("requeuehold", |control, ids| jobs::requeue(control, ids, true)),
    ("suspend", |control, ids| jobs::suspend(control, ids, false)),
    ("resume", |control, ids| jobs::suspend(control, ids, true)),
    ("notify", jobs::notify),
    ("ping", |control, _| ping::run(control)),
    ("reconfigure", |control, _| configuration::reconfigure(control)),
    ("write", batch_script::run),
    ("create", update::create),
    ("delete", update::delete),
    ("errnumstr", hosts::errnumstr),
    ("version", |control, _| control.print(&format!("{}\n", version::SLURM))),
];

/// Verbs of Slurm without code.
const NOT_BUILT: [&str; 20] = [
    "abort",
    "cancel_reboot",
    "cluster",
    "completing",
    "fsdampeningfactor",
    "getaddrs",
    "getent",
    "listjobs",
    "listpids",
    "liststeps",
    "pidinfo",
    "power",
    "reboot",
    "schedloglevel",
    "setdebug",
    "setdebugflags",
    "shutdown",
    "takeover",
    "token",
    "top",
];

/// Runs one command line, without the program's name.
pub(super) fn run(control: &Control, words: &[String]) -> u8 {
    let Some((word, rest)) = words.split_first() else { return 0 };
    let wanted = word.to_ascii_lowercase();
    if wanted == "help" {
        return control.print(&help());
    }
    if wanted == "wait_job" {
        return jobs::wait(control, rest);
    }
    if let Some((_, verb)) = VERBS.iter().find(|(name, _)| *name == wanted) {
        return verb(control, rest);
    }
    if NOT_BUILT.contains(&wanted.as_str()) {
        return control.fail(&format!("{wanted}: not supported by this version"));
    }
    let mut longer = VERBS.iter().filter(|(name, _)| wanted.len() > 1 && name.starts_with(&wanted));
    match (longer.next(), longer.next()) {
        (Some((_, verb)), None) => verb(control, rest),
        _ => control.fail(&format!("invalid keyword: {word}")),
    }
}

fn help() -> String {
    let mut text = "scontrol [OPTION...] [COMMAND]\n\nCommands:\n".to_owned();
    for (name, _) in VERBS {
        text += &format!("  {name}\n");
    }
    text += "  wait_job\n\nKnown to Slurm, and not supported by this version:\n";
    text += &format!("  {}\n\nWhat each does stands in Slurm's manual, scontrol(1).\n", NOT_BUILT.join(" "));
    text
}
