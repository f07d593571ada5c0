//! Where the tasks' three streams end: at this command, in one file here, or in files that the nodes open.
//!
//! A pattern that stands for one file is opened here, as the user sees the file system; one that stands for a file a
//! task or node is the nodes' business.

use std::fs::File;
use std::io;

use muster_dialect::pattern::{Files, PatternJob, PatternPlace, Stdio, expand, files};
use muster_dialect::step::StepId;
use muster_proto::durable::StepSpec;
use thiserror::Error;

use crate::request::Draft;

/// A file here that cannot be opened.
#[derive(Debug, Error)]
pub(super) enum StreamsError {
    #[error("stdin")]
    Input(io::Error),
}

/// Where standard input comes from.
#[derive(Debug)]
pub(super) enum Input {
    /// This command's own, to all tasks or to one.
    Mine(Option<u32>),
    /// A file here, to all tasks.
    File(File),
    /// The nodes see to it.
    Elsewhere,
}

/// Where output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// This command's own standard output or error.
    Mine,
    /// One file here, by this pattern.
    File(String),
    /// The nodes see to it: what they are told.
    Elsewhere(String),
}

/// All three.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) input: Input,
    pub(super) output: Output,
    /// None: wherever output goes.
    pub(super) error: Option<Output>,
    input_text: String,
    pub(super) append: bool,
    user: String,
    name: String,
}

impl Streams {
    /// As `-i`, `-o` and `-e` say.
    ///
    /// # Errors
    /// The input file cannot be opened.
    pub(super) fn of(draft: &Draft, spec: &StepSpec) -> Result<Self, StreamsError> {
        let (input, input_text) = input(&draft.job.std_in, spec.pty, spec.ntasks)?;
        let given = |text: &str| (!text.is_empty()).then(|| output(text));
        Ok(Self {
            input,
            input_text,
            output: given(&draft.job.std_out).unwrap_or(Output::Mine),
            error: given(&draft.job.std_err),
            append: draft.job.append,
            user: user_name(),
            name: spec.name.clone(),
        })
    }

    /// What the nodes are told.
    pub(super) fn tell(&self, spec: &mut StepSpec) {
        let told = |output: &Output| match output {
            Output::Mine | Output::File(_) => String::new(),
            Output::Elsewhere(text) => text.clone(),
        };
        spec.std_in.clone_from(&self.input_text);
        spec.std_out = told(&self.output);
        spec.std_err = match &self.error {
            // Where both come here they come apart, unless one file takes both.
            Some(error) if told(error).is_empty() && !spec.std_out.is_empty() => "all".to_owned(),
            Some(error) => told(error),
            None => String::new(),
        };
    }

    /// Opens the files that are here, once the ids are known.
    ///
    /// # Errors
    /// A file cannot be opened: which, and why.
    pub(super) fn open(&self, job_id: u32, step_id: u32) -> Result<Opened, (&'static str, io::Error)> {
        let place = PatternPlace { step: StepId(step_id), node: "", node_index: 0, task: 0 };
        let job = PatternJob { job: job_id, array: None, user: &self.user, name: &self.name };
        let open = |pattern: &str| create(&expand(pattern, &job, &place), self.append);
        let output = match &self.output {
            Output::File(pattern) => Some(open(pattern).map_err(|error| ("stdout", error))?),
            Output::Mine | Output::Elsewhere(_) => None,
        };
        let error = match (&self.error, &output) {
            (Some(Output::File(pattern)), _) => Some(open(pattern).map_err(|error| ("stderr", error))?),
            (None, Some(output)) => Some(output.try_clone().map_err(|error| ("stderr", error))?),
            _ => None,
        };
        Ok(Opened { output, error })
    }
}

/// Files here that take the tasks' output.
#[derive(Debug, Default)]
pub(super) struct Opened {
    pub(super) output: Option<File>,
    pub(super) error: Option<File>,
}

/// A number that no task has is a file's name.
fn input(text: &str, pty: bool, ntasks: u32) -> Result<(Input, String), StreamsError> {
    if text.is_empty() {
        // A terminal belongs to the first task.
        return Ok((Input::Mine(pty.then_some(0)), String::new()));
    }
    Ok(match Stdio::parse(text) {
        Stdio::All => (Input::Mine(None), String::new()),
        Stdio::None => (Input::Elsewhere, "none".to_owned()),
        Stdio::Task(task) if ntasks == 0 || task < ntasks => (Input::Mine(Some(task)), task.to_string()),
        Stdio::Task(_) => (Input::File(File::open(text).map_err(StreamsError::Input)?), String::new()),
        Stdio::File(pattern) if files(&pattern) == Files::One && !pattern.contains('%') => {
            (Input::File(File::open(&pattern).map_err(StreamsError::Input)?), String::new())
        }
        Stdio::File(pattern) => (Input::Elsewhere, pattern),
    })
}

fn output(text: &str) -> Output {
    match Stdio::parse(text) {
        Stdio::All => Output::Mine,
        Stdio::None => Output::Elsewhere("none".to_owned()),
        Stdio::Task(task) => Output::Elsewhere(task.to_string()),
        Stdio::File(pattern) if files(&pattern) == Files::One => Output::File(pattern),
        Stdio::File(pattern) => Output::Elsewhere(pattern),
    }
}

fn create(path: &str, append: bool) -> io::Result<File> {
    let file = File::options().append(true).create(true).open(path)?;
    if !append && file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

fn user_name() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    user.map(|user| user.name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_is_ours_and_a_file_a_task_is_the_nodes() {
        assert_eq!(output("out.%j"), Output::File("out.%j".into()));
        assert_eq!(output("out.%t"), Output::Elsewhere("out.%t".into()));
        assert_eq!(output("none"), Output::Elsewhere("none".into()));
        assert_eq!(output("1"), Output::Elsewhere("1".into()));
        assert_eq!(output("all"), Output::Mine);
    }

    #[test]
    fn input_may_go_to_one_task() {
        assert!(matches!(input("0", false, 1), Ok((Input::Mine(Some(0)), text)) if text == "0"));
        assert!(matches!(input("none", false, 1), Ok((Input::Elsewhere, text)) if text == "none"));
        assert!(matches!(input("", true, 1), Ok((Input::Mine(Some(0)), text)) if text.is_empty()));
        assert!(input("/no/such/file", false, 1).is_err());
        assert!(matches!(input("1", false, 2), Ok((Input::Mine(Some(1)), _))));
        assert!(matches!(input("2", false, 2), Err(StreamsError::Input(_))), "a file of that name");
    }
}
