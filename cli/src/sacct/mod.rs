//! `sacct`: what became of jobs and their steps.

mod ask;
mod job_cell;
mod step_cell;
mod wanted;

use muster_dialect::conf::AccountingStorage;
use muster_dialect::format::tables;
use muster_dialect::options::tables::SACCT;

use crate::entry;
use crate::process::Variables;
use crate::say::{Voice, to_stdout};
use crate::site::{Site, block_on};
use wanted::Wanted;

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SACCT, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let voice = Voice::new("sacct");
    if parsed.has("helpformat") {
        return u8::from(!to_stdout(&help_format()));
    }
    let wanted = match Wanted::read(&parsed, &Variables::of_this_process(), entry::now_ms()) {
        Ok(wanted) => wanted,
        Err(bad) => return bad.report(voice),
    };
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    if site.config.accounting_storage == AccountingStorage::None
        && site.config.setting("AccountingStorageType").is_some()
    {
        voice.bare("Slurm accounting storage is disabled");
        return 1;
    }
    match site.reach(voice.program) {
        Ok(reach) => block_on(ask::run(&reach, &wanted, voice)),
        Err(error) => error.report(voice),
    }
}

/// Four names a line.
fn help_format() -> String {
    let names: Vec<&str> = tables::SACCT.iter().map(|field| field.name).collect();
    names
        .chunks(4)
        .map(|line| line.iter().map(|name| format!("{name:<19} ")).collect::<String>().trim_end().to_owned() + "\n")
        .collect()
}
