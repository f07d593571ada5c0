//! What users ask for.

use muster_proto::durable::{
    ArraySpec, Dependency, DependencyTerm, JobKind, JobSpec, Request, TaskRange, dependency_term,
};

use crate::sim::chance::Dice;
use crate::sim::machine::Work;
use crate::sim::site::CORES;

/// What a user does with one submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    /// A batch job that ends by itself.
    Plain,
    /// An array of a few tasks.
    Array,
    /// Submitted held, released later.
    Held,
    /// Cancelled later.
    Cancelled,
    /// Waits for the job before.
    Dependent,
    /// Put back into the queue while it runs.
    Requeued,
    /// Runs longer than its time limit.
    Overdue,
    /// An allocation in which steps run.
    Allocation,
}

/// Stories and how often they are told, out of the sum.
const STORIES: [(Story, u64); 8] = [
    (Story::Plain, 8),
    (Story::Array, 2),
    (Story::Held, 2),
    (Story::Cancelled, 3),
    (Story::Dependent, 2),
    (Story::Requeued, 3),
    (Story::Overdue, 1),
    (Story::Allocation, 3),
];

pub(super) fn story(dice: &mut Dice) -> Story {
    let all: u64 = STORIES.iter().map(|(_, times)| times).sum();
    let mut at = dice.between(0, all);
    for (story, times) in STORIES {
        if at < times {
            return story;
        }
        at -= times;
    }
    Story::Plain
}

impl Story {
    /// Whether its user ends the job.
    pub(super) fn ends_jobs(self) -> bool {
        matches!(self, Story::Cancelled | Story::Requeued | Story::Allocation)
    }
}

/// A batch job that begins later.
pub(super) fn waiting(name: String, uid: u32, begin_ms: u64) -> JobSpec {
    let request =
        Request { min_nodes: 1, max_nodes: 1, ntasks: 1, ntasks_set: true, cpus_per_task: 1, ..Request::default() };
    JobSpec {
        kind: JobKind::Batch.into(),
        name,
        uid,
        gid: uid,
        work_dir: "/tmp".into(),
        request: Some(request),
        begin_ms,
        time_limit_s: Some(600),
        ..JobSpec::default()
    }
}

/// What its script does.
pub(super) fn work(dice: &mut Dice, story: Story) -> Work {
    let run_ms = match story {
        Story::Overdue => 60_000,
        Story::Cancelled | Story::Requeued => dice.between(500, 4_000),
        // Longer than SlurmdTimeout, so that a node can be lost under it.
        _ if dice.once_in(3) => dice.between(2_000, 7_000),
        _ => dice.between(20, 2_000),
    };
    let status = if dice.once_in(10) { 0x100 } else { 0 };
    Work { run_ms, status, stubborn: dice.once_in(8) }
}

/// The job. `before`: the job id of this user's last submit.
pub(super) fn spec(dice: &mut Dice, story: Story, name: String, uid: u32, before: Option<u32>) -> JobSpec {
    let mut spec = JobSpec {
        kind: if story == Story::Allocation { JobKind::Alloc } else { JobKind::Batch }.into(),
        name,
        uid,
        gid: uid,
        work_dir: "/tmp".into(),
        request: Some(request(dice)),
        hold: story == Story::Held,
        time_limit_s: Some(if story == Story::Overdue { 2 } else { 600 }),
        ..JobSpec::default()
    };
    if story == Story::Array {
        let last = u32::try_from(dice.between(1, 5)).expect("small");
        let ranges = vec![TaskRange { first: 0, last, step: 1 }];
        let max_running = u32::from(dice.once_in(3)) * 2;
        spec.array = Some(ArraySpec { ranges, max_running, text: format!("0-{last}") });
    }
    if let (Story::Dependent, Some(job_id)) = (story, before) {
        let kind = dependency_term::Kind::AfterAny.into();
        let term = DependencyTerm { kind, job_id, ..DependencyTerm::default() };
        spec.dependency = Some(Dependency { terms: vec![term], any: false });
        spec.dependency_text = format!("afterany:{job_id}");
    }
    spec
}

/// A few cores of one node, or of two.
fn request(dice: &mut Dice) -> Request {
    let nodes = if dice.once_in(4) { 2 } else { 1 };
    let tasks = u32::try_from(dice.between(1, u64::from(CORES) + 1)).expect("small").max(nodes);
    Request {
        min_nodes: nodes,
        max_nodes: nodes,
        ntasks: tasks,
        ntasks_set: true,
        cpus_per_task: 1,
        ..Request::default()
    }
}
