//! The exit record: written before anyone is told, whole or not at all. It survives every death but the kernel's, after which
//! no step of this boot counts; noded syncs it into its journal before the leader hears.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use prost::Message;

use super::paths;
use super::wire::ExitRecord;

/// Writes it beside its place, and renames.
pub(crate) fn write(dir: &Path, record: &ExitRecord) -> io::Result<()> {
    let fresh = dir.join("exit.new");
    let mut file = File::create(&fresh)?;
    file.write_all(&record.encode_to_vec())?;
    fs::rename(&fresh, dir.join(paths::EXIT))
}

/// The record, if the step is over here.
pub(crate) fn read(dir: &Path) -> Option<ExitRecord> {
    ExitRecord::decode(&fs::read(dir.join(paths::EXIT)).ok()?[..]).ok()
}
