//! How many files this process may open: as many as it is allowed to ask for.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Most, where the system sets no bound: more connections than any site has nodes and users.
const FILES_MAX: u64 = 262_144;

/// A shell's usual 1024 would be used up by a thousand nodes. What cannot be raised stays; the doors close what they cannot
/// bear.
pub(super) fn raise_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(FILES_MAX).min(FILES_MAX);
    if current.is_some_and(|current| current < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}
