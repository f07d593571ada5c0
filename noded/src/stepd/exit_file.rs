//! The exit record: durable before anyone is told.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use prost::Message;

use super::paths;
use super::wire::ExitRecord;

/// Writes it beside its place, syncs, renames, and syncs the directory.
pub(crate) fn write(dir: &Path, record: &ExitRecord) -> io::Result<()> {
    let fresh = dir.join("exit.new");
    let mut file = File::create(&fresh)?;
    file.write_all(&record.encode_to_vec())?;
    file.sync_all()?;
    fs::rename(&fresh, dir.join(paths::EXIT))?;
    File::open(dir)?.sync_all()
}

/// The record, if the step is over here.
pub(crate) fn read(dir: &Path) -> Option<ExitRecord> {
    ExitRecord::decode(&fs::read(dir.join(paths::EXIT)).ok()?[..]).ok()
}
