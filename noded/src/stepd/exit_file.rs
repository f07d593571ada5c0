//! The exit record: written before anyone is told, whole or not at all. It survives every death but the kernel's, after which
//! no step of this boot counts; noded syncs it into its journal before the leader hears.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use prost::Message;
use tokio::time::{Duration, Instant, sleep};
use tracing::error;

use super::paths;
use super::wire::ExitRecord;

/// A disk that is full gets room again when somebody has seen that it is.
pub(crate) const WRITE_FOR: Duration = Duration::from_hours(24);
/// Where noded hears it from the supervisor, who waits for this long: then it goes, written or not.
pub(crate) const TELL_FOR: Duration = Duration::from_secs(5);
pub(crate) const WRITE_AGAIN: Duration = Duration::from_secs(1);

/// Writes it beside its place, and renames.
pub(crate) fn write(dir: &Path, record: &ExitRecord) -> io::Result<()> {
    let fresh = dir.join("exit.new");
    let mut file = File::create(&fresh)?;
    file.write_all(&record.encode_to_vec())?;
    fs::rename(&fresh, dir.join(paths::EXIT))
}

/// The same, after each `pause` again where the disk does not take it: how the step ended is known here alone.
pub(crate) async fn write_in_the_end(
    dir: &Path,
    record: &ExitRecord,
    patience: Duration,
    pause: Duration,
) -> io::Result<()> {
    let until = Instant::now() + patience;
    let mut told = false;
    loop {
        match write(dir, record) {
            Err(why) if Instant::now() < until => {
                if !std::mem::replace(&mut told, true) {
                    error!("the step is over, and how it ended cannot be written yet: {why}");
                }
                sleep(pause).await;
            }
            written => return written,
        }
    }
}

/// The record, if the step is over here.
pub(crate) fn read(dir: &Path) -> Option<ExitRecord> {
    ExitRecord::decode(&fs::read(dir.join(paths::EXIT)).ok()?[..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_exit_that_the_disk_does_not_take_at_first_is_written_in_the_end() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("step");
        let record = ExitRecord { wait_status: 0x0700, ..ExitRecord::default() };
        // Polled after the first try.
        let room = async { fs::create_dir(&dir).unwrap() };
        let (written, ()) = tokio::join!(write_in_the_end(&dir, &record, WRITE_FOR, Duration::from_millis(1)), room);
        written.unwrap();
        assert_eq!(read(&dir).unwrap().wait_status, 0x0700);
    }

    #[tokio::test]
    async fn patience_with_a_disk_ends() {
        let gone = tempfile::tempdir().unwrap().path().join("step");
        let pause = Duration::from_millis(1);
        assert!(write_in_the_end(&gone, &ExitRecord::default(), pause, pause).await.is_err());
    }
}
