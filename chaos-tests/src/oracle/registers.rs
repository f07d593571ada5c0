//! Values that one client writes, one write after the other, and that anybody reads: linearizability can be judged exactly.

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// Acknowledged, at this virtual ms.
    Done(u64),
    /// It was not, and never will be.
    Refused,
    /// It may have been, or be yet. Its client wrote no more.
    Unknown,
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    /// What shall be read from then on.
    pub value: String,
    /// When the client began, virtual ms.
    pub asked_ms: u64,
    /// What it was told.
    pub written: Written,
}

/// What a client read.
#[derive(Clone, Debug)]
pub struct Value {
    /// Of which register.
    pub register: String,
    /// What it was.
    pub value: String,
    /// When the client asked.
    pub asked_ms: u64,
    /// When it was told.
    pub told_ms: u64,
    /// By which controller.
    pub from: String,
}

impl Write {
    /// Carried out, as far as anybody at `now_ms` can know for sure.
    fn is_done_before(&self, now_ms: u64) -> bool {
        matches!(self.written, Written::Done(told_ms) if told_ms < now_ms)
    }
}

/// Whether somebody who asked then may be told `value`: it is that of the last write that was acknowledged before, or of one
/// that was under way.
pub fn may_be(writes: &[Write], value: &str, asked_ms: u64, told_ms: u64) -> bool {
    let last = writes.iter().rposition(|write| write.is_done_before(asked_ms)).unwrap_or(0);
    let possible = writes[last..].iter().filter(|write| write.asked_ms <= told_ms && write.written != Written::Refused);
    possible.into_iter().any(|write| write.value == value)
}

/// The name of a job's comment.
pub fn comment_of(uid: u64) -> String {
    format!("comment of uid {uid}")
}

/// The name of whether a job's user holds it.
pub fn hold_of(uid: u64) -> String {
    format!("hold of uid {uid}")
}

/// The name of whether a node is drained, and of an operator's remark about it.
pub fn drain_of(node: &str) -> String {
    format!("drain of {node}")
}

/// See [`drain_of`].
pub fn remark_of(node: &str) -> String {
    format!("remark on {node}")
}
