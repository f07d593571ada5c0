//! `muster watch`: what changes, as it changes, until it is interrupted. It goes on by itself when its controller goes away.

use muster_channel::{CallError, Watching};
use muster_dialect::jobid::JobSpec;
use muster_proto::wire::watched::Kind;
use muster_proto::wire::{Watch, Watched};

use super::watch_text::{Line, lines};
use super::{VOICE, told, with_site};
use crate::process::user_id;
use crate::refusal::Refusal;
use crate::say::to_stdout;
use crate::site::{Reach, block_on};
use crate::target::target;

pub(super) const USAGE: &str =
    "usage: muster watch [--since INDEX] [--jobs] [--steps] [--nodes] [--job ID[,ID]] [--user NAME[,NAME]] [--json]";

pub(super) fn run(words: &[&str], json: bool) -> u8 {
    match read(words) {
        Ok(asked) => with_site(|_, reach| block_on(follow(reach, asked, json))),
        Err(why) => told(&why),
    }
}

fn read(words: &[&str]) -> Result<Watch, String> {
    let mut asked = Watch::default();
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (name, joined) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let mut value = || joined.or_else(|| words.next()).ok_or(format!("{name}: a value is missing\n{USAGE}"));
        match name {
            "--since" => asked.after_index = value()?.parse().map_err(|_| "--since: not an index".to_owned())?,
            "--job" => {
                let ids = JobSpec::parse_list(value()?).map_err(|_| "--job: not a job id".to_owned())?;
                asked.targets.extend(ids.iter().map(target));
            }
            "--user" => {
                for name in value()?.split(',') {
                    asked.users.push(user_id(name).map_err(|_| format!("--user: no such user: {name}"))?);
                }
            }
            "--jobs" if joined.is_none() => asked.jobs = true,
            "--steps" if joined.is_none() => asked.steps = true,
            "--nodes" if joined.is_none() => asked.nodes = true,
            _ => return Err(format!("unknown word {word}\n{USAGE}")),
        }
    }
    Ok(asked)
}

async fn follow(reach: &Reach, asked: Watch, json: bool) -> u8 {
    let mut watching = reach.client.watch(asked);
    loop {
        let watched = match next(reach, &mut watching).await {
            Ok(watched) => watched,
            Err(error) => {
                VOICE.info(&format!("go on with --since {}", watching.index()));
                return Refusal::of(&error, "what changed since").report(VOICE, "the watch ended");
            }
        };
        if !to_stdout(&text(&watched, json)) {
            return 1;
        }
    }
}

/// Once a controller answered, others have some time to take its place.
async fn next(reach: &Reach, watching: &mut Watching) -> Result<Watched, CallError> {
    tokio::select! {
        watched = watching.next() => watched,
        why = reach.client.not_reached() => Err(why),
    }
}

fn text(watched: &Watched, json: bool) -> String {
    let print = |line: &Line| if json { format!("{}\n", line.json()) } else { line.text() };
    match watched.kind() {
        // Marks are for programs: they say where to go on.
        Kind::Changes if watched.index != 0 && json => {
            let mark = Line::Mark { index: watched.index };
            lines(watched).chain([mark]).map(|line| print(&line)).collect()
        }
        _ => lines(watched).map(|line| print(&line)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_is_watched_and_from_where() {
        let asked = read(&["--since", "12", "--nodes", "--job=3,4_5", "--user", "0"]).unwrap();
        assert_eq!((asked.after_index, asked.nodes, asked.jobs, asked.users), (12, true, false, vec![0]));
        let ids: Vec<_> = asked.targets.iter().map(|target| (target.job_id, target.array_task)).collect();
        assert_eq!(ids, [(3, None), (4, Some(5))]);
        for bad in [&["--since"][..], &["--since", "x"], &["--nodes=1"], &["7"], &["--job", "a"]] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_quiet_message_is_a_mark_for_programs_and_nothing_for_people() {
        let quiet = Watched { index: 9, ..Watched::default() };
        assert_eq!(text(&quiet, true), "{\"event\":\"mark\",\"index\":9}\n");
        assert_eq!(text(&quiet, false), "");
    }
}
