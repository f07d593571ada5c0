//! What `scontrol update NodeName=… State=…` may ask for. These are wishes, not states.

/// A wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeUpdate {
    Down,
    Drain,
    Fail,
    Future,
    Idle,
    NoResp,
    PowerDown,
    PowerDownAsap,
    PowerDownForce,
    PowerUp,
    Resume,
    Undrain,
}

impl NodeUpdate {
    /// The words that scontrol lists when another is given.
    pub const VALID: &'static str = "NoResp DRAIN FAIL FUTURE RESUME POWER_DOWN POWER_UP UNDRAIN";

    /// In any case; `DRAINED` and `DRAINING` mean `DRAIN`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_uppercase().as_str() {
            "DOWN" => Self::Down,
            "DRAIN" | "DRAINED" | "DRAINING" => Self::Drain,
            "FAIL" => Self::Fail,
            "FUTURE" => Self::Future,
            "IDLE" => Self::Idle,
            "NORESP" => Self::NoResp,
            "POWER_DOWN" => Self::PowerDown,
            "POWER_DOWN_ASAP" => Self::PowerDownAsap,
            "POWER_DOWN_FORCE" => Self::PowerDownForce,
            "POWER_UP" => Self::PowerUp,
            "RESUME" => Self::Resume,
            "UNDRAIN" => Self::Undrain,
            _ => return None,
        })
    }

    /// Whether Slurm insists on `Reason=`.
    #[must_use]
    pub fn needs_reason(self) -> bool {
        matches!(self, Self::Down | Self::Drain | Self::Fail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_words_in_any_case() {
        assert_eq!(NodeUpdate::parse("drain"), Some(NodeUpdate::Drain));
        assert_eq!(NodeUpdate::parse("nosuch"), None);
        assert!(NodeUpdate::VALID.split(' ').all(|word| NodeUpdate::parse(word).is_some()));
    }
}
