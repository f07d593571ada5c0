//! Names of attempts and of their steps, as a node knows them.

use std::fmt;

/// One run of a job. The uid is the cluster's, never reused; the job id is only its label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptKey {
    /// The job's uid.
    pub uid: u64,
    /// The attempt's number, from 1.
    pub attempt: u32,
}

/// One step of an attempt on this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepKey {
    /// Whose step it is.
    pub attempt: AttemptKey,
    /// Slurm's step id, reserved ones included.
    pub step: u32,
}

impl fmt::Display for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.uid, self.attempt)
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.attempt, self.step)
    }
}

impl StepKey {
    /// Reads what `Display` wrote: `UID.ATTEMPT.STEP`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (uid, attempt, step) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let attempt = AttemptKey { uid: uid.parse().ok()?, attempt: attempt.parse().ok()? };
        Some(Self { attempt, step: step.parse().ok()? })
    }
}
