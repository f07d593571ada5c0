//! `salloc`: holds an allocation while a command runs.

mod hold;
mod program;

use muster_dialect::options::tables::SALLOC;
use muster_proto::durable::JobKind;

use crate::allocation::obtain;
use crate::entry;
use crate::process::{Here, Variables};
use crate::request::{Command, Draft, Source, from_environment};
use crate::say::Voice;
use crate::signals::Signals;
use crate::site::{Reach, Site, block_on};
use hold::Held;
use program::Program;

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SALLOC, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut voice = Voice::new("salloc");
    voice.verbosity = if parsed.has("quiet") { -1 } else { entry::count(&parsed, "verbose") };
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    let mine = Variables::of_this_process();
    let mut draft = Draft::new(entry::now_ms());
    let applied = from_environment(&mut draft, &SALLOC, &mine)
        .and_then(|()| draft.apply_all(&parsed.options, Source::CommandLine));
    if let Err(bad) = applied {
        return bad.report(voice);
    }
    match site.reach(voice.program) {
        Ok(reach) => block_on(allocate(&site, &reach, draft, &parsed.operands, words, voice)),
        Err(error) => error.report(voice),
    }
}

async fn allocate(site: &Site, reach: &Reach, draft: Draft, operands: &[String], words: &[String], voice: Voice) -> u8 {
    let mine = Variables::of_this_process();
    let here = Here::look(&[vec!["salloc".to_owned()], words.to_vec()].concat());
    let client = draft.client.clone();
    let mut environment = mine.clone();
    draft.name_options(&mut environment);
    draft.name_gpus(&mut environment);
    draft.name_memory(&mut environment);
    let program = Program::choose(operands, site, &mine);
    let name = if client.no_shell { "no-shell" } else { "interactive" };
    let command =
        Command { kind: JobKind::Alloc, name: name.to_owned(), args: operands.to_vec(), script: String::new() };
    let chdir = client.chdir.clone();
    let job = match draft.into_job(&here, site, command) {
        Ok(job) => job,
        Err(bad) => return bad.report(voice),
    };
    let Ok(mut signals) = Signals::install() else {
        voice.error("signals cannot be waited for");
        return 1;
    };
    let granted = match obtain(&reach.client, job, Vec::new(), &client, &mut signals, voice).await {
        Ok(granted) => granted,
        Err(denied) => return denied.0,
    };
    voice.info(&format!("Granted job allocation {}", granted.job_id));
    if client.bell {
        crate::say::to_stderr("\u{7}");
    }
    if client.no_shell {
        return 0;
    }
    granted.name(&site.config.cluster_name, &mut environment);
    let held = Held { client: &reach.client, granted: &granted, voice, kill: client.kill_command };
    held.run(&program, &environment, chdir.as_deref(), &mut signals).await
}
