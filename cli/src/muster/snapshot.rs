//! `muster snapshot save|inspect|restore`: the cluster's state as a file.
//!
//! Saving asks a running cluster. The other two concern a store that nobody has open: `muster-controller` does them, on the
//! host where that controller will run.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use muster_channel::{CallError, Saving};

use super::{VOICE, print, told, with_site};
use crate::refusal::Refusal;
use crate::site::{Reach, block_on};

const USAGE: &str = "usage: muster snapshot save FILE | inspect FILE | restore FILE [OPTIONS of muster-controller]";

pub(super) fn run(words: &[&str]) -> u8 {
    match words {
        ["save", file] => with_site(|_, reach| block_on(save(reach, Path::new(file)))),
        ["inspect", file] => controller(&["--inspect", file]),
        ["restore", file, rest @ ..] => controller(&[&["--restore", file], rest].concat()),
        _ => told(USAGE),
    }
}

/// Written, and then synced: where all were written back at once, controllers on the same disk would wait for it with their logs.
const UNSYNCED_BYTES_MAX: usize = 8 << 20;

/// Controllers of this host come first.
const NICE: i32 = 10;

/// Written beside its place, and moved there whole.
async fn save(reach: &Reach, file: &Path) -> u8 {
    // Whoever may not be nicer saves all the same.
    let _ = rustix::process::nice(NICE);
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = PathBuf::from(beside);
    let saved = match write(reach, &beside).await {
        Ok(index) => {
            std::fs::rename(&beside, file).map(|()| index).map_err(|error| format!("{}: {error}", file.display()))
        }
        Err(why) => Err(why),
    };
    match saved {
        Ok(index) => print(&format!("{}: the state as of entry {index}\n", file.display())),
        Err(why) => {
            let _ = std::fs::remove_file(&beside);
            told(&why)
        }
    }
}

/// It holds scripts and environments of everybody: nobody else may read it, and what somebody else has put there, or a link, is no
/// place for it.
fn create(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(0o600).open(path)
}

/// Why it is not whole.
enum Stopped {
    /// The controller that sent it is gone.
    BrokenOff,
    Failed(String),
}

async fn write(reach: &Reach, path: &Path) -> Result<u64, String> {
    let failed = |error: io::Error| format!("{}: {error}", path.display());
    let mut saving = reach.client.save_snapshot().await.map_err(refused)?;
    let mut file = create(path).map_err(failed)?;
    loop {
        match write_pieces(&mut saving, &file, path).await {
            Ok(index) => return Ok(index),
            Err(Stopped::Failed(why)) => return Err(why),
            Err(Stopped::BrokenOff) => {}
        }
        if io::stderr().is_terminal() {
            VOICE.info("the controller went away: the snapshot begins anew at another one");
        }
        saving.again().await.map_err(refused)?;
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
    }
}

fn refused(error: CallError) -> String {
    Refusal::of(&error, "whether a snapshot was taken").text
}

async fn write_pieces(saving: &mut Saving, file: &File, path: &Path) -> Result<u64, Stopped> {
    let failed = |error: io::Error| Stopped::Failed(format!("{}: {error}", path.display()));
    let mut file = BufWriter::with_capacity(1 << 20, file);
    let mut unsynced = 0;
    loop {
        let piece = saving.next().await.map_err(|error| match error {
            CallError::Unreachable => Stopped::BrokenOff,
            other => Stopped::Failed(refused(other)),
        })?;
        file.write_all(&piece.data).map_err(failed)?;
        unsynced += piece.data.len();
        if unsynced >= UNSYNCED_BYTES_MAX {
            file.flush().and_then(|()| file.get_ref().sync_data()).map_err(failed)?;
            unsynced = 0;
        }
        if piece.ends {
            file.flush().and_then(|()| file.get_ref().sync_all()).map_err(failed)?;
            return Ok(piece.index);
        }
    }
}

/// Becomes `muster-controller`: the one beside this program, or the one on the path.
fn controller(words: &[&str]) -> u8 {
    let beside = std::env::current_exe().ok().map(|own| own.with_file_name("muster-controller"));
    let program = beside.filter(|path| path.exists()).unwrap_or_else(|| PathBuf::from("muster-controller"));
    let error = Command::new(&program).args(words).exec();
    told(&format!("{}: {error}", program.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_snapshot_is_written_into_no_file_that_is_there_and_through_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let (link, victim) = (dir.path().join("link"), dir.path().join("victim"));
        symlink(&victim, &link).unwrap();
        assert_eq!(create(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(!victim.exists());
        let made = create(&dir.path().join("new")).unwrap();
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}
