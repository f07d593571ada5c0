//! Job ids as users write them ↔ targets as the contract has them.

use muster_dialect::jobid::{ArraySel, JobSpec};
use muster_proto::durable::{JobTarget, TaskRange};

use crate::request::ranges;

/// The job, array tasks or whole array that an id means. The step, if one is named, is the caller's.
#[must_use]
pub(crate) fn target(id: &JobSpec) -> JobTarget {
    let (array_task, tasks): (Option<u32>, Vec<TaskRange>) = match &id.array {
        None | Some(ArraySel::All) => (None, Vec::new()),
        Some(ArraySel::Task(task)) => (Some(*task), Vec::new()),
        Some(ArraySel::Tasks(spec)) => (None, ranges(&spec.ids)),
    };
    // There are no heterogeneous jobs: a component of one is no job, least of all the whole of another.
    let job_id = if id.het.is_some() { 0 } else { id.job };
    JobTarget { job_id, array_task, tasks, uid: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_and_ranges_are_kept() {
        let of = |text| target(&JobSpec::parse(text).expect("an id"));
        assert_eq!(of("12"), JobTarget { job_id: 12, ..JobTarget::default() });
        assert_eq!(of("12_3").array_task, Some(3));
        assert_eq!(of("12_[3-5]").tasks, [TaskRange { first: 3, last: 5, step: 1 }]);
        assert_eq!(of("12_*"), of("12"));
        assert_eq!(of("12+1").job_id, 0, "nobody's");
    }
}
