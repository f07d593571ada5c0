//! The text of each field of a job.

use jiff::tz::TimeZone;
use muster_dialect::date::TimeFormat;
use muster_dialect::exit_code::ExitCode;
use muster_dialect::memory::{print_mib, print_mib_unconverted};
use muster_dialect::state::JobState;
use muster_dialect::time::long;
use muster_proto::durable::{JobRow, JobSpec, Usage};
use muster_proto::wire::JobInfo;

use super::wanted::Wanted;
use crate::list::{has_begun, job_name_id, reason, start_ms, time_limit};
use crate::show::{job_status, job_std_paths};
use crate::site::Reach;

/// What the texts depend on besides the record.
pub(super) struct Teller {
    now_ms: u64,
    zone: TimeZone,
    format: TimeFormat,
    pub(super) cluster: String,
    pub(super) node_names: Vec<String>,
    plain_sizes: bool,
}

impl Teller {
    pub(super) fn new(wanted: &Wanted, reach: &Reach, now_ms: u64, node_names: Vec<String>) -> Self {
        let format = TimeFormat::from_variable(wanted.time_format.as_deref());
        let (zone, cluster) = (crate::list::zone(), reach.cluster.clone());
        Self { now_ms, zone, format, cluster, node_names, plain_sizes: wanted.plain_sizes }
    }

    pub(super) fn date(&self, ms: u64) -> String {
        match ms {
            0 => "Unknown".to_owned(),
            ms => self.format.print((ms / 1000) as i64, (self.now_ms / 1000) as i64, &self.zone),
        }
    }

    pub(super) fn mib(&self, mib: u64) -> String {
        if self.plain_sizes { print_mib_unconverted(mib) } else { print_mib(mib) }
    }

    /// Milliseconds from `start` to `end`, or until now.
    pub(super) fn elapsed_s(&self, start: u64, end: u64) -> u64 {
        let until = if end == 0 { self.now_ms } else { end };
        if start == 0 { 0 } else { until.saturating_sub(start) / 1000 }
    }

    /// The text of the field `name` of a job's own line.
    pub(super) fn cell(&self, job: &JobInfo, name: &str) -> String {
        let Some(row) = &job.row else { return String::new() };
        let none = JobSpec::default();
        let spec = row.spec.as_deref().unwrap_or(&none);
        let text = ids(job, row, spec, name).or_else(|| self.times(job, row, spec, name));
        text.or_else(|| self.sizes(job, row, spec, name)).or_else(|| texts(job, row, spec, name)).unwrap_or_default()
    }

    fn times(&self, job: &JobInfo, row: &JobRow, spec: &JobSpec, name: &str) -> Option<String> {
        let start = if has_begun(row) { start_ms(job) } else { 0 };
        let elapsed = job.run_ms / 1000;
        Some(match name {
            "Elapsed" => long(elapsed),
            "ElapsedRaw" => elapsed.to_string(),
            "Submit" => self.date(row.submit_ms),
            "Eligible" => self.date(row.eligible_ms),
            "Start" if start == 0 && row.end_ms > 0 => "None".to_owned(),
            "Start" => self.date(start),
            "End" => self.date(row.end_ms),
            "Suspended" => long(row.attempts.last().map_or(0, |attempt| attempt.suspended_ms / 1000)),
            "Timelimit" => time_limit(job).to_string(),
            "TimelimitRaw" => {
                time_limit(job).seconds().map_or_else(|| "UNLIMITED".to_owned(), |s| (s / 60).to_string())
            }
            "Planned" | "Reserved" => {
                long(self.elapsed_s(row.eligible_ms, if start == 0 { row.end_ms } else { start }))
            }
            "CPUTime" => long(elapsed * u64::from(job.num_cpus)),
            "CPUTimeRAW" => (elapsed * u64::from(job.num_cpus)).to_string(),
            "TotalCPU" | "UserCPU" | "SystemCPU" => cpu_time(&usage_of(row), name),
            "Deadline" => {
                if spec.deadline_ms == 0 {
                    "Unknown".to_owned()
                } else {
                    self.date(spec.deadline_ms)
                }
            }
            _ => return None,
        })
    }

    fn sizes(&self, job: &JobInfo, row: &JobRow, spec: &JobSpec, name: &str) -> Option<String> {
        let ran = has_begun(row);
        Some(match name {
            "AllocCPUS" | "NCPUS" => job.num_cpus.to_string(),
            "ReqCPUS" => spec.request.as_ref().map_or(1, |r| r.ntasks.max(1) * r.cpus_per_task.max(1)).to_string(),
            "AllocNodes" => {
                if ran {
                    job.num_nodes.to_string()
                } else {
                    "0".to_owned()
                }
            }
            "NNodes" | "ReqNodes" => job.num_nodes.to_string(),
            "ReqMem" => self.mib(job.mem_mib),
            "AllocTRES" if ran => by_name(&job.tres),
            "AllocTRES" => String::new(),
            "ReqTRES" => by_name(&job.tres),
            "Restarts" => row.restarts.to_string(),
            _ => return None,
        })
    }
}

