//! The environment of tasks: the user's own, and what Slurm says about job, step and task.

use std::collections::BTreeMap;

use muster_dialect::step::StepId;
use muster_dialect::{cpus_per_node, hostlist};
use muster_proto::durable::{GresShare, JobSpec, Request, StepSpec};
use muster_proto::wire::{AttemptFacts, LaunchStep};

use super::paths;
use super::wire::Launch;

/// Largest environment that is passed on, variables.
const VARIABLES_MAX: usize = 100_000;

/// Where programs are looked for if nobody says.
pub(crate) const PATH_DEFAULT: &str = "/usr/local/bin:/usr/bin:/bin";

/// Names and values, sorted.
pub(crate) type Environment = BTreeMap<String, String>;

struct Context<'a> {
    launch: &'a Launch,
    order: &'a LaunchStep,
    job: JobSpec,
    facts: AttemptFacts,
    step: StepSpec,
}

/// What all tasks of the step share.
pub(crate) fn of_step(launch: &Launch, order: &LaunchStep) -> Environment {
    let context = Context {
        launch,
        order,
        job: order.job.clone().unwrap_or_default(),
        facts: order.facts.clone().unwrap_or_default(),
        step: order.spec.clone().unwrap_or_default(),
    };
    let mut env = parse(&order.environment);
    context.user(&mut env);
    context.job(&mut env);
    context.array(&mut env);
    context.gres(&mut env);
    if launch.step == StepId::BATCH.0 {
        context.batch(&mut env);
    } else {
        context.numbered(&mut env);
    }
    env
}

/// Whether the batch script gets the environment of a login under what it brings along.
pub(crate) fn wants_login(step: u32, job: &JobSpec) -> bool {
    step == StepId::BATCH.0 && job.export_none
}

/// What one task knows of itself; the pid is added after the fork.
pub(crate) fn of_task(env: &mut Environment, local: usize, global: u32, pid: u32) {
    set(env, "SLURM_LOCALID", local);
    set(env, "SLURM_PROCID", global);
    set(env, "SLURM_TASK_PID", pid);
}

