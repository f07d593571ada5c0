//! `muster`: what Slurm has no word for — founding the cluster, its replicas, proof that a node is dead, configuration
//! versions.

mod config;
mod fence;
mod fence_text;
mod init;
mod node;
mod pki;
mod replica;
mod replicas;
mod snapshot;
mod table;
mod upgrade;
mod watch;
mod watch_text;

use crate::say::{Voice, to_stdout};
use crate::site::{Reach, Site};
use crate::version;

const VOICE: Voice = Voice { program: "muster", verbosity: 0 };

const HELP: &str = "\
Usage: muster COMMAND

  init                                found the cluster that slurm.conf describes
  status [--json]                     replicas, and who leads
  replica list [--json]               the same
  replica add NAME                    wait until the controller NAME of slurm.conf is admitted and votes
  replica remove NAME                 take a replica out; refused where too few of the others answer
  replica replace NAME                give the place of a dead replica to a new, empty controller NAME
  replica transfer [NAME]             hand leadership over, before maintenance for instance
  watch [--since INDEX] [--json]      what changes, as it changes; more words: muster watch --help
  upgrade status [--json]             versions and feature levels of the replicas
  upgrade finish                      put the newest level that all know in force: then no program can go back
  node confirm-dead NODE --why TEXT   give proof that a node is off, so that its jobs may run elsewhere
  snapshot save FILE                  the whole state of the cluster as a file, while it runs
  snapshot inspect FILE               what such a file holds, and whether it is whole
  snapshot restore FILE               on the host of a controller with an empty directory: the cluster goes on from it
  fence NODE [--why TEXT] [--force]   switch a DOWN node off by its fence agents; --dry-run: say what would be done
  fence cancel NODE [--why TEXT]      call a fence operation off
  fence list|history [--json]         fence operations that are open, or all; which nodes keep a lease
  pki init|issue|renew|status         certificates of replicas, nodes and users (muster pki --help)
  config show [VERSION]               the configuration in force, or an older version
  config versions [--json]            all versions
  version                             what this is
  sbatch, srun, salloc, scancel, …    Slurm's commands, as under their own names
";

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let json = words.iter().any(|word| word == "--json");
    let words: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "--json").collect();
    match words.as_slice() {
        [] => usage(),
        ["--help" | "-h" | "help", ..] => print(HELP),
        ["--version" | "-V" | "version"] => print(&format!("{}\n", version::MUSTER)),
        ["pki", rest @ ..] if pki::wants_help(rest) => pki::help(),
        [command, rest @ ..] if rest.iter().any(|word| matches!(*word, "--help" | "-h")) => help_of(command),
        ["init"] => with_site(init::run),
        ["status"] | ["replica", "list"] => with_site(|site, reach| replicas::run(site, reach, json)),
        ["replica", rest @ ..] => replica::run(rest),
        ["upgrade", rest @ ..] => upgrade::run(rest, json),
        ["watch", rest @ ..] => watch::run(rest, json),
        ["node", "confirm-dead", rest @ ..] => node::confirm_dead(rest),
        ["snapshot", rest @ ..] => snapshot::run(rest),
        ["fence", rest @ ..] => fence::run(rest, json),
        ["pki", rest @ ..] => with_configuration(|site| pki::run(site, rest, json)),
        ["config", "show"] => with_site(|_, reach| config::show(reach, 0)),
        ["config", "show", version] => match version.parse() {
            Ok(version) => with_site(|_, reach| config::show(reach, version)),
            Err(_) => told(&format!("not a configuration version: {version}")),
        },
        ["config"] | ["config", "versions"] => with_site(|_, reach| config::versions(reach, json)),
        [other, ..] => {
            VOICE.error(&format!("no such command: {}", words.join(" ")));
            VOICE.bare(&format!("Try \"muster --help\" for more information about {other}"));
            1
        }
    }
}

/// What [`HELP`] says of it.
fn help_of(command: &str) -> u8 {
    if command == "watch" {
        return print(&format!("{}\n", watch::USAGE));
    }
    let lines = HELP.lines().filter(|line| line.split_whitespace().next() == Some(command));
    let lines: Vec<&str> = lines.collect();
    if lines.is_empty() {
        return told(&format!("no such command: {command}"));
    }
    print(&format!("Usage of muster {command}:\n\n{}\n", lines.join("\n")))
}

fn usage() -> u8 {
    crate::say::to_stderr(HELP);
    1
}

fn told(text: &str) -> u8 {
    VOICE.error(text);
    1
}

fn print(text: &str) -> u8 {
    u8::from(!to_stdout(text))
}

/// For what speaks to nobody.
fn with_configuration(work: impl FnOnce(&Site) -> u8) -> u8 {
    match Site::read_all() {
        Ok(site) => work(&site),
        Err(error) => error.report(VOICE),
    }
}

fn with_site(work: impl FnOnce(&Site, &Reach) -> u8) -> u8 {
    let site = match Site::read_all() {
        Ok(site) => site,
        Err(error) => return error.report(VOICE),
    };
    match site.reach(VOICE.program) {
        Ok(reach) => work(&site, &reach),
        Err(error) => error.report(VOICE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_can_be_asked_for_behind_each_command() {
        let asked = |words: &[&str]| run(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        let commands = ["init", "status", "replica", "watch", "upgrade", "node", "snapshot", "fence", "pki", "config"];
        for command in commands {
            assert_eq!(asked(&[command, "--help"]), 0, "{command}");
        }
        assert_eq!(asked(&["replica", "remove", "--help"]), 0);
        assert_eq!(asked(&["none", "--help"]), 1);
    }
}