fn ids(job: &JobInfo, row: &JobRow, spec: &JobSpec, name: &str) -> Option<String> {
    Some(match name {
        "JobID" => job_name_id(job),
        "JobIDRaw" => row.job_id.to_string(),
        "JobName" => spec.name.clone(),
        "User" => spec.user_name.clone(),
        "UID" => spec.uid.to_string(),
        "Group" => spec.group_name.clone(),
        "GID" => spec.gid.to_string(),
        "Account" => spec.account.clone(),
        "Partition" => job.effective_partition.clone(),
        "QOS" => spec.qos.clone(),
        "QOSRAW" => String::new(),
        "WCKey" => spec.wckey.clone(),
        "State" => state(job, row),
        "ExitCode" => ExitCode::from_wait_status(row.exit_status as i32).to_string(),
        "DerivedExitCode" => ExitCode::from_wait_status(row.derived_exit as i32).to_string(),
        _ => return None,
    })
}

/// `CANCELLED by 1000` names who did it.
fn state(job: &JobInfo, row: &JobRow) -> String {
    let status = job_status(job);
    // The accounting record has no COMPLETING: a job that completes has its end already, or still runs.
    match status.base {
        JobState::Pending if row.requeue_pending && has_begun(row) => "REQUEUED".to_owned(),
        JobState::Cancelled if row.cancelled_by_set => format!("CANCELLED by {}", row.cancelled_by),
        base => base.long().to_owned(),
    }
}

fn texts(job: &JobInfo, row: &JobRow, spec: &JobSpec, name: &str) -> Option<String> {
    let request = spec.request.as_ref();
    Some(match name {
        "NodeList" if job.nodes.is_empty() => "None assigned".to_owned(),
        "NodeList" => job.nodes.clone(),
        "Reason" => match row.state & 0xff {
            // Why it waited, where it never ran; a run's end stands in its state.
            _ if !has_begun(row) => reason(job),
            _ => "None".to_owned(),
        },
        "Priority" => row.priority.to_string(),
        "WorkDir" => spec.work_dir.clone(),
        "SubmitLine" => spec.submit_line.clone(),
        "Comment" => spec.comment.clone(),
        "AdminComment" => spec.admin_comment.clone(),
        "Constraints" => request.map_or_else(String::new, |r| r.features.clone()),
        "Reservation" => request.map_or_else(String::new, |r| r.reservation.clone()),
        "Container" => spec.container.clone(),
        "McsLabel" => spec.mcs_label.clone(),
        "StdOut" => job_std_paths(row, spec).0,
        "StdErr" => job_std_paths(row, spec).1,
        "StdIn" => job_std_paths(row, spec).2,
        "Flags" if row.backfilled => "SchedBackfill".to_owned(),
        "Flags" if !has_begun(row) => String::new(),
        "Flags" => "SchedMain".to_owned(),
        _ => return None,
    })
}

/// All that the steps used.
fn usage_of(row: &JobRow) -> Usage {
    let parts = row.steps.iter().flat_map(|step| &step.nodes).filter_map(|node| node.usage.as_ref());
    parts.fold(Usage::default(), |all, part| Usage {
        user_us: all.user_us + part.user_us,
        system_us: all.system_us + part.system_us,
        ..all
    })
}

/// `TotalCPU`, `UserCPU` or `SystemCPU`.
pub(super) fn cpu_time(usage: &Usage, name: &str) -> String {
    let microseconds = match name {
        "UserCPU" => usage.user_us,
        "SystemCPU" => usage.system_us,
        _ => usage.user_us + usage.system_us,
    };
    muster_dialect::time::cpu(microseconds / 1_000_000, (microseconds % 1_000_000) as u32)
}

/// sacct orders TRES by their names.
pub(super) fn by_name(tres: &str) -> String {
    muster_dialect::tres::TresList::parse(tres).map_or_else(|_| tres.to_owned(), |list| list.print_by_name())
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::Attempt;

    use super::*;

    #[test]
    fn a_requeued_run_says_so_and_one_that_had_not_begun_ran_for_no_time() {
        let job = |state: JobState, restarts, requeue_pending| {
            let attempts = vec![Attempt { number: 1, start_ms: 5_000, end_ms: 9_000, ..Attempt::default() }];
            let row = JobRow { state: state.code(), restarts, requeue_pending, attempts, ..JobRow::default() };
            JobInfo { row: Some(row), ..JobInfo::default() }
        };
        let told = |job: JobInfo| (state(&job, job.row.as_ref().unwrap()), start_ms(&job));
        assert_eq!(told(job(JobState::Pending, 0, true)), ("REQUEUED".to_owned(), 5_000));
        assert_eq!(told(job(JobState::Pending, 1, false)), ("PENDING".to_owned(), 0));
        assert!(!has_begun(&job(JobState::Cancelled, 1, false).row.unwrap()));
    }
}
