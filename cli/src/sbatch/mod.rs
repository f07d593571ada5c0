//! `sbatch`: submits a batch script.

mod script;
mod send;
mod wait;

use muster_dialect::options::tables::SBATCH;
use muster_dialect::options::{self, Parsed};
use muster_dialect::script::directives;
use muster_proto::durable::JobKind;

use crate::process::{Here, Variables};
use crate::request::{Bad, Command, Draft, Source, from_environment};
use crate::say::Voice;
use crate::site::Site;
use crate::{entry, refusal};
use script::{Origin, SCRIPT_BYTES_DEFAULT, origin};
pub(crate) use send::Submission;

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SBATCH, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let voice = voice_of(&parsed);
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    match prepare(&parsed, &site, words, voice) {
        Ok(submission) => match site.reach(voice.program) {
            Ok(reach) => submission.carry_out(&reach.client, &site.config.cluster_name, voice),
            Err(error) => error.report(voice),
        },
        Err(code) => code,
    }
}

fn voice_of(parsed: &Parsed) -> Voice {
    let mut voice = Voice::new("sbatch");
    voice.verbosity = if parsed.has("quiet") { -1 } else { entry::count(parsed, "verbose") };
    voice
}

/// From the command line, the script and the environment to what is sent. Errors are told here.
fn prepare(parsed: &Parsed, site: &Site, words: &[String], voice: Voice) -> Result<Submission, u8> {
    let told = |text: String| {
        voice.error(&text);
        1
    };
    let wrap = parsed.last("wrap").flatten();
    let origin = origin(wrap, &parsed.operands).map_err(|error| told(error.to_string()))?;
    let bytes_max = site.scheduler_number("max_script_size").unwrap_or(SCRIPT_BYTES_DEFAULT);
    let script = origin.read(bytes_max).map_err(|error| told(error.to_string()))?;
    let variables = Variables::of_this_process();
    let draft = draft(parsed, &script, &origin, &variables, voice)?;
    let here = Here::look(&[vec!["sbatch".to_owned()], words.to_vec()].concat());
    let client = draft.client.clone();
    let environment = draft.environment(&variables, &here).map_err(|error| told(error.to_string()))?;
    let environment = environment.encoded().map_err(|error| told(error.to_string()))?;
    let name = origin.job_name();
    let command = Command {
        kind: JobKind::Batch,
        name: name.clone(),
        args: parsed.operands.iter().skip(1).cloned().collect(),
        script: absolute(&origin, &here.directory),
    };
    let mut job = draft.into_job(&here, site, command).map_err(|bad| bad.report(voice))?;
    job.export_none = client.get_user_env || client.export.as_ref().is_some_and(crate::process::Export::wants_login);
    if !client.open_mode_given {
        job.append = site.config.job_file_append;
    }
    Ok(Submission { job, script, environment, client })
}

/// Environment, then `#SBATCH` lines, then the command line: a later one wins.
fn draft(
    parsed: &Parsed,
    script: &[u8],
    origin: &Origin<'_>,
    variables: &Variables,
    voice: Voice,
) -> Result<Draft, u8> {
    let mut draft = Draft::new(entry::now_ms());
    let report = |bad: Bad| bad.report(voice);
    from_environment(&mut draft, &SBATCH, variables).map_err(report)?;
    let lines = script_options(script, origin, voice)?;
    draft.apply_all(&lines.options, Source::Script).map_err(report)?;
    draft.apply_all(&parsed.options, Source::CommandLine).map_err(report)?;
    Ok(draft)
}

/// The options in the script's `#SBATCH` lines, read as one command line.
fn script_options(script: &[u8], origin: &Origin<'_>, voice: Voice) -> Result<Parsed, u8> {
    let text = String::from_utf8_lossy(script);
    let found = directives(&text, "#SBATCH").map_err(|error| {
        let file = match origin {
            Origin::Path(path) => path,
            Origin::Wrap(_) | Origin::StandardInput => "stdin",
        };
        voice.fatal(&format!("{file}: {error}"));
        refusal::failed()
    })?;
    let words: Vec<String> = found.into_iter().flat_map(|(_, words)| words).collect();
    if words.iter().any(|word| word == "hetjob" || word == "packjob") {
        return Err(Bad::NotBuilt("hetjob".into()).report(voice));
    }
    let parsed = options::parse(&SBATCH, &words).map_err(|error| {
        voice.bare(&error.to_string());
        SBATCH.exit_code_of_errors()
    })?;
    match parsed.operands.first() {
        Some(word) => {
            voice.error(&format!("Invalid directive found in batch script: {word}"));
            Err(255)
        }
        None => Ok(parsed),
    }
}

/// The script's path as `scontrol show job` shows it.
fn absolute(origin: &Origin<'_>, current: &str) -> String {
    match origin {
        Origin::Path(path) if path.starts_with('/') => (*path).to_owned(),
        Origin::Path(path) => format!("{current}/{}", path.trim_start_matches("./")),
        Origin::Wrap(_) | Origin::StandardInput => String::new(),
    }
}
