//! Job states: a base state, and flags that are shown instead of it while they are set.

use std::fmt;
use std::ops::BitOr;

/// Where a job is in its life. The codes are Slurm's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum JobState {
    Pending = 0,
    Running = 1,
    Suspended = 2,
    Completed = 3,
    Cancelled = 4,
    Failed = 5,
    Timeout = 6,
    NodeFail = 7,
    Preempted = 8,
    BootFail = 9,
    Deadline = 10,
    OutOfMemory = 11,
}

impl JobState {
    pub const ALL: [JobState; 12] = [
        JobState::Pending,
        JobState::Running,
        JobState::Suspended,
        JobState::Completed,
        JobState::Cancelled,
        JobState::Failed,
        JobState::Timeout,
        JobState::NodeFail,
        JobState::Preempted,
        JobState::BootFail,
        JobState::Deadline,
        JobState::OutOfMemory,
    ];

    #[must_use]
    pub fn code(self) -> u32 {
        self as u32
    }

    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(code).ok()?).copied()
    }

    #[must_use]
    pub fn long(self) -> &'static str {
        self.names().0
    }

    #[must_use]
    pub fn compact(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending => ("PENDING", "PD"),
            Self::Running => ("RUNNING", "R"),
            Self::Suspended => ("SUSPENDED", "S"),
            Self::Completed => ("COMPLETED", "CD"),
            Self::Cancelled => ("CANCELLED", "CA"),
            Self::Failed => ("FAILED", "F"),
            Self::Timeout => ("TIMEOUT", "TO"),
            Self::NodeFail => ("NODE_FAIL", "NF"),
            Self::Preempted => ("PREEMPTED", "PR"),
            Self::BootFail => ("BOOT_FAIL", "BF"),
            Self::Deadline => ("DEADLINE", "DL"),
            Self::OutOfMemory => ("OUT_OF_MEMORY", "OOM"),
        }
    }

    /// Whether the job will never run again in this attempt.
    #[must_use]
    pub fn is_finished(self) -> bool {
        self >= Self::Completed
    }

    /// Long or short name, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.long().eq_ignore_ascii_case(text) || s.compact().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.long())
    }
}

/// Flags beside the base state. The bits are Slurm's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct JobFlags(pub u32);

impl JobFlags {
    pub const NONE: JobFlags = JobFlags(0);
    pub const REQUEUED: JobFlags = JobFlags(0x0000_0400);
    pub const REQUEUE_HOLD: JobFlags = JobFlags(0x0000_0800);
    pub const SPECIAL_EXIT: JobFlags = JobFlags(0x0000_1000);
    pub const RESIZING: JobFlags = JobFlags(0x0000_2000);
    pub const CONFIGURING: JobFlags = JobFlags(0x0000_4000);
    pub const COMPLETING: JobFlags = JobFlags(0x0000_8000);
    pub const STOPPED: JobFlags = JobFlags(0x0001_0000);
    pub const REVOKED: JobFlags = JobFlags(0x0008_0000);
    pub const REQUEUE_FED: JobFlags = JobFlags(0x0010_0000);
    pub const RESV_DEL_HOLD: JobFlags = JobFlags(0x0020_0000);
    pub const SIGNALING: JobFlags = JobFlags(0x0040_0000);
    pub const STAGE_OUT: JobFlags = JobFlags(0x0080_0000);

    /// In the order in which the first that is set hides the others and the base state.
    const SHOWN: [(JobFlags, &'static str, &'static str); 12] = [
        (Self::COMPLETING, "COMPLETING", "CG"),
        (Self::STAGE_OUT, "STAGE_OUT", "SO"),
        (Self::CONFIGURING, "CONFIGURING", "CF"),
        (Self::RESIZING, "RESIZING", "RS"),
        (Self::REQUEUED, "REQUEUED", "RQ"),
        (Self::REQUEUE_FED, "REQUEUE_FED", "RF"),
        (Self::REQUEUE_HOLD, "REQUEUE_HOLD", "RH"),
        (Self::SPECIAL_EXIT, "SPECIAL_EXIT", "SE"),
        (Self::STOPPED, "STOPPED", "ST"),
        (Self::REVOKED, "REVOKED", "RV"),
        (Self::RESV_DEL_HOLD, "RESV_DEL_HOLD", "RD"),
        (Self::SIGNALING, "SIGNALING", "SI"),
    ];

    #[must_use]
    pub fn contains(self, other: JobFlags) -> bool {
        self.0 & other.0 == other.0
    }

