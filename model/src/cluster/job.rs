//! A job's record, and what follows from it.
//!
//! The record is the durable row. Only the base state is stored; that a job is CONFIGURING or COMPLETING follows from where
//! its newest attempt is on each of its nodes.

use std::sync::Arc;

use bytes::Buf;
use muster_dialect::state::{JobFlags, JobState, JobStatus, Reason};
use muster_dialect::step::StepId;
use muster_proto::durable::{
    Attempt, AttemptNode, EndCause, HoldKind, JobKind, JobRow, JobSpec, NodePhase, NodeShare, Request, StepRecord,
    StepState,
};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::asked::{Asked, Book};

/// Slurm's mark for "no limit" in seconds and counts.
pub const UNLIMITED: u32 = u32::MAX;

/// A direct `srun` makes its step as soon as it hears that the job runs, and gives up after ten minutes without an answer: one
/// that has made none so long after the start, in ms, is gone.
pub const STEPLESS_RUN_MS: u64 = 11 * 60 * 1_000;

/// [`JobRow::spec`].
const SPEC_FIELD: u32 = 3;
/// Its tag: length-delimited.
const SPEC_TAG: u8 = (SPEC_FIELD as u8) << 3 | 2;
/// The tag and the longest length.
const SPEC_HEAD_BYTES_MAX: usize = 11;

/// One record: a job, a task of an array that has a record of its own, or an array while it has tasks that did not start.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// As stored, but for what was asked for, which stands beside it.
    pub row: JobRow,
    pub(super) asked: Arc<Asked>,
}

impl Job {
    /// Never reused.
    pub fn uid(&self) -> u64 {
        self.row.uid
    }

    /// Of a whole row; `None` where nothing was asked for.
    pub fn of(mut row: JobRow) -> Option<Self> {
        let spec = row.spec.take().filter(|spec| spec.request.is_some())?;
        Some(Self { row, asked: Arc::new(Asked::alone(*spec)) })
    }

    /// Of a stored row. A million rows say little but the same specs, so those are looked up in `book` as they stand there.
    pub(super) fn stored(bytes: &[u8], book: &mut Book) -> Result<Self, String> {
        let (head, spec, rest) = split_spec(bytes).ok_or("a job without a spec")?;
        let row = JobRow::decode(head.chain(rest)).map_err(|error| error.to_string())?;
        if row.spec.is_some() {
            return Err("a job with two specs".to_owned());
        }
        let asked = book.share_stored(spec).ok_or("a job without a request")?;
        Ok(Self { row, asked })
    }

    /// As stored.
    pub fn whole_row(&self) -> JobRow {
        JobRow { spec: Some(Box::new(self.spec().clone())), ..self.row.clone() }
    }

