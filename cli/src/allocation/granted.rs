//! What was allocated, and the variables that tell a command of it.

use muster_dialect::cpus_per_node;
use muster_proto::wire::{JobInfo, StepPlace};

use crate::process::Variables;

/// A job that holds its nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Granted {
    pub(crate) job_id: u32,
    pub(crate) uid: u64,
    pub(crate) info: JobInfo,
    pub(crate) nodes: Vec<StepPlace>,
}

impl Granted {
    /// Number of nodes.
    pub(crate) fn node_count(&self) -> u32 {
        self.info.num_nodes.max(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX))
    }

    /// `SLURM_*` of a shell that works in the allocation.
    pub(crate) fn name(&self, cluster: &str, out: &mut Variables) {
        let row = self.info.row.clone().unwrap_or_default();
        let spec = row.spec.clone().unwrap_or_default();
        let request = spec.request.clone().unwrap_or_default();
        let shares = row.attempts.last().and_then(|attempt| attempt.allocation.clone()).unwrap_or_default().nodes;
        let id = self.job_id.to_string();
        let count = self.node_count().to_string();
        let tasks: Vec<u32> = shares.iter().map(|share| share.tasks).collect();
        let cpus: Vec<u32> = shares.iter().map(|share| share.cpus).collect();
        for (name, value) in [
            ("SLURM_CLUSTER_NAME", cluster.to_owned()),
            ("SLURM_JOB_ID", id.clone()),
            ("SLURM_JOBID", id),
            ("SLURM_JOB_NAME", spec.name),
            ("SLURM_JOB_ACCOUNT", spec.account),
            ("SLURM_JOB_QOS", spec.qos),
            ("SLURM_JOB_PARTITION", self.info.effective_partition.clone()),
            ("SLURM_JOB_NODELIST", self.info.nodes.clone()),
            ("SLURM_NODELIST", self.info.nodes.clone()),
            ("SLURM_JOB_NUM_NODES", count.clone()),
            ("SLURM_NNODES", count),
            ("SLURM_NODE_ALIASES", "(null)".to_owned()),
            ("SLURM_JOB_CPUS_PER_NODE", cpus_per_node::print(&cpus)),
            ("SLURM_TASKS_PER_NODE", cpus_per_node::print(&tasks)),
            ("SLURM_JOB_RESERVATION", request.reservation),
            ("SLURM_SUBMIT_DIR", spec.work_dir),
            ("SLURM_SUBMIT_HOST", spec.alloc_host),
        ] {
            if !value.is_empty() {
                out.set(name, value);
            }
        }
        let attempt = row.attempts.last();
        if let Some(start_s) = attempt.map(|it| it.start_ms.max(it.placed_ms) / 1_000).filter(|start_s| *start_s != 0) {
            out.set("SLURM_JOB_START_TIME", start_s.to_string());
            if let Some(limit_s) = spec.time_limit_s.filter(|limit_s| *limit_s != u32::MAX) {
                out.set("SLURM_JOB_END_TIME", (start_s + u64::from(limit_s)).to_string());
            }
        }
    }
}
