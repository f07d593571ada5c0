//! From srun's options and surroundings to the step that is wanted.

use muster_dialect::options::Parsed;
use muster_dialect::options::tables::SRUN;
use muster_proto::durable::StepSpec;

use super::mpi;
use super::streams::{Streams, StreamsError};
use super::terminal;
use crate::allocation::Granted;
use crate::process::{Here, Propagate, Variables, captured};
use crate::request::{Bad, Draft, Source, directory, from_environment};
use crate::say::os_error;
use crate::site::Site;

/// Largest `--multi-prog` file, bytes: what the contract carries.
const MULTI_PROG_BYTES_MAX: usize = 64 * 1024;
/// The step's id is the cluster's to give.
const STEP_ID_NEXT: u32 = u32::MAX;

/// Whether srun runs in a job that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Inside {
    Nothing,
    Job { id: String, nodes: Option<u32> },
}

impl Inside {
    /// `--jobid`, or the variables that a job sets.
    pub(super) fn of(parsed: &Parsed, variables: &Variables) -> Self {
        let option = parsed.last("jobid").flatten();
        let id = option.or_else(|| variables.get("SLURM_JOB_ID")).or_else(|| variables.get("SLURM_JOBID"));
        let nodes = variables.get("SLURM_JOB_NUM_NODES").and_then(|count| count.parse().ok());
        match id.filter(|id| !id.is_empty()) {
            Some(id) => Self::Job { id: id.to_owned(), nodes: if option.is_some() { None } else { nodes } },
            None => Self::Nothing,
        }
    }
}

/// The options of environment and command line.
///
/// # Errors
/// The first that cannot be taken.
pub(super) fn draft(parsed: &Parsed, variables: &Variables, inside: &Inside) -> Result<Draft, Bad> {
    let mut draft = Draft::new(crate::entry::now_ms());
    draft.client.is_srun = true;
    let mut variables = variables.clone();
    if let Inside::Job { id, .. } = inside {
        id.parse::<u32>().map_err(|_| Bad::number("jobid", id))?;
        // They name the job and what it was given, not what a step of it asks for.
        for of_the_job in ["SLURM_JOB_NAME", "SLURM_GPUS", "SLURM_GPUS_PER_NODE", "SLURM_GRES", "SLURM_EXCLUSIVE"] {
            variables.remove(of_the_job);
        }
    }
    if let (Some("plane"), Some(size)) = (variables.get("SLURM_DISTRIBUTION"), variables.get("SLURM_DIST_PLANESIZE")) {
        let text = format!("plane={size}");
        variables.set("SLURM_DISTRIBUTION", text);
    }
    from_environment(&mut draft, &SRUN, &variables)?;
    draft.apply_all(&parsed.options, Source::CommandLine)?;
    Ok(draft)
}

/// A step, and what is known of it before it is made.
#[derive(Debug)]
pub(super) struct StepDraft {
    pub(super) spec: StepSpec,
    pub(super) environment: Variables,
    pub(super) streams: Streams,
    /// The size is asked for; else it is that of the allocation.
    sized: bool,
    pub(super) warnings: Vec<String>,
}

impl StepDraft {
    /// What the options ask for.
    ///
    /// # Errors
    /// What does not go together, or files that cannot be opened.
    pub(super) fn of(
        draft: &Draft,
        command: &[String],
        here: &Here,
        site: &Site,
        inside: &Inside,
    ) -> Result<Self, Bad> {
        mpi::check(&draft.step.mpi)?;
        if draft.step.mpi.is_empty() {
            mpi::check(&site.config.mpi_default)?;
        }
        if *inside != Inside::Nothing {
            refuse_job_resources(draft)?;
        }
        let mut spec = draft.step.clone();
        fill(&mut spec, draft, command, here, site);
        if spec.multi_prog {
            spec.multi_prog_text = multi_prog(&command[0])?.into();
        }
        check_pty(&mut spec);
        let mut sizes = Sizes::of(draft, inside)?;
        spec.ntasks = sizes.tasks;
        spec.min_nodes = sizes.min_nodes;
        spec.max_nodes = sizes.max_nodes;
        let streams = Streams::of(draft, &spec).map_err(|error| match error {
            StreamsError::Input(error) => Bad::Refused(format!("Could not open stdin file: {}", os_error(&error))),
        })?;
        streams.tell(&mut spec);
        Ok(Self {
            environment: environment(draft, here, &spec, inside, site),
            spec,
            streams,
            sized: sizes.tasks > 0,
            warnings: std::mem::take(&mut sizes.warnings),
        })
    }

    /// In an allocation of its own, a step has all of it unless it asked for less.
    pub(super) fn sized_by(mut self, granted: &Granted) -> Self {
        let nodes = granted.node_count().max(1);
        if !self.sized {
            let per_node = self.spec.ntasks_per_node;
            self.spec.ntasks = if per_node > 0 { nodes * per_node } else { granted.info.num_tasks.max(nodes) };
        }
        self.spec.min_nodes = nodes.min(self.spec.ntasks.max(1));
        self.spec.max_nodes = 0;
        self
    }

