//! `sinfo`: partitions and nodes.

mod ask;
mod cell;
mod group;
mod wanted;

use std::time::Duration;

use muster_dialect::options::tables::SINFO;

use crate::entry;
use crate::process::Variables;
use crate::say::Voice;
use crate::site::{Reach, Site, block_on};
use wanted::Wanted;

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SINFO, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let voice = Voice::new("sinfo");
    let wanted = match Wanted::read(&parsed, &Variables::of_this_process()) {
        Ok(wanted) => wanted,
        Err(bad) => return bad.report(voice),
    };
    wanted.format.problems.iter().for_each(|line| voice.bare(line));
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
async fn repeat(reach: &Reach, wanted: &Wanted, voice: Voice) -> u8 {
    loop {
        let code = ask::once(reach, wanted, voice).await;
        let Some(seconds) = wanted.iterate_s.filter(|_| code == 0) else { return code };
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }
}
