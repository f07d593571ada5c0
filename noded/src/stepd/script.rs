//! The batch script, as a file of the user's in a directory of the user's.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::paths;
use super::user::Ids;

const NAME: &str = "slurm_script";

/// Where the script of `job_id` is: what `$0` shows.
pub(crate) fn path(spool: &Path, job_id: u32) -> PathBuf {
    paths::job(spool, job_id).join(NAME)
}

/// Writes it. A part of it is not left: a full spool needs the room, for the exit record too.
pub(crate) fn write(spool: &Path, job_id: u32, script: &[u8]) -> io::Result<()> {
    let dir = paths::job(spool, job_id);
    fill(&dir, script).inspect_err(|_| {
        let _ = fs::remove_dir_all(&dir);
    })
}

/// Gives it to the user, whose quota may forbid that. The directory comes last, so that nobody else writes in it meanwhile.
pub(crate) fn give(spool: &Path, job_id: u32, ids: &Ids) -> io::Result<()> {
    if !Uid::effective().is_root() {
        return Ok(());
    }
    chown(path(spool, job_id), Some(ids.uid), Some(ids.gid))?;
    chown(paths::job(spool, job_id), Some(ids.uid), Some(ids.gid))
}

fn fill(dir: &Path, script: &[u8]) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    fs::DirBuilder::new().mode(0o700).create(dir)?;
    let file = dir.join(NAME);
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o700).open(&file)?;
    out.write_all(script)?;
    out.set_permissions(Permissions::from_mode(0o700))?;
    // Closed before it is executed: the kernel refuses to run a file that is open for writing.
    drop(out);
    Ok(())
}

/// The interpreter of a script that begins with `#!`.
pub(crate) fn interpreter(program: &str) -> Option<String> {
    let mut head = [0u8; 256];
    let read = io::Read::read(&mut fs::File::open(program).ok()?, &mut head).ok()?;
    let line = String::from_utf8_lossy(&head[..read]).into_owned();
    let rest = line.strip_prefix("#!")?.lines().next()?.trim().to_owned();
    rest.split_whitespace().next().map(str::to_owned)
}
