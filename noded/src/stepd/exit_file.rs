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

#[cfg(test)]
mod tests {
    use muster_proto::durable::Usage;

    use super::*;

    /// Golden: a newer noded reads what an older supervisor wrote.
    #[test]
    fn the_exit_record_keeps_its_bytes() {
        let usage = Some(Usage::default());
        let record =
            ExitRecord { wait_status: 256, end_ms: 5, error: "e".into(), usage, empty: true, lease_over: false };
        let hex =
            |record: &ExitRecord| record.encode_to_vec().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&record), "08800210051a016522002801");
        assert_eq!(hex(&ExitRecord { lease_over: true, ..record }), "08800210051a0165220028013001");
    }
}
