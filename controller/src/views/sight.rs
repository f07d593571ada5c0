//! `PrivateData`: what users may not see of each other.

/// Whose records a listing may show. Two callers with the same sight are answered the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// Everybody's.
    All,
    /// Those of this user alone.
    Own(u32),
}

impl Sight {
    pub(super) fn shows(self, owner: u32) -> bool {
        match self {
            Self::All => true,
            Self::Own(uid) => uid == owner,
        }
    }
}
