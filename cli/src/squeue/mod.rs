//! `squeue`: jobs and steps that wait, run or have just ended.

mod ask;
mod job_cell;
mod order;
mod step_cell;
mod wanted;

use std::time::Duration;

use muster_dialect::options::tables::SQUEUE;

use crate::entry;
use crate::help::usage;
use crate::list::Bad;
use crate::process::Variables;
use crate::say::{Voice, to_stdout};
use crate::site::{Site, block_on};
use wanted::Wanted;

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SQUEUE, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let voice = Voice::new("squeue");
    let wanted = match Wanted::read(&parsed, &Variables::of_this_process()) {
        Ok(wanted) => wanted,
        Err(bad) => {
            if matches!(&bad, Bad::Value(text) if text.starts_with("Unrecognized option")) {
                let _printed = to_stdout(&usage(&SQUEUE));
            }
            return bad.report(voice);
        }
    };
    wanted.format_problems().iter().for_each(|line| voice.bare(line));
    // Slurm's line ends with an empty one.
    wanted.unknown_users.iter().for_each(|name| voice.error(&format!("Invalid user: {name}\n")));
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    match site.reach(voice.program) {
        Ok(reach) => block_on(repeat(&reach, &wanted, voice)),
        Err(error) => error.report(voice),
    }
}

/// Once, or every so many seconds until it is interrupted.
async fn repeat(reach: &crate::site::Reach, wanted: &Wanted, voice: Voice) -> u8 {
    loop {
        let code = ask::once(reach, wanted, voice).await;
        let Some(seconds) = wanted.iterate_s.filter(|_| code == 0) else { return code };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}
