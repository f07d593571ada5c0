//! The text of each field of a job.

use jiff::tz::TimeZone;
use muster_dialect::date::TimeFormat;
use muster_dialect::exit_code::ExitCode;
use muster_dialect::memory::print_mib;
use muster_dialect::sluid::sluid;
use muster_dialect::state::{JobFlags, JobState};
use muster_dialect::time::{short, short_signed};
use muster_proto::durable::{JobKind, JobRow, JobSpec, Request, Sharing};
use muster_proto::wire::JobInfo;

use super::wanted::Wanted;
use crate::list::{end_ms, job_name_id, reason, start_ms, time_left, time_limit, zone};
use crate::show::{job_status, job_std_paths};
use crate::site::Reach;

/// What the texts depend on besides the job.
pub(super) struct Teller {
    now_ms: u64,
    zone: TimeZone,
    format: TimeFormat,
    cluster: String,
    start: bool,
}

impl Teller {
    pub(super) fn new(now_ms: u64, wanted: &Wanted, reach: &Reach) -> Self {
        let format = TimeFormat::from_variable(wanted.time_format.as_deref());
        Self { now_ms, zone: zone(), format, cluster: reach.cluster.clone(), start: wanted.start }
    }

    fn date(&self, ms: u64) -> String {
        match ms {
            0 => "N/A".to_owned(),
            ms => self.format.print((ms / 1000) as i64, (self.now_ms / 1000) as i64, &self.zone),
        }
    }

    /// The text of the field `name`; empty for those that nothing here can have.
    pub(super) fn cell(&self, job: &JobInfo, name: &str) -> String {
        let Some(row) = &job.row else { return String::new() };
        let (none, no_request) = (JobSpec::default(), Request::default());
        let spec = row.spec.as_deref().unwrap_or(&none);
        let request = spec.request.as_ref().unwrap_or(&no_request);
        self.of_state(job, row, name)
            .or_else(|| self.of_time(job, row, spec, name))
            .or_else(|| of_spec(row, spec, name))
            .or_else(|| of_request(job, request, name))
            .or_else(|| of_place(job, row, name))
            .unwrap_or_else(|| absent(name).to_owned())
    }

    fn of_state(&self, job: &JobInfo, row: &JobRow, name: &str) -> Option<String> {
        let status = job_status(job);
        Some(match name {
            "JobArrayID" => job_name_id(job),
            "JobID" => row.job_id.to_string(),
            "ArrayJobID" => (if row.array_job_id == 0 { row.job_id } else { row.array_job_id }).to_string(),
            "ArrayTaskID" => match (row.array_job_id, row.array_task) {
                (0, _) => "N/A".to_owned(),
                (_, Some(task)) => task.to_string(),
                (_, None) => job.array_pending.trim_matches(['[', ']']).to_owned(),
            },
            "State" => status.long().to_owned(),
            "StateCompact" => status.compact().to_owned(),
            "Reason" => reason(job),
            "ReasonList" => {
                let failed = matches!(
                    status.base,
                    JobState::Failed | JobState::Timeout | JobState::Deadline | JobState::OutOfMemory
                );
                let waits = status.base == JobState::Pending && !status.flags.contains(JobFlags::COMPLETING);
                if waits || failed && !job.completing { format!("({})", reason(job)) } else { job.nodes.clone() }
            }
            // Slurm shows the priority as a share of the largest number.
            "Priority" => format!("{:.14}", f64::from(row.priority) / f64::from(u32::MAX)),
            "PriorityLong" => row.priority.to_string(),
            "exit_code" => ExitCode::from_wait_status(row.exit_status as i32).to_string(),
            "DerivedEC" => ExitCode::from_wait_status(row.derived_exit as i32).to_string(),
            "SLUID" => sluid(row.uid),
            "RestartCnt" => row.restarts.to_string(),
            "Cluster" => self.cluster.clone(),
            _ => return None,
        })
    }

    fn of_time(&self, job: &JobInfo, row: &JobRow, spec: &JobSpec, name: &str) -> Option<String> {
        let pending = row.state & 0xff == JobState::Pending.code();
        Some(match name {
            "TimeUsed" => short(job.run_ms / 1000),
            "TimeLimit" => time_limit(job).short(),
            "TimeLeft" => time_left(job).map_or_else(|| "UNLIMITED".to_owned(), short_signed),
            "MinTime" if spec.time_min_s == 0 => "N/A".to_owned(),
            "MinTime" => short(u64::from(spec.time_min_s)),
            "SubmitTime" => self.date(row.submit_ms),
            "EligibleTime" => self.date(row.eligible_ms),
            "AccrueTime" => self.date(row.accrue_ms),
            "StartTime" => self.date(start_ms(job)),
            "EndTime" => self.date(end_ms(job)),
            "Deadline" => self.date(spec.deadline_ms),
            "LastSchedEval" => self.date(row.last_sched_ms.max(row.submit_ms)),
            "PendingTime" => {
                let until = if pending { self.now_ms } else { start_ms(job) };
                (until.saturating_sub(row.submit_ms) / 1000).to_string()
            }
            "SchedNodes" if self.start || pending => or_null(&row.estimated_nodes),
            _ => return None,
        })
    }
}

