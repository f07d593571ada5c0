//! Jobs as `squeue` lists them.

use muster_model::cluster::array;
use muster_proto::durable::JobRow;
use muster_proto::wire::{JobInfo, JobList, ListJobs, reply};

use super::around::Around;
use super::{Sight, brief, job, walk};
use crate::door::client::Refusal;
use crate::listing::{Encoded, Rows};
use crate::member::Member;

/// Rows of one answer where tasks are listed one by one.
const TASK_ROWS_MAX: usize = 1_000_000;

/// Living and recently ended jobs.
pub(crate) async fn jobs(member: &Member, sight: Sight, asked: &ListJobs) -> Result<Encoded, Refusal> {
    let index = member.core.applied();
    let records = walk::records(member, &asked.targets, &asked.users).await;
    let around = Around::of(member);
    let rows_max = if asked.max_rows == 0 { usize::MAX } else { asked.max_rows as usize };
    let rows_max = if asked.one_row_a_task { rows_max.min(TASK_ROWS_MAX) } else { rows_max };
    let mut rows = Rows::default();
    for job in records.iter().filter(|job| sight.shows(job.spec().uid)) {
        let whole = if asked.brief { brief::info(&around, job) } else { job::info(&around, job) };
        if asked.one_row_a_task && job.is_array() {
            for task in array::tasks(&job.row.pending_tasks).take(rows_max - rows.count()) {
                rows.push(&of_task(&whole, task)).await?;
            }
        } else if rows.count() < rows_max {
            rows.push(&whole).await?;
        }
        if rows.count() >= rows_max {
            break;
        }
    }
    let rest = JobList { index, now_ms: around.now_ms, ..JobList::default() };
    rows.finish(reply::Body::Jobs(rest))
}

/// An array's own record as it stands for one task that has none (`squeue -r`).
fn of_task(whole: &JobInfo, task: u32) -> JobInfo {
    let row = whole.row.clone().map(|row| JobRow { array_task: Some(task), pending_tasks: Vec::new(), ..row });
    JobInfo { row, array_pending: String::new(), ..whole.clone() }
}
