//! The journal as a file: a magic line, then records of length, checksum and bytes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use super::crc::crc32;
use super::{JournalStore, Loaded};

const MAGIC: &[u8] = b"muster-node-journal 1\n";
const HEADER_BYTES: usize = 8;
/// Largest record, bytes: an attempt with its specification and reports.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// An append-only file.
pub struct FileJournal {
    path: PathBuf,
    file: Mutex<File>,
}

impl FileJournal {
    /// Opens or makes the journal, and cuts a torn tail off.
    ///
    /// # Errors
    /// It cannot be opened, or is not a journal.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let bytes = fs::read(path)?;
        if bytes.is_empty() {
            file.write_all(MAGIC)?;
            file.sync_all()?;
            sync_directory(path)?;
        } else if MAGIC.starts_with(&bytes) && bytes.len() < MAGIC.len() {
            file.set_len(0)?;
            file.write_all(MAGIC)?;
            file.sync_all()?;
        } else if !bytes.starts_with(MAGIC) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a journal", path.display())));
        } else {
            let (_, end) = parse(&bytes);
            file.set_len(end as u64)?;
        }
        Ok(Self { path: path.to_owned(), file: Mutex::new(file) })
    }
}

impl JournalStore for FileJournal {
    fn load(&self) -> io::Result<Loaded> {
        Ok(parse(&fs::read(&self.path)?).0)
    }

    fn append(&self, records: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        encode(records, &mut bytes)?;
        let mut file = self.file.lock().expect("no holder of this lock panics");
        file.write_all(&bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.lock().expect("no holder of this lock panics").sync_data()
    }

    fn replace(&self, records: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = MAGIC.to_vec();
        encode(records, &mut bytes)?;
        let fresh = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, &self.path)?;
        sync_directory(&self.path)?;
        let mut current = self.file.lock().expect("no holder of this lock panics");
        *current = OpenOptions::new().read(true).append(true).open(&self.path)?;
        Ok(())
    }
}

fn encode(records: &[Vec<u8>], into: &mut Vec<u8>) -> io::Result<()> {
    for record in records {
        let length = u32::try_from(record.len()).ok().filter(|_| record.len() <= RECORD_BYTES_MAX);
        let length = length.ok_or_else(|| io::Error::other("a journal record that is too large"))?;
        into.extend_from_slice(&length.to_le_bytes());
        into.extend_from_slice(&crc32(record).to_le_bytes());
        into.extend_from_slice(record);
    }
    Ok(())
}

/// The records, and where the last good one ends.
fn parse(bytes: &[u8]) -> (Loaded, usize) {
    let mut loaded = Loaded::default();
    let mut at = MAGIC.len();
    while bytes.len() > at {
        let Some(record) = record_at(bytes, at) else {
            // A tail that was being written is cut off; anything longer than that is damage.
            loaded.damaged = claims_to_end_before(bytes, at);
            break;
        };
        at += HEADER_BYTES + record.len();
        loaded.records.push(record.to_vec());
    }
    (loaded, at)
}

fn record_at(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let header = bytes.get(at..at + HEADER_BYTES)?;
    let length = u32::from_le_bytes(header[..4].try_into().expect("four bytes")) as usize;
    let checksum = u32::from_le_bytes(header[4..].try_into().expect("four bytes"));
    let start = at + HEADER_BYTES;
    let record = bytes.get(start..start.checked_add(length)?)?;
    (length <= RECORD_BYTES_MAX && crc32(record) == checksum).then_some(record)
}

fn claims_to_end_before(bytes: &[u8], at: usize) -> bool {
    let Some(header) = bytes.get(at..at + HEADER_BYTES) else { return false };
    let length = u32::from_le_bytes(header[..4].try_into().expect("four bytes")) as usize;
    at + HEADER_BYTES + length < bytes.len()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn what_was_appended_is_loaded_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let journal = FileJournal::open(&path).unwrap();
        journal.append(&records(&["one", "two"])).unwrap();
        journal.append(&records(&["three"])).unwrap();
        drop(journal);
        let loaded = FileJournal::open(&path).unwrap().load().unwrap();
        assert_eq!(loaded, Loaded { records: records(&["one", "two", "three"]), damaged: false });
    }

    #[test]
    fn the_file_keeps_its_bytes() {
        let mut bytes = MAGIC.to_vec();
        encode(&records(&["one", "2"]), &mut bytes).unwrap();
        let expected: &[u8] = b"muster-node-journal 1\n\x03\0\0\0\xf1\x86\x6czone\x01\0\0\0\x0d\xbe\xd5\x1a2";
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_torn_tail_is_cut_off_wherever_it_tears() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        FileJournal::open(&path).unwrap().append(&records(&["one", "twotwo"])).unwrap();
        let whole = fs::read(&path).unwrap();
        let one = MAGIC.len() + HEADER_BYTES + 3;
        for end in one..whole.len() {
            fs::write(&path, &whole[..end]).unwrap();
            let journal = FileJournal::open(&path).unwrap();
            assert_eq!(journal.load().unwrap(), Loaded { records: records(&["one"]), damaged: false }, "cut at {end}");
            journal.append(&records(&["next"])).unwrap();
            assert_eq!(journal.load().unwrap().records, records(&["one", "next"]));
        }
    }

    #[test]
    fn a_flipped_bit_in_the_middle_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        FileJournal::open(&path).unwrap().append(&records(&["one", "two"])).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[MAGIC.len() + HEADER_BYTES] ^= 1;
        let (loaded, _) = parse(&bytes);
        assert_eq!(loaded, Loaded { records: vec![], damaged: true });
    }

    #[test]
    fn replacing_keeps_only_the_new_records() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        let journal = FileJournal::open(&path).unwrap();
        journal.append(&records(&["one", "two"])).unwrap();
        journal.replace(&records(&["both"])).unwrap();
        journal.append(&records(&["three"])).unwrap();
        assert_eq!(FileJournal::open(&path).unwrap().load().unwrap().records, records(&["both", "three"]));
    }
}
