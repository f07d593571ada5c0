//! Which verb is meant. Verbs may be shortened while they stay unambiguous.

use super::{Control, batch_script, configuration, hosts, jobs, ping, show, update};
use crate::version;

/// Name, what it does, and what runs.
type Verb = (&'static str, &'static str, fn(&Control, &[String]) -> u8);

/// Verbs with code, in the order in which shortened ones are looked for.
const VERBS: [Verb; 17] = [
    ("show", "show jobs, nodes, partitions, steps, the configuration and more", show::run),
    ("update", "change a job, node or partition", update::run),
    ("hold", "hold jobs; their users cannot release them where an administrator did it", |control, ids| {
        jobs::hold(control, ids, false)
    }),
    ("uhold", "hold jobs that their users may release", |control, ids| jobs::hold(control, ids, true)),
    ("release", "release held jobs", jobs::release),
    ("requeue", "put jobs back into the queue", |control, ids| jobs::requeue(control, ids, false)),
    ("requeuehold", "put jobs back into the queue, held", |control, ids| jobs::requeue(control, ids, true)),
    ("suspend", "stop the processes of jobs", |control, ids| jobs::suspend(control, ids, false)),
    ("resume", "let suspended jobs go on", |control, ids| jobs::suspend(control, ids, true)),
    ("notify", "write a line to the standard error of a job", jobs::notify),
    ("ping", "say which controllers answer", |control, words| {
        alone(control, words, "keyword:ping", || ping::run(control))
    }),
    ("reconfigure", "read the configuration again", |control, _| configuration::reconfigure(control)),
    ("write", "write the batch script of a job", batch_script::run),
    ("create", "make a partition", update::create),
    ("delete", "remove a partition", update::delete),
    ("errnumstr", "the text of an error number", hosts::errnumstr),
    ("version", "print the version", version),
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
    if let Some((.., verb)) = VERBS.iter().find(|(name, ..)| *name == wanted) {
        return verb(control, rest);
    }
    if NOT_BUILT.contains(&wanted.as_str()) {
        return control.fail(&format!("{wanted}: not supported by this version"));
    }
    let mut longer = VERBS.iter().filter(|(name, ..)| wanted.len() > 1 && name.starts_with(&wanted));
    match (longer.next(), longer.next()) {
        (Some((.., verb)), None) => verb(control, rest),
        _ => control.fail(&format!("invalid keyword: {word}")),
    }
}

fn help() -> String {
    let mut text = "scontrol [OPTION...] [COMMAND]\n\nCommands:\n".to_owned();
    for (name, about, _) in VERBS {
        text += &format!("  {name:<12} {about}\n");
    }
    text += "  wait_job     wait until the nodes of a job are ready\n\nKnown to Slurm, and not supported by this version:\n";
    text += &format!("  {}\n", NOT_BUILT.join(" "));
    text
}

/// `version`: printed whatever follows it, which is an error as in Slurm.
fn version(control: &Control, words: &[String]) -> u8 {
    let printed = control.print(&format!("{}\n", version::SLURM));
    alone(control, words, "version keyword", || printed)
}

/// Runs a verb that takes no words.
fn alone(control: &Control, words: &[String], what: &str, run: impl FnOnce() -> u8) -> u8 {
    if words.is_empty() { run() } else { control.fail(&format!("too many arguments for {what}")) }
}