    /// Whether tasks and nodes follow from the job that it runs in.
    pub(super) fn is_sized(&self) -> bool {
        self.sized
    }
}

/// A step's share is asked for by node or task.
fn refuse_job_resources(draft: &Draft) -> Result<(), Bad> {
    let of_a_job = ["gpus", "gpus-per-socket"].into_iter().find(|name| draft.is_given(name, Source::CommandLine));
    of_a_job.map_or(Ok(()), |name| Err(Bad::NotBuilt(format!("{name} (of a step)"))))
}

fn fill(spec: &mut StepSpec, draft: &Draft, command: &[String], here: &Here, site: &Site) {
    let request = &draft.request;
    let name = command[0].rsplit('/').next().unwrap_or_default();
    spec.step_id = if draft.client.interactive { muster_dialect::step::StepId::INTERACTIVE.0 } else { STEP_ID_NEXT };
    if spec.name.is_empty() {
        name.clone_into(&mut spec.name);
    }
    spec.cpus_per_task = request.cpus_per_task.max(1);
    spec.cpus_per_task_set = request.cpus_per_task_set;
    spec.exact |= spec.exclusive || draft.is_given("cpus-per-task", Source::CommandLine);
    spec.nodes.clone_from(&request.required_nodes);
    spec.excluded_nodes.clone_from(&request.excluded_nodes);
    spec.ntasks_per_node = request.ntasks_per_node;
    spec.distribution.clone_from(&request.distribution);
    spec.overcommit = request.overcommit;
    spec.mem_per_node_mib = request.mem_per_node_mib;
    spec.mem_per_cpu_mib = request.mem_per_cpu_mib;
    spec.tres_per_node.clone_from(&request.tres_per_node);
    spec.tres_per_task.clone_from(&request.tres_per_task);
    spec.time_limit_s = draft.job.time_limit_s;
    spec.work_dir = directory(draft.client.chdir.as_deref(), &here.directory);
    spec.append = draft.job.append;
    spec.args = command.to_vec();
    spec.umask = here.umask;
    spec.rlimits = captured(&draft.client.propagate.clone().unwrap_or_else(|| configured(site)));
    spec.srun_host.clone_from(&here.host);
    spec.srun_pid = here.pid;
    spec.attached = true;
    spec.submit_line.clone_from(&here.line);
    if !draft.client.kill_on_bad_exit_given {
        spec.kill_on_bad_exit = site.config.kill_on_bad_exit;
    }
    if spec.wait_s == 0 {
        spec.wait_s = site.config.wait_time_s;
    }
    let scripts = &site.config.scripts;
    for (own, configured) in
        [(&mut spec.task_prolog, &scripts.task_prolog), (&mut spec.task_epilog, &scripts.task_epilog)]
    {
        if own.is_empty() {
            configured.clone().unwrap_or_default().clone_into(own);
        }
    }
}

fn configured(site: &Site) -> Propagate {
    Propagate::parse(&site.config.propagate_rlimits.join(",")).unwrap_or(Propagate::All)
}

/// Tasks and nodes, as far as they are known without the allocation.
struct Sizes {
    tasks: u32,
    min_nodes: u32,
    max_nodes: u32,
    warnings: Vec<String>,
}

impl Sizes {
    fn of(draft: &Draft, inside: &Inside) -> Result<Self, Bad> {
        let request = &draft.request;
        let (mut min_nodes, mut max_nodes) = (request.min_nodes, request.max_nodes);
        if let Inside::Job { nodes: Some(nodes), .. } = inside
            && draft.client.relative_given
            && draft.step.relative + min_nodes.max(1) > *nodes
        {
            let (relative, wanted) = (draft.step.relative, min_nodes.max(1));
            let text = "--relative and SLURM_JOB_NUM_NODES option incompatible with count of allocated nodes";
            return Err(Bad::Refused(format!("{text} ({relative}+{wanted}>{nodes})")));
        }
        let by_nodes = min_nodes * request.ntasks_per_node.max(1);
        let tasks = if request.ntasks_set { request.ntasks } else { by_nodes };
        let mut warnings = Vec::new();
        if request.ntasks_set && tasks < min_nodes {
            // An allocation that is larger than the step is no surprise.
            if draft.is_given("nodes", Source::CommandLine) {
                warnings.push(format!(
                    "Warning: can't run {tasks} processes on {min_nodes} nodes, setting nnodes to {tasks}"
                ));
            }
            (min_nodes, max_nodes) = (tasks, tasks);
        }
        Ok(Self { tasks, min_nodes, max_nodes, warnings })
    }
}

