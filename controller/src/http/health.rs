//! Whether this controller lives, and whether it is of use.

use std::time::Duration;

use crate::seat::Seat;

/// How long a barrier may take before this controller is called not ready.
const READY_WITHIN: Duration = Duration::from_secs(1);

/// `/healthz`: the process goes on. One that waits to be admitted lives too: restarting it would not help.
pub(super) fn lives(seat: &Seat) -> Result<String, String> {
    match seat.failure().borrow().as_ref() {
        // The reason is in the log: it may name paths.
        Some(_) => Err("failed: this process is ending".to_owned()),
        None => Ok("ok".to_owned()),
    }
}

/// `/readyz`: it answers a linearizable read now, so a quorum follows a leader that it reaches.
pub(super) async fn serves(seat: &Seat) -> Result<String, String> {
    lives(seat)?;
    let member = seat.member().ok_or("not a member of the cluster yet")?;
    match tokio::time::timeout(READY_WITHIN, member.core.replica.barrier()).await {
        Ok(Ok(index)) => {
            let role = if member.leads() { "leader" } else { "follower" };
            Ok(format!("ok: {role}, applied {index}"))
        }
        Ok(Err(_)) | Err(_) => Err("no leader with a quorum is reached, or applying is late".to_owned()),
    }
}