/// `K=V\0` each; what is not that is dropped.
fn parse(bytes: &[u8]) -> Environment {
    let variables = bytes.split(|byte| *byte == 0).take(VARIABLES_MAX);
    let pairs = variables.filter_map(|variable| {
        let text = String::from_utf8_lossy(variable);
        text.split_once('=').filter(|(key, _)| !key.is_empty()).map(|(key, value)| (key.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

impl Context<'_> {
    fn user(&self, env: &mut Environment) {
        let job = &self.job;
        for (key, value) in [("USER", &job.user_name), ("LOGNAME", &job.user_name), ("HOME", &job.home)] {
            default(env, key, value);
        }
        default(env, "SHELL", &job.shell);
        // A login says it itself.
        if !wants_login(self.launch.step, job) {
            default(env, "PATH", PATH_DEFAULT);
            default(env, "TMPDIR", "/tmp");
        }
        let key = muster_model::agent::StepKey {
            attempt: muster_model::agent::AttemptKey { uid: self.launch.uid, attempt: self.launch.attempt },
            step: self.launch.step,
        };
        set(env, paths::MARKER, paths::marker(&self.launch.mark, key));
    }

    fn job(&self, env: &mut Environment) {
        let (job, facts) = (&self.job, &self.facts);
        set(env, "SLURMD_NODENAME", &self.launch.node_name);
        set(env, "SLURM_CLUSTER_NAME", &facts.cluster);
        set(env, "SLURM_CONF", &self.launch.slurm_conf);
        for key in ["SLURM_JOB_ID", "SLURM_JOBID"] {
            set(env, key, facts.job_id);
        }
        set(env, "SLURM_JOB_NAME", &job.name);
        set(env, "SLURM_JOB_UID", job.uid);
        set(env, "SLURM_JOB_GID", job.gid);
        set(env, "SLURM_JOB_USER", &job.user_name);
        set(env, "SLURM_JOB_PARTITION", &facts.partition);
        filled(env, "SLURM_JOB_ACCOUNT", &job.account);
        filled(env, "SLURM_JOB_QOS", &job.qos);
        filled(env, "SLURM_JOB_DEPENDENCY", &job.dependency_text);
        let nodes = hostlist::fold(&facts.nodes);
        for key in ["SLURM_JOB_NODELIST", "SLURM_NODELIST"] {
            set(env, key, &nodes);
        }
        set(env, "SLURM_JOB_NUM_NODES", facts.nodes.len());
        set(env, "SLURM_JOB_CPUS_PER_NODE", cpus_per_node::print(&facts.cpus));
        let here = facts.cpus.get(facts.node_position as usize).copied().unwrap_or(1);
        set(env, "SLURM_CPUS_ON_NODE", here);
        set(env, "SLURM_PRIO_PROCESS", 0);
        set(env, "SLURM_TOPOLOGY_ADDR", &self.launch.node_name);
        set(env, "SLURM_TOPOLOGY_ADDR_PATTERN", "node");
        default(env, "SLURM_SUBMIT_DIR", &job.work_dir);
        default(env, "SLURM_SUBMIT_HOST", &job.alloc_host);
        if facts.start_ms != 0 {
            set(env, "SLURM_JOB_START_TIME", facts.start_ms / 1000);
            if let Some(limit) = job.time_limit_s.filter(|limit| *limit != u32::MAX) {
                set(env, "SLURM_JOB_END_TIME", facts.start_ms / 1000 + u64::from(limit));
            }
        }
        if let Some(request) = &job.request {
            filled(env, "SLURM_JOB_RESERVATION", &request.reservation);
        }
        if facts.restarts > 0 {
            set(env, "SLURM_RESTART_COUNT", facts.restarts);
        }
    }

    fn array(&self, env: &mut Environment) {
        let facts = &self.facts;
        let Some(task) = facts.array_task else { return };
        set(env, "SLURM_ARRAY_JOB_ID", facts.array_job_id);
        set(env, "SLURM_ARRAY_TASK_ID", task);
        set(env, "SLURM_ARRAY_TASK_COUNT", facts.array_count);
        set(env, "SLURM_ARRAY_TASK_MIN", facts.array_min);
        set(env, "SLURM_ARRAY_TASK_MAX", facts.array_max);
        set(env, "SLURM_ARRAY_TASK_STEP", facts.array_step.max(1));
    }

    fn gres(&self, env: &mut Environment) {
        let place = self.order.place.clone().unwrap_or_default();
        let gpus = place.gres.iter().filter(|share| share.name == "gpu");
        let indices: Vec<String> = gpus.flat_map(indices).map(|index| index.to_string()).collect();
        if indices.is_empty() {
            return;
        }
        let list = indices.join(",");
        set(env, "CUDA_VISIBLE_DEVICES", &list);
        set(env, "GPU_DEVICE_ORDINAL", &list);
        set(env, "SLURM_GPUS_ON_NODE", indices.len());
        let key = if self.launch.step == StepId::BATCH.0 { "SLURM_JOB_GPUS" } else { "SLURM_STEP_GPUS" };
        set(env, key, list);
    }

    fn batch(&self, env: &mut Environment) {
        set(env, "ENVIRONMENT", "BATCH");
        set(env, "HOSTNAME", &self.launch.node_name);
        set(env, "SLURM_GTIDS", 0);
        set(env, "SLURM_NODEID", 0);
        set(env, "SLURM_NNODES", self.facts.nodes.len());
        set(env, "SLURM_TASKS_PER_NODE", cpus_per_node::print(&self.facts.tasks));
        set(env, "SLURM_NODE_ALIASES", "(null)");
        if let Some(request) = &self.job.request {
            self.asked(request, env);
        }
    }

    /// What the user asked for, as sbatch's page lists it.
    fn asked(&self, request: &Request, env: &mut Environment) {
        if request.ntasks_set || request.ntasks_per_node > 0 {
            let planned: u32 = self.facts.tasks.iter().sum();
            let tasks = if request.ntasks_set && request.ntasks > 0 { request.ntasks } else { planned };
            set(env, "SLURM_NTASKS", tasks);
            set(env, "SLURM_NPROCS", tasks);
        }
        let numbers = [
            ("SLURM_CPUS_PER_TASK", if request.cpus_per_task_set { request.cpus_per_task } else { 0 }),
            ("SLURM_NTASKS_PER_NODE", request.ntasks_per_node),
            ("SLURM_NTASKS_PER_SOCKET", request.ntasks_per_socket),
            ("SLURM_NTASKS_PER_CORE", request.ntasks_per_core),
        ];
        for (key, number) in numbers.into_iter().filter(|(_, number)| *number > 0) {
            set(env, key, number);
        }
        self.memory(request, env);
        filled(env, "SLURM_DISTRIBUTION", &request.distribution);
    }

    /// What was asked for, else the site's default.
    fn memory(&self, request: &Request, env: &mut Environment) {
        let defaults = (self.facts.def_mem_per_node_mib, self.facts.def_mem_per_cpu_mib);
        match (request.mem_per_node_mib, request.mem_per_cpu_mib, defaults) {
            (_, Some(mib), _) => set(env, "SLURM_MEM_PER_CPU", mib),
            (Some(mib), None, _) => set(env, "SLURM_MEM_PER_NODE", mib),
            (None, None, _) if request.mem_per_gres_mib != 0 => {}
            (None, None, (0, 0)) => {}
            (None, None, (0, mib)) => set(env, "SLURM_MEM_PER_CPU", mib),
            (None, None, (mib, _)) => set(env, "SLURM_MEM_PER_NODE", mib),
        }
    }

    fn numbered(&self, env: &mut Environment) {
        let (step, order) = (&self.step, self.order);
        let place = order.place.clone().unwrap_or_default();
        for key in ["SLURM_STEP_ID", "SLURM_STEPID"] {
            set(env, key, step.step_id);
        }
        set(env, "SLURM_STEP_NODELIST", hostlist::fold(&order.step_nodes));
        set(env, "SLURM_STEP_NUM_NODES", order.step_nodes.len());
        set(env, "SLURM_STEP_NUM_TASKS", step.ntasks);
        let per_node = cpus_per_node::print(&order.step_tasks);
        set(env, "SLURM_STEP_TASKS_PER_NODE", &per_node);
        set(env, "SLURM_TASKS_PER_NODE", per_node);
        set(env, "SLURM_NNODES", order.step_nodes.len());
        set(env, "SLURM_NODEID", order.step_position);
        for key in ["SLURM_NTASKS", "SLURM_NPROCS"] {
            set(env, key, step.ntasks);
        }
        let ids: Vec<String> = place.task_ids.iter().map(u32::to_string).collect();
        set(env, "SLURM_GTIDS", ids.join(","));
        set(env, "SLURM_UMASK", format!("{:04o}", step.umask));
        if step.cpus_per_task_set {
            set(env, "SLURM_CPUS_PER_TASK", step.cpus_per_task);
        }
        default(env, "SLURM_SRUN_COMM_HOST", &step.srun_host);
    }
}

fn indices(share: &GresShare) -> Vec<usize> {
    let bits = share
        .indices
        .iter()
        .enumerate()
        .flat_map(|(byte, bits)| (0..8).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| byte * 8 + bit));
    bits.collect()
}

fn set(env: &mut Environment, key: &str, value: impl ToString) {
    env.insert(key.to_owned(), value.to_string());
}

fn filled(env: &mut Environment, key: &str, value: &str) {
    if !value.is_empty() {
        set(env, key, value);
    }
}

fn default(env: &mut Environment, key: &str, value: &str) {
    if !value.is_empty() && !env.contains_key(key) {
        set(env, key, value);
    }
}

#[cfg(test)]
mod tests;