/// A terminal is passed through only where there is one.
fn check_pty(spec: &mut StepSpec) {
    if !spec.pty {
        return;
    }
    match terminal::size() {
        Some((rows, columns)) => (spec.pty_rows, spec.pty_columns) = (u32::from(rows), u32::from(columns)),
        None => {
            let voice = crate::say::Voice::new("srun");
            voice.error("ioctl(TIOCGWINSZ): Inappropriate ioctl for device");
            voice.error("Not using a pseudo-terminal, disregarding --pty option");
            spec.pty = false;
        }
    }
}

fn multi_prog(path: &str) -> Result<Vec<u8>, Bad> {
    let text =
        std::fs::read(path).map_err(|_| Bad::Refused(format!("Could not open multi_prog config file {path}")))?;
    if text.len() > MULTI_PROG_BYTES_MAX {
        return Err(Bad::Refused(format!("multi_prog config file {path} is larger than {MULTI_PROG_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// What the tasks inherit. The node adds what it knows of job, step and task.
fn environment(draft: &Draft, here: &Here, spec: &StepSpec, inside: &Inside, site: &Site) -> Variables {
    let mine = Variables::of_this_process();
    let mut out = mine.exported(&draft.client.export.clone().unwrap_or_default());
    draft.name_options(&mut out);
    if *inside == Inside::Nothing {
        out.set("SLURM_SUBMIT_DIR", here.directory.as_str());
        out.set("SLURM_SUBMIT_HOST", here.host.as_str());
    }
    if let Inside::Job { nodes, .. } = inside
        && spec.distribution.is_empty()
    {
        out.set("SLURM_DISTRIBUTION", usual_distribution(spec, nodes.unwrap_or(1)));
    }
    if let Some(address) = site.own_address() {
        out.set("SLURM_LAUNCH_NODE_IPADDR", address.as_str());
        out.set("SLURM_SRUN_COMM_HOST", address);
    }
    if spec.label {
        out.set("SLURM_LABELIO", "1");
    }
    out.set("SRUN_DEBUG", (3 + draft.client.verbose).to_string());
    out
}

/// What a step without `-m` says of itself, as Slurm does in an allocation: a task a node goes around, more fill up.
fn usual_distribution(spec: &StepSpec, job_nodes: u32) -> &'static str {
    let nodes = if spec.min_nodes > 0 { spec.min_nodes } else { job_nodes };
    if spec.ntasks <= nodes { "cyclic" } else { "block" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_dialect::options::parse;

    fn draft_of(words: &[&str], variables: &[(&str, &str)]) -> (Draft, Inside) {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let parsed = parse(&SRUN, &words).expect("valid options");
        let variables = Variables::of(variables);
        let inside = Inside::of(&parsed, &variables);
        (draft(&parsed, &variables, &inside).expect("valid values"), inside)
    }

    fn sizes(words: &[&str], variables: &[(&str, &str)]) -> (u32, u32) {
        let (draft, inside) = draft_of(words, variables);
        let sizes = Sizes::of(&draft, &inside).expect("they fit");
        (sizes.tasks, sizes.min_nodes)
    }

    #[test]
    fn a_step_is_as_wide_as_its_job_unless_it_says_otherwise() {
        let job = [("SLURM_JOB_ID", "5"), ("SLURM_NNODES", "2"), ("SLURM_JOB_NUM_NODES", "2")];
        assert_eq!(sizes(&["hostname"], &job), (2, 2));
        assert_eq!(sizes(&["-n1", "hostname"], &job), (1, 1));
        assert_eq!(sizes(&["-n4", "hostname"], &job), (4, 2));
        assert_eq!(sizes(&["--ntasks-per-node=3", "hostname"], &job), (6, 2));
    }

    #[test]
    fn the_jobs_own_name_is_not_its_steps() {
        let (draft, inside) = draft_of(&["true"], &[("SLURM_JOB_ID", "5"), ("SLURM_JOB_NAME", "big")]);
        assert_eq!(draft.step.name, "");
        assert!(matches!(inside, Inside::Job { .. }));
        let (draft, inside) = draft_of(&["true"], &[("SLURM_JOB_NAME", "big")]);
        assert_eq!((draft.step.name.as_str(), inside), ("big", Inside::Nothing));
    }

    #[test]
    fn a_step_names_its_usual_distribution() {
        let named = |ntasks, min_nodes| usual_distribution(&StepSpec { ntasks, min_nodes, ..StepSpec::default() }, 2);
        assert_eq!((named(0, 0), named(2, 2), named(2, 1), named(3, 0)), ("cyclic", "cyclic", "block", "block"));
    }

    #[test]
    fn relative_must_fit_the_allocation() {
        let job = [("SLURM_JOB_ID", "5"), ("SLURM_JOB_NUM_NODES", "1")];
        let (draft, inside) = draft_of(&["-r5", "hostname"], &job);
        let text = "--relative and SLURM_JOB_NUM_NODES option incompatible with count of allocated nodes (5+1>1)";
        assert_eq!(Sizes::of(&draft, &inside).err(), Some(Bad::Refused(text.into())));
    }
}
