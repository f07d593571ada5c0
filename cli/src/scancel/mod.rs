//! `scancel`: cancels or signals jobs, array tasks and steps.
//!
//! Two ways: ids alone are cancelled in one request, and one that does not exist is no error. With filters or a signal
//! the cluster chooses among all jobs, unless the user wants to see (`-v`) or confirm (`-i`) each.

mod ask;
mod kill;
mod wanted;

use muster_dialect::options::tables::SCANCEL;

use crate::entry;
use crate::process::Variables;
use crate::say::Voice;
use crate::site::{Site, block_on};
use wanted::Wanted;

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SCANCEL, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut voice = Voice::new("scancel");
    let wanted = match Wanted::read(&parsed, &Variables::of_this_process()) {
        Ok(wanted) => wanted,
        Err(error) => return error.report(voice),
    };
    voice.verbosity = if wanted.quiet { -1 } else { wanted.verbosity };
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    if let Some(cluster) = wanted.other_cluster(&site.config.cluster_name) {
        voice.error(&format!("No cluster '{cluster}' known by database."));
        return 1;
    }
    match site.reach(voice.program) {
        Ok(reach) if wanted.one_by_one() => block_on(ask::each(&reach.client, &wanted, voice)),
        Ok(reach) => block_on(kill::all(&reach.client, &wanted, voice)),
        Err(error) => error.report(voice),
    }
}
