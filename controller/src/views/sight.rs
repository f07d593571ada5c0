//! `PrivateData`: what users may not see of each other.

use crate::door::client::Caller;
use crate::member::Member;

/// Whose records a listing may show. Two callers with the same sight are answered the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sight {
    /// Everybody's.
    All,
    /// Those of this user alone.
    Own(u32),
}

impl Sight {
    /// What `caller` sees of `what` ("jobs", "nodes", …) under the configuration in force.
    pub(crate) fn of(member: &Member, caller: &Caller, what: &str) -> Self {
        if caller.admin {
            return Self::All;
        }
        let config = member.config();
        let hides = |word: &String| word.eq_ignore_ascii_case(what);
        match config.is_some_and(|config| config.conf.private_data.iter().any(hides)) {
            true => Self::Own(caller.uid),
            false => Self::All,
        }
    }

    pub(super) fn shows(self, owner: u32) -> bool {
        match self {
            Self::All => true,
            Self::Own(uid) => uid == owner,
        }
    }
}
