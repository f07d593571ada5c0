//! Partition states.

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PartitionState {
    /// Jobs queue and start.
    Up,
    /// Jobs queue; none starts.
    Down,
    /// No new jobs; those queued start.
    Drain,
    /// No new jobs; none starts.
    Inactive,
}

impl PartitionState {
    /// In any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Up, Self::Down, Self::Drain, Self::Inactive].into_iter().find(|s| s.long().eq_ignore_ascii_case(text))
    }

    /// scontrol's `State=`.
    #[must_use]
    pub fn long(self) -> &'static str {
        match self {
            Self::Up => "UP",
            Self::Down => "DOWN",
            Self::Drain => "DRAIN",
            Self::Inactive => "INACTIVE",
        }
    }

    /// sinfo's `%a`.
    #[must_use]
    pub fn compact(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Drain => "drain",
            Self::Inactive => "inact",
        }
    }

    #[must_use]
    pub fn accepts_jobs(self) -> bool {
        matches!(self, Self::Up | Self::Down)
    }

    #[must_use]
    pub fn starts_jobs(self) -> bool {
        matches!(self, Self::Up | Self::Drain)
    }
}

impl fmt::Display for PartitionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.long())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for text in ["UP", "DOWN", "DRAIN", "INACTIVE"] {
            assert_eq!(PartitionState::parse(&text.to_lowercase()).unwrap().to_string(), text);
        }
        assert_eq!(PartitionState::parse("inact"), None);
        assert_eq!(PartitionState::Inactive.compact(), "inact");
    }
}
