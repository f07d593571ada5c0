//! Opens what tasks read and write, as the user.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use muster_dialect::pattern::{self, PatternJob, PatternPlace};
use muster_dialect::step::StepId;
use muster_proto::wire::LaunchStep;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::argument::{Stream, StreamNames};
use super::plan::Plan;
use super::wire::Launch;

/// A task's three descriptors, and the supervisor's ends of those that are pipes.
pub(crate) struct TaskStreams {
    pub(crate) stdin: OwnedFd,
    pub(crate) stdout: OwnedFd,
    pub(crate) stderr: OwnedFd,
    pub(crate) ends: PipeEnds,
}

/// The supervisor's ends.
#[derive(Default)]
pub(crate) struct PipeEnds {
    pub(crate) stdin: Option<OwnedFd>,
    pub(crate) stdout: Option<OwnedFd>,
    pub(crate) stderr: Option<OwnedFd>,
    /// The master of a pseudo terminal: all three in one.
    pub(crate) terminal: Option<OwnedFd>,
}

/// A file that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("Could not open {what} file {path}: {}", reason(.error))]
pub(crate) struct OpenError {
    what: &'static str,
    path: String,
    error: io::Error,
}

fn reason(error: &io::Error) -> String {
    let number = error.raw_os_error().map(nix::errno::Errno::from_raw);
    number.map_or_else(|| error.to_string(), |number| number.desc().to_owned())
}

/// Opens files once, however many tasks share them.
pub(crate) struct Files<'a> {
    plan: &'a Plan,
    names: Names,
    written: BTreeMap<PathBuf, File>,
}

impl<'a> Files<'a> {
    pub(crate) fn new(launch: &Launch, order: &LaunchStep, plan: &'a Plan) -> Self {
        Self { plan, names: Names::of(launch, order), written: BTreeMap::new() }
    }

    /// The descriptors of one task.
    pub(crate) fn of_task(&mut self, global: u32) -> Result<TaskStreams, OpenError> {
        let StreamNames { stdin, stdout, stderr, .. } = &self.plan.names;
        let mut ends = PipeEnds::default();
        let input = self.input(stdin, global, &mut ends)?;
        let (output, end) = self.output("stdout", stdout, global)?;
        ends.stdout = end;
        let error = match stderr {
            None => output.try_clone().map_err(|error| open_error("stderr", Path::new(""), error))?,
            Some(stream) => {
                let (error, end) = self.output("stderr", stream, global)?;
                ends.stderr = end;
                error
            }
        };
        Ok(TaskStreams { stdin: input, stdout: output, stderr: error, ends })
    }

    fn input(&self, stream: &Stream, global: u32, ends: &mut PipeEnds) -> Result<OwnedFd, OpenError> {
        if stream.is_piped(global) {
            let (read, write) = pipe("stdin")?;
            ends.stdin = Some(write);
            return Ok(read);
        }
        let Stream::File(pattern) = stream else { return null("stdin") };
        let path = self.path(pattern, global);
        let opened = self.plan.ids.with_their_files(|| File::open(&path));
        opened.map(OwnedFd::from).map_err(|error| open_error("stdin", &path, error))
    }

    fn output(
        &mut self,
        what: &'static str,
        stream: &Stream,
        global: u32,
    ) -> Result<(OwnedFd, Option<OwnedFd>), OpenError> {
        if stream.is_piped(global) {
            let (read, write) = pipe(what)?;
            return Ok((write, Some(read)));
        }
        let Stream::File(pattern) = stream else { return Ok((null(what)?, None)) };
        let path = self.path(pattern, global);
        if !self.written.contains_key(&path) {
            let file = self.plan.ids.with_their_files(|| create(&path, self.plan));
            self.written.insert(path.clone(), file.map_err(|error| open_error(what, &path, error))?);
        }
        let file = self.written[&path].as_fd().try_clone_to_owned();
        file.map(|file| (file, None)).map_err(|error| open_error(what, &path, error))
    }

    fn path(&self, pattern: &str, global: u32) -> PathBuf {
        Path::new(&self.plan.work_dir).join(self.names.expand(pattern, global))
    }

    /// A descriptor for the supervisor's own lines, where standard error is a file.
    pub(crate) fn for_notices(&self, streams: &TaskStreams) -> Option<OwnedFd> {
        let is_file = matches!(self.plan.names.stderr.as_ref().unwrap_or(&self.plan.names.stdout), Stream::File(_));
        is_file.then(|| streams.stderr.try_clone().ok()).flatten()
    }
}

fn create(path: &Path, plan: &Plan) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    // As the user's own umask would have it.
    let mask = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(plan.umask));
    let append = plan.names.append;
    // O_APPEND always: tasks, stderr and notices share the file and must not overwrite one another.
    let opened = OpenOptions::new().append(true).create(true).mode(0o666).open(path);
    nix::sys::stat::umask(mask);
    let file = opened?;
    if !append && file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

fn null(what: &'static str) -> Result<OwnedFd, OpenError> {
    let opened = OpenOptions::new().read(true).write(true).open("/dev/null");
    opened.map(OwnedFd::from).map_err(|error| open_error(what, Path::new("/dev/null"), error))
}

fn pipe(what: &'static str) -> Result<(OwnedFd, OwnedFd), OpenError> {
    pipe2(OFlag::O_CLOEXEC).map_err(|error| open_error(what, Path::new("pipe"), error.into()))
}

fn open_error(what: &'static str, path: &Path, error: io::Error) -> OpenError {
    OpenError { what, path: path.display().to_string(), error }
}

/// What patterns stand for.
struct Names {
    job_id: u32,
    array: Option<(u32, u32)>,
    user: String,
    job_name: String,
    step: StepId,
    node: String,
    node_index: u32,
}

impl Names {
    fn of(launch: &Launch, order: &LaunchStep) -> Self {
        let (facts, job) = (order.facts.clone().unwrap_or_default(), order.job.clone().unwrap_or_default());
        Self {
            job_id: facts.job_id,
            array: facts.array_task.map(|task| (facts.array_job_id, task)),
            user: job.user_name,
            job_name: job.name,
            step: StepId(launch.step),
            node: launch.node_name.split('.').next().unwrap_or_default().to_owned(),
            node_index: facts.node_position,
        }
    }

    fn expand(&self, pattern: &str, task: u32) -> String {
        let job = PatternJob { job: self.job_id, array: self.array, user: &self.user, name: &self.job_name };
        let place = PatternPlace { step: self.step, node: &self.node, node_index: self.node_index, task };
        pattern::expand(pattern, &job, &place)
    }
}
