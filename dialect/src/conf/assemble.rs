//! Puts the parts that were read together into one [`Config`].

use super::cgroup::CgroupConf;
use super::choices::{NodeSet, SchedulerType};
use super::config::Config;
use super::diagnostics::Findings;
use super::fence::FenceConf;
use super::globals::Globals;
use super::gres::GresConf;
use super::nodes::Nodes;
use super::partitions::{self, Partitions};
use super::select;
use super::topology::TopologyLine;

/// What was read from all files.
pub(super) struct Parts {
    pub(super) globals: Globals,
    pub(super) nodes: Nodes,
    pub(super) node_sets: Vec<NodeSet>,
    pub(super) partitions: Partitions,
    pub(super) gres: Vec<GresConf>,
    pub(super) cgroup: CgroupConf,
    pub(super) topology: Vec<TopologyLine>,
    pub(super) fence: FenceConf,
}

impl Parts {
    /// The configuration; faults of single values were reported before, and leave a default here.
    ///
    /// One long literal on purpose: a field and the key that it comes from stand on one line.
    pub(super) fn assemble(self, findings: &mut Findings) -> Config {
        let globals = &self.globals;
        let (select_type, select_parameters) = select::read(globals, findings);
        let builtin = globals.text("SchedulerType") == "sched/builtin";
        Config {
            cluster_name: globals.cluster_name.clone(),
            slurmctld_hosts: globals.hosts.clone(),
            slurm_user: globals.text("SlurmUser"),
            slurmd_user: globals.text("SlurmdUser"),
            slurmctld_ports: globals.ports("SlurmctldPort"),
            slurmd_port: u16::try_from(globals.number("SlurmdPort")).unwrap_or_default(),
            state_save_location: globals.text("StateSaveLocation"),
            slurmd_spool_dir: globals.text("SlurmdSpoolDir"),
            slurmctld_pid_file: globals.text("SlurmctldPidFile"),
            slurmd_pid_file: globals.text("SlurmdPidFile"),
            slurmctld_log_file: globals.optional("SlurmctldLogFile"),
            slurmd_log_file: globals.optional("SlurmdLogFile"),
            slurmctld_debug: globals.text("SlurmctldDebug"),
            slurmd_debug: globals.text("SlurmdDebug"),
            auth_type: globals.text("AuthType"),
            auth_info: globals.words("AuthInfo"),
            cred_type: globals.text("CredType"),
            tls_type: globals.text("TLSType"),
            tls_parameters: globals.words("TLSParameters"),
            private_data: globals.list("PrivateData").into_iter().filter(|word| word != "none").collect(),
            disable_root_jobs: globals.is_on("DisableRootJobs"),
            select_type,
            select_parameters,
            scheduler_type: if builtin { SchedulerType::Builtin } else { SchedulerType::Backfill },
            scheduler_parameters: globals.words("SchedulerParameters"),
            dependency_parameters: globals.words("DependencyParameters"),
            enforce_part_limits: globals.enforce_part_limits(),
            priority: globals.priority(),
            preempt_type: globals.text("PreemptType"),
            preempt_mode: globals.list("PreemptMode"),
            topology_plugin: globals.text("TopologyPlugin"),
            gres_types: globals.list("GresTypes").into_iter().filter(|word| word != "none").collect(),
            licenses: globals.licenses(findings),
            max_job_count: globals.number("MaxJobCount"),
            max_array_size: globals.number("MaxArraySize"),
            first_job_id: globals.number("FirstJobId"),
            max_job_id: globals.number("MaxJobId"),
            max_step_count: globals.number("MaxStepCount"),
            max_tasks_per_node: globals.number("MaxTasksPerNode"),
            def_mem: partitions::memory(&globals.fields, "DefMemPerCPU", "DefMemPerNode", findings),
            max_mem: partitions::memory(&globals.fields, "MaxMemPerCPU", "MaxMemPerNode", findings),
            job_requeue: globals.number("JobRequeue") != 0,
            job_file_append: globals.number("JobFileAppend") != 0,
            kill_on_bad_exit: globals.number("KillOnBadExit") != 0,
            requeue_exit: globals.list("RequeueExit"),
            requeue_exit_hold: globals.list("RequeueExitHold"),
            track_wckey: globals.is_on("TrackWCKey"),
            over_time_limit_min: globals.limit("OverTimeLimit"),
            resv_over_run_min: globals.limit("ResvOverRun"),
            return_to_service: u8::try_from(globals.number("ReturnToService")).unwrap_or_default(),
            kill_wait_s: globals.number("KillWait"),
            min_job_age_s: globals.number("MinJobAge"),
            slurmd_timeout_s: globals.number("SlurmdTimeout"),
            slurmctld_timeout_s: globals.number("SlurmctldTimeout"),
            inactive_limit_s: globals.number("InactiveLimit"),
            wait_time_s: globals.number("WaitTime"),
            complete_wait_s: globals.number("CompleteWait"),
            batch_start_timeout_s: globals.number("BatchStartTimeout"),
            message_timeout_s: globals.number("MessageTimeout"),
            tcp_timeout_s: globals.number("TCPTimeout"),
            unkillable_step_timeout_s: globals.number("UnkillableStepTimeout"),
            unkillable_step_program: globals.optional("UnkillableStepProgram"),
            scripts: globals.scripts(),
            health_check: globals.health_check(),
            mail_prog: globals.text("MailProg"),
            mail_domain: globals.optional("MailDomain"),
            reboot_program: globals.optional("RebootProgram"),
            tmp_fs: globals.text("TmpFS"),
            proctrack_type: globals.text("ProctrackType"),
            task_plugins: task_plugins(globals),
            mpi_default: globals.text("MpiDefault"),
            slurmctld_parameters: globals.words("SlurmctldParameters"),
            slurmd_parameters: globals.words("SlurmdParameters"),
            launch_parameters: globals.words("LaunchParameters"),
            interactive_step_options: globals.text("InteractiveStepOptions"),
            propagate_rlimits: globals.propagate_rlimits(),
            accounting_storage: globals.accounting_storage(),
            accounting_enforce: globals.accounting_enforce(),
            accounting_tres: globals.list("AccountingStorageTRES"),
            job_acct_gather_type: globals.text("JobAcctGatherType"),
            settings: globals.fields.values(),
            node_index: self.nodes.index,
            nodes: self.nodes.list,
            partitions: self.partitions.list,
            node_sets: self.node_sets,
            gres: self.gres,
            cgroup: self.cgroup,
            topology: self.topology,
            fence: self.fence,
        }
    }
}

/// `task/cgroup` and the like, whichever way they were written; `task/none` is none.
fn task_plugins(globals: &Globals) -> Vec<String> {
    let names = globals.list("TaskPlugin").into_iter();
    let names = names.map(|name| name.strip_prefix("task/").unwrap_or(&name).to_ascii_lowercase());
    names.filter(|name| name != "none").map(|name| format!("task/{name}")).collect()
}