    #[must_use]
    pub fn without(self, other: JobFlags) -> Self {
        JobFlags(self.0 & !other.0)
    }

    /// Long or short name of one flag, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let same = |name: &str| name.eq_ignore_ascii_case(text);
        Self::SHOWN.iter().find(|(_, long, compact)| same(long) || same(compact)).map(|(flag, _, _)| *flag)
    }
}

impl BitOr for JobFlags {
    type Output = JobFlags;

    fn bitor(self, other: JobFlags) -> JobFlags {
        JobFlags(self.0 | other.0)
    }
}

/// What users see as "the state" of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobStatus {
    pub base: JobState,
    pub flags: JobFlags,
}

impl JobStatus {
    #[must_use]
    pub fn new(base: JobState, flags: JobFlags) -> Self {
        Self { base, flags }
    }

    /// squeue's `%T`, scontrol's `JobState=`: `RUNNING`, `COMPLETING`.
    #[must_use]
    pub fn long(self) -> &'static str {
        self.shown_flag().map_or(self.base.long(), |(_, long, _)| long)
    }

    /// squeue's `%t`: `R`, `CG`.
    #[must_use]
    pub fn compact(self) -> &'static str {
        self.shown_flag().map_or(self.base.compact(), |(_, _, compact)| compact)
    }

    /// Slurm's number: base state and flag bits in one.
    #[must_use]
    pub fn code(self) -> u32 {
        self.base.code() | self.flags.0
    }

    fn shown_flag(self) -> Option<(JobFlags, &'static str, &'static str)> {
        JobFlags::SHOWN.into_iter().find(|(flag, _, _)| self.flags.contains(*flag))
    }
}

/// One word of `squeue -t` and `sacct -s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateFilter {
    Base(JobState),
    Flag(JobFlags),
    /// `all`: nothing is left out.
    All,
}

impl StateFilter {
    /// Long or short name of a state or flag, or `all`, in any case. No abbreviations.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("all") {
            return Some(Self::All);
        }
        JobState::parse(text).map(Self::Base).or_else(|| JobFlags::parse(text).map(Self::Flag))
    }

    #[must_use]
    pub fn matches(self, status: JobStatus) -> bool {
        match self {
            Self::Base(state) => status.base == state,
            Self::Flag(flag) => status.flags.contains(flag),
            Self::All => true,
        }
    }
}

/// The words that squeue lists when `-t` names another.
pub const SQUEUE_STATES: &str = "PENDING,RUNNING,SUSPENDED,COMPLETED,CANCELLED,FAILED,TIMEOUT,NODE_FAIL,PREEMPTED,\
    BOOT_FAIL,DEADLINE,OUT_OF_MEMORY,COMPLETING,CONFIGURING,RESIZING,RESV_DEL_HOLD,REQUEUED,REQUEUE_FED,REQUEUE_HOLD,\
    REVOKED,SIGNALING,SPECIAL_EXIT,STAGE_OUT,STOPPED";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_read_back() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_code(state.code()), Some(state));
            assert_eq!(JobState::parse(state.long()), Some(state));
            assert_eq!(JobState::parse(&state.compact().to_lowercase()), Some(state));
        }
        assert_eq!(JobState::from_code(12), None);
    }

    #[test]
    fn a_flag_is_shown_instead_of_the_state() {
        let ending = JobStatus::new(JobState::Completed, JobFlags::COMPLETING | JobFlags::REQUEUED);
        assert_eq!((ending.long(), ending.compact()), ("COMPLETING", "CG"));
        let requeued = JobStatus::new(JobState::Pending, ending.flags.without(JobFlags::COMPLETING));
        assert_eq!(requeued.compact(), "RQ");
        assert_eq!(JobStatus::new(JobState::Running, JobFlags::NONE).long(), "RUNNING");
        assert_eq!(JobStatus::new(JobState::Failed, JobFlags::COMPLETING).code(), 0x8005);
    }

    #[test]
    fn filters_are_whole_names_in_any_case() {
        assert_eq!(StateFilter::parse("pd"), Some(StateFilter::Base(JobState::Pending)));
        assert_eq!(StateFilter::parse("cg"), Some(StateFilter::Flag(JobFlags::COMPLETING)));
        assert_eq!(StateFilter::parse("ALL"), Some(StateFilter::All));
        for bad in ["PEND", "CANCELLED+", "cancel", ""] {
            assert_eq!(StateFilter::parse(bad), None, "{bad}");
        }
        assert!(SQUEUE_STATES.split(',').all(|name| StateFilter::parse(name).is_some()));
    }
}