    /// The canonical bytes of [`Job::whole_row`], without making it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let spec = self.spec();
        let ids = JobRow { uid: self.row.uid, job_id: self.row.job_id, ..JobRow::default() }.encoded_len();
        let mut row = self.row.encode_to_vec();
        let rest = row.split_off(ids);
        row.reserve_exact(spec.encoded_len() + rest.len() + SPEC_HEAD_BYTES_MAX);
        row.push(SPEC_TAG);
        spec.encode_length_delimited(&mut row).expect("a vector takes any length");
        row.extend(rest);
        row
    }

    /// What was asked for.
    pub fn spec(&self) -> &JobSpec {
        &self.asked.spec
    }

    /// The same, as the scheduler reads it.
    pub fn asked(&self) -> &Asked {
        &self.asked
    }

    /// Its resource request.
    pub fn request(&self) -> &Request {
        self.spec().request.as_ref().expect("submit puts a request into each spec")
    }

    /// sbatch, salloc or srun.
    pub fn kind(&self) -> JobKind {
        self.spec().kind()
    }

    /// Base state.
    pub fn state(&self) -> JobState {
        JobState::from_code(self.row.state).unwrap_or(JobState::Pending)
    }

    /// Base state and flags, as listings show it.
    pub fn status(&self) -> JobStatus {
        JobStatus::new(self.state(), self.flags())
    }

    /// CONFIGURING and COMPLETING, from the newest attempt.
    pub fn flags(&self) -> JobFlags {
        match self.live_attempt() {
            Some(attempt) if attempt.end_ms != 0 => JobFlags::COMPLETING,
            Some(attempt) if attempt.start_ms == 0 => JobFlags::CONFIGURING,
            _ => JobFlags::NONE,
        }
    }

    /// Why it waits, or how it ended.
    pub fn reason(&self) -> Reason {
        u16::try_from(self.row.reason).ok().and_then(Reason::from_code).unwrap_or_default()
    }

    /// The newest attempt, over or not.
    pub fn newest_attempt(&self) -> Option<&Attempt> {
        self.row.attempts.last()
    }

    /// The newest attempt while a share of it is taken on any node.
    pub fn live_attempt(&self) -> Option<&Attempt> {
        self.newest_attempt().filter(|attempt| !is_over(attempt))
    }

    /// The attempt that listings show: the live one, or that of a finished run. Of a requeued job that was cancelled as it
    /// waited, none.
    pub fn shown_attempt(&self) -> Option<&Attempt> {
        let waits = self.state() == JobState::Pending && !self.row.requeue_pending;
        let own = |attempt: &&Attempt| attempt.number > self.row.restarts;
        self.newest_attempt().filter(|attempt| !waits || !is_over(attempt)).filter(own)
    }

    /// Which run this record is of: each requeue begins another one.
    pub fn run(&self) -> u32 {
        self.row.restarts + 1
    }

    /// Waits for resources: pending, and no share of an older attempt is left (P3).
    pub fn is_startable(&self) -> bool {
        self.state() == JobState::Pending && self.live_attempt().is_none()
    }

    /// By its user or an administrator. Priority 0 is Slurm's other way to say so.
    pub fn is_held(&self) -> bool {
        self.row.hold() != HoldKind::None || self.row.priority == 0
    }

    /// Not to start before; 0: at once.
    pub fn begin_ms(&self) -> u64 {
        self.spec().begin_ms.max(self.row.eligible_ms)
    }

    /// Ended, every node released or proven dead.
    pub fn is_over(&self) -> bool {
        self.state().is_finished() && self.live_attempt().is_none()
    }

    /// An array with tasks that have no record of their own yet.
    pub fn is_array(&self) -> bool {
        self.row.array_job_id != 0 && self.row.array_task.is_none()
    }

    /// A step by Slurm's number.
    pub fn step(&self, step_id: u32) -> Option<&StepRecord> {
        self.row.steps.iter().find(|step| step_id_of(step) == step_id)
    }

    /// Time limit in seconds as asked for; `None`: unlimited.
    pub fn time_limit_s(&self) -> Option<u32> {
        self.spec().time_limit_s.filter(|&limit| limit != UNLIMITED)
    }

    /// When its time limit ends the running attempt, grace not counted; `None`: never, or it does not run.
    pub fn limit_ends_ms(&self) -> Option<u64> {
        let attempt = self.live_attempt().filter(|attempt| attempt.start_ms != 0 && attempt.end_ms == 0)?;
        let limit_ms = u64::from(self.time_limit_s()?) * 1_000;
        Some(attempt.start_ms.saturating_add(limit_ms).saturating_add(attempt.suspended_ms))
    }

    /// When the allocation of a direct `srun` ends because its client never made a step.
    pub fn stepless_ends_ms(&self) -> Option<u64> {
        let attempt = self.live_attempt().filter(|attempt| attempt.start_ms != 0 && attempt.end_ms == 0)?;
        let made_one = self.row.steps.iter().any(|step| StepId(step_id_of(step)).is_normal());
        (self.kind() == JobKind::Run && !made_one).then(|| attempt.start_ms.saturating_add(STEPLESS_RUN_MS))
    }

    /// How many tasks of an array have no record yet.
    pub fn pending_task_count(&self) -> u64 {
        super::array::count(&self.row.pending_tasks)
    }
}

/// What stands before [`JobRow::spec`] in a row, the spec, and what stands after it.
fn split_spec(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut rest = bytes;
    loop {
        let before = rest.len();
        let (tag, wire_type) = decode_key(&mut rest).ok()?;
        if tag == SPEC_FIELD && wire_type == WireType::LengthDelimited {
            let length = usize::try_from(decode_varint(&mut rest).ok()?).ok()?;
            let (spec, after) = rest.split_at_checked(length)?;
            return Some((&bytes[..bytes.len() - before], spec, after));
        }
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).ok()?;
    }
}

/// Slurm's number of a step.
pub fn step_id_of(step: &StepRecord) -> u32 {
    step.spec.as_ref().map_or(0, |spec| spec.step_id)
}

/// Whether a node's part is over: its resources are free, and nothing of the attempt can live there.
pub fn node_is_over(node: &AttemptNode) -> bool {
    matches!(node.phase(), NodePhase::Released | NodePhase::ProvenDead)
}

/// Whether every node's part is over.
pub fn is_over(attempt: &Attempt) -> bool {
    attempt.nodes.iter().all(node_is_over)
}

/// Whether the work has been told to end, or ended by itself.
pub fn is_ending(attempt: &Attempt) -> bool {
    attempt.cause() != EndCause::None
}

/// An attempt's nodes with their shares, in allocation order.
pub fn shares(attempt: &Attempt) -> impl Iterator<Item = (&AttemptNode, &NodeShare)> {
    let shares = attempt.allocation.iter().flat_map(|allocation| allocation.nodes.iter());
    attempt.nodes.iter().zip(shares)
}

/// Whether all of a step has ended.
pub fn step_is_over(step: &StepRecord) -> bool {
    step.state() == StepState::Ended
}
