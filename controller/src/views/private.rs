//! `PrivateData`: what users may not see of each other.

use crate::door::client::Caller;
use crate::member::Member;

/// Whether `what` ("jobs", "nodes", …) is hidden from this caller, where it is not their own.
pub(super) fn is_hidden(member: &Member, caller: &Caller, what: &str) -> bool {
    if caller.admin {
        return false;
    }
    let config = member.config();
    config.is_some_and(|config| config.conf.private_data.iter().any(|word| word.eq_ignore_ascii_case(what)))
}
