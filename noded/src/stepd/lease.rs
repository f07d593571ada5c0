//! The node's lease, as supervisors keep it: noded writes down until when it was renewed, and each supervisor looks there when the
//! end comes that it knows. Nobody has to live for that but the supervisor itself.
//!
//! ```text
//! noded ── renewed ─► SPOOL/lease ◄── at the end it knows ── stepd: later? wait on : kill everything
//! ```
//!
//! Never here: the end of a lease put off because the file cannot be read.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use muster_model::agent::NO_END;
use muster_proto::durable::EndCause;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;
use tokio::time::sleep;
use tracing::{error, warn};

use super::paths;
use super::shared::{Shared, Stage};
use super::wire::End;

/// Between two rounds of SIGKILL: what forked meanwhile is hit by the next.
const KILL_AGAIN: Duration = Duration::from_millis(50);
/// Where there is no timer that counts suspension: so late the end may be seen.
const LOOK_AGAIN_MS: u64 = 500;

/// Beside its place, and renamed: whole or not at all. It need not survive the kernel, with which the lease ends.
pub(crate) fn write(spool: &Path, boot_id: &str, until_ms: u64) -> io::Result<()> {
    let fresh = spool.join("lease.new");
    let mut file = File::create(&fresh)?;
    file.write_all(format!("{boot_id} {until_ms}\n").as_bytes())?;
    fs::rename(&fresh, spool.join(paths::LEASE))
}

/// Until when it was renewed in this boot.
pub(crate) fn read(spool: &Path, boot_id: &str) -> Option<u64> {
    let text = fs::read_to_string(spool.join(paths::LEASE)).ok()?;
    let (boot, until_ms) = text.trim_end().split_once(' ')?;
    (boot == boot_id).then(|| until_ms.parse().ok()).flatten()
}

/// Ends the step when the lease does; goes on for as long as that is renewed.
pub(crate) async fn keep(shared: Rc<Shared>) {
    let boot_id = crate::real::boot_id();
    let mut until_ms = shared.launch.lease_until_ms;
    while until_ms != NO_END {
        if let Err(e) = until(until_ms).await {
            warn!("no timer of the boot-time clock: {e}");
            while now_ms() < until_ms {
                sleep(Duration::from_millis(LOOK_AGAIN_MS.min(until_ms - now_ms()).max(1))).await;
            }
        }
        match read(Path::new(&shared.launch.spool), &boot_id).filter(|renewed_ms| *renewed_ms > until_ms) {
            Some(renewed_ms) => until_ms = renewed_ms,
            None => return end(&shared).await,
        }
    }
}

/// What was told to end and has not is killed too, again and again.
async fn end(shared: &Rc<Shared>) {
    if is_over(shared) {
        return;
    }
    error!("{}: the node's lease is over: everything is killed", shared.title);
    shared.end(End { cause: EndCause::NodeFail as i32, kill_wait_s: 0, whole: true, at_once: true });
    while !is_over(shared) {
        shared.kill();
        sleep(KILL_AGAIN).await;
    }
}

fn is_over(shared: &Shared) -> bool {
    matches!(*shared.stage.borrow(), Stage::Exited(_))
}

fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec as u64 * 1_000 + now.tv_nsec as u64 / 1_000_000
}

/// The boot-time clock counts suspension, which tokio's does not.
async fn until(until_ms: u64) -> io::Result<()> {
    let timer: OwnedFd = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    // Not 0, which would disarm it.
    let (seconds, rest_ms) = ((until_ms / 1_000).min(i64::MAX as u64), (until_ms % 1_000).max(1));
    let at = Timespec { tv_sec: seconds as i64, tv_nsec: rest_ms as i64 * 1_000_000 };
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
    timerfd_settime(&timer, TimerfdTimerFlags::ABSTIME, &once)?;
    // SAFETY: an OwnedFd names the same open file for as long as it lives, and it lives inside the AsyncFd.
    let timer = unsafe { AsyncFd::register(timer) }?;
    let _passed = timer.readable().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_of_another_boot_or_a_torn_file_is_none() {
        let spool = tempfile::tempdir().unwrap();
        assert_eq!(read(spool.path(), "b1"), None);
        write(spool.path(), "b1", 12_345).unwrap();
        assert_eq!((read(spool.path(), "b1"), read(spool.path(), "b2")), (Some(12_345), None));
        let text = fs::read_to_string(spool.path().join(paths::LEASE)).unwrap();
        assert_eq!(text, "b1 12345\n", "supervisors of the version before read it");
        write(spool.path(), "b1", NO_END).unwrap();
        assert_eq!(read(spool.path(), "b1"), Some(NO_END));
        fs::write(spool.path().join(paths::LEASE), "b1 12x").unwrap();
        assert_eq!(read(spool.path(), "b1"), None);
    }

    #[tokio::test]
    async fn an_end_that_has_passed_is_not_waited_for() {
        until(0).await.unwrap();
        until(now_ms()).await.unwrap();
        let soon = now_ms() + 20;
        until(soon).await.unwrap();
        assert!(now_ms() >= soon);
    }
}