fn of_spec(row: &JobRow, spec: &JobSpec, name: &str) -> Option<String> {
    Some(match name {
        "Account" => or_null(&spec.account),
        "admin_comment" => or_null(&spec.admin_comment),
        "Comment" => or_null(&spec.comment),
        "AllocNodes" => spec.alloc_host.clone(),
        "AllocSID" => spec.alloc_sid.to_string(),
        "BatchFlag" => u8::from(spec.kind() == JobKind::Batch).to_string(),
        "Command" => or_null(&spec.command),
        "GroupID" => spec.gid.to_string(),
        "GroupName" => spec.group_name.clone(),
        "Name" => spec.name.clone(),
        "Nice" => spec.nice.to_string(),
        "QOS" => or_null(&spec.qos),
        "Requeue" => u8::from(spec.requeue.unwrap_or(true)).to_string(),
        "Reboot" => spec.reboot.to_string(),
        "UserID" => spec.uid.to_string(),
        "UserName" => spec.user_name.clone(),
        "WCKey" => or_null(&spec.wckey),
        "WorkDir" => spec.work_dir.clone(),
        "Network" => or_null(&spec.network),
        "MCSLabel" if spec.mcs_label.is_empty() => "N/A".to_owned(),
        "MCSLabel" => spec.mcs_label.clone(),
        "Container" => or_null(&spec.container),
        "DelayBoot" => short(u64::from(spec.delay_boot_s)),
        "StdOut" => job_std_paths(row, spec).0,
        "StdErr" => job_std_paths(row, spec).1,
        "StdIn" => job_std_paths(row, spec).2,
        _ => return None,
    })
}

fn of_request(job: &JobInfo, request: &Request, name: &str) -> Option<String> {
    let star = |asked: u32| if asked == 0 { "*".to_owned() } else { asked.to_string() };
    Some(match name {
        "Contiguous" => u8::from(request.contiguous).to_string(),
        "Cores" => star(request.cores_per_socket),
        "Sockets" => star(request.sockets_per_node),
        "Threads" => star(request.threads_per_core),
        "SCT" => {
            let (sockets, cores) = (star(request.sockets_per_node), star(request.cores_per_socket));
            format!("{sockets}:{cores}:{}", star(request.threads_per_core))
        }
        "CoreSpec" if request.core_spec == 0 => "N/A".to_owned(),
        "CoreSpec" => request.core_spec.to_string(),
        "CPUsPerTask" | "cpus-per-task" => request.cpus_per_task.max(1).to_string(),
        "Feature" => or_null(&request.features),
        "Licenses" => or_null(&request.licenses),
        "MaxNodes" => request.max_nodes.to_string(),
        "MinCpus" => request.min_cpus_per_node.max(request.cpus_per_task).max(1).to_string(),
        "MinMemory" => print_mib(request.mem_per_cpu_mib.or(request.mem_per_node_mib).unwrap_or(0)),
        "MinTmpDisk" => print_mib(request.tmp_disk_mib),
        "NTPerCore" => nonzero_or(request.ntasks_per_core, "N/A"),
        "NTPerNode" => nonzero_or(request.ntasks_per_node, "0"),
        "NTPerSocket" => nonzero_or(request.ntasks_per_socket, "N/A"),
        "NumTasks" => job.num_tasks.to_string(),
        "ReqNodes" => request.required_nodes.clone(),
        "ExcNodes" => request.excluded_nodes.clone(),
        "Reservation" => or_null(&request.reservation),
        "OverSubscribe" => match request.sharing() {
            Sharing::Exclusive => "NO",
            Sharing::User => "USER",
            Sharing::Shared => "YES",
            Sharing::Partition => "OK",
        }
        .to_owned(),
        "tres-per-node" => or_na(&request.tres_per_node),
        "tres-per-job" => or_na(&request.tres_per_job),
        "tres-per-task" => or_na(&request.tres_per_task),
        "tres-per-socket" => or_na(&request.tres_per_socket),
        _ => return None,
    })
}

fn of_place(job: &JobInfo, row: &JobRow, name: &str) -> Option<String> {
    Some(match name {
        "Partition" => job.effective_partition.clone(),
        "NodeList" => job.nodes.clone(),
        "NumNodes" => job.num_nodes.to_string(),
        "NumCPUs" => job.num_cpus.to_string(),
        "BatchHost" => or_na(&job.batch_host),
        "Dependency" => or_null(&job.dependency),
        "SchedNodes" => or_null(&row.estimated_nodes),
        "tres-alloc" => {
            if job.tres.is_empty() {
                "N/A".to_owned()
            } else {
                job.tres.clone()
            }
        }
        "HetJobID" => nonzero_or(row.het_job_id, "N/A"),
        "HetJobOffset" if row.het_job_id == 0 => "N/A".to_owned(),
        "HetJobOffset" => row.het_offset.to_string(),
        _ => return None,
    })
}

/// Fields of what Muster does not have yet, or no job can have.
fn absent(name: &str) -> &'static str {
    match name {
        "BurstBuffer" | "ClusterFeature" | "Profile" | "system_comment" | "Prefer" => "(null)",
        _ => "N/A",
    }
}

fn nonzero_or(number: u32, otherwise: &str) -> String {
    if number == 0 { otherwise.to_owned() } else { number.to_string() }
}

fn or_null(text: &str) -> String {
    if text.is_empty() { "(null)".to_owned() } else { text.to_owned() }
}

fn or_na(text: &str) -> String {
    if text.is_empty() { "N/A".to_owned() } else { text.to_owned() }
}
