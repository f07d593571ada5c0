//! Where the process may, Raft's thread goes before whatever else wants the processor: it takes little, and a heartbeat that
//! waits behind long commands on a loaded machine costs an election.

use rustix::process::{nice, setpriority_process};

/// Of Raft's thread.
const RAFT_NICE: i32 = -10;

/// The calling thread goes first from here on. Threads that it starts inherit that.
pub(crate) fn go_first() {
    if let Err(why) = nice(RAFT_NICE) {
        tracing::debug!(%why, "Raft has the priority of everything else: root, or LimitNICE=-10 in the unit, gives it more");
    }
}

/// The calling thread has the priority of most others again.
pub fn as_others() {
    // Zero: the calling thread. Nobody is refused a lower priority.
    let _ = setpriority_process(None, 0);
}
