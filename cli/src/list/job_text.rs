//! Texts about a job that squeue and sacct have in common.

use muster_dialect::state::{JobState, Reason};
use muster_dialect::time::TimeLimit;
use muster_proto::durable::JobRow;
use muster_proto::wire::JobInfo;

/// Marks a limit that is none.
const UNLIMITED: u32 = u32::MAX;

/// `12`, `12_3`, `12_[3-5%2]`, `12+1`.
pub(crate) fn job_name_id(job: &JobInfo) -> String {
    let Some(row) = &job.row else { return String::new() };
    match (row.array_job_id, row.array_task) {
        (0, _) if row.het_job_id != 0 => format!("{}+{}", row.het_job_id, row.het_offset),
        (0, _) => row.job_id.to_string(),
        (array, Some(task)) => format!("{array}_{task}"),
        (array, None) => format!("{array}_{}", job.array_pending),
    }
}

/// `Resources`, or the longer text that goes with it.
pub(crate) fn reason(job: &JobInfo) -> String {
    let Some(row) = &job.row else { return String::new() };
    if !row.reason_detail.is_empty() {
        return row.reason_detail.clone();
    }
    u16::try_from(row.reason).ok().and_then(Reason::from_code).map_or("None", Reason::text).to_owned()
}

/// When it began or is expected to; 0: not known.
pub(crate) fn start_ms(job: &JobInfo) -> u64 {
    let Some(row) = &job.row else { return 0 };
    match row.attempts.last() {
        Some(attempt) if has_begun(row) && (row.requeue_pending || row.state & 0xff != JobState::Pending.code()) => {
            if attempt.start_ms == 0 {
                attempt.placed_ms
            } else {
                attempt.start_ms
            }
        }
        _ => expected_start_ms(row),
    }
}

/// Whether the run that the record is of has begun: a requeued job keeps its last attempt until the next.
pub(crate) fn has_begun(row: &JobRow) -> bool {
    row.attempts.last().is_some_and(|attempt| attempt.number > row.restarts)
}

/// Of a job that waits; 0: not known.
pub(crate) fn expected_start_ms(row: &JobRow) -> u64 {
    let begins = row.reason == u32::from(Reason::BeginTime.code()) && row.estimated_start_ms == 0;
    if begins { row.eligible_ms } else { row.estimated_start_ms }
}

/// When it ended or must end; 0: not known.
pub(crate) fn end_ms(job: &JobInfo) -> u64 {
    let ended = job.row.as_ref().map_or(0, |row| row.end_ms);
    if ended == 0 { job.end_estimate_ms } else { ended }
}

/// The limit in force.
pub(crate) fn time_limit(job: &JobInfo) -> TimeLimit {
    match job.effective_time_limit_s {
        UNLIMITED => TimeLimit::Unlimited,
        seconds => TimeLimit::Minutes(seconds.div_ceil(60)),
    }
}

/// Seconds until the limit; `None`: unlimited.
pub(crate) fn time_left(job: &JobInfo) -> Option<i64> {
    match job.effective_time_limit_s {
        UNLIMITED => None,
        seconds => Some(i64::from(seconds) - i64::try_from(job.run_ms / 1000).unwrap_or(i64::MAX)),
    }
}
