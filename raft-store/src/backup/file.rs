//! Chunks in a file.

use std::io::{self, Read};

use bytes::{BufMut, Bytes, BytesMut};

use super::BackupError;

/// DURABLE: the first bytes of the file; the last of them is the version.
pub(super) const MAGIC: &[u8; 8] = b"MUSTSNP1";
/// A chunk that is longer is no chunk of ours.
const CHUNK_BYTES_READ_MAX: usize = 16 << 20;

/// A chunk as it stands in the file.
pub(super) fn framed(chunk: &Bytes) -> Bytes {
    let mut bytes = BytesMut::with_capacity(4 + chunk.len());
    bytes.put_u32_le(chunk.len() as u32);
    bytes.extend_from_slice(chunk);
    bytes.freeze()
}

/// The chunks of a file, one after another.
pub(super) struct Chunks<R> {
    source: R,
}

impl<R: Read> Chunks<R> {
    pub(super) fn open(mut source: R) -> Result<Self, BackupError> {
        let mut magic = [0; MAGIC.len()];
        match source.read_exact(&mut magic) {
            Ok(()) if magic == *MAGIC => Ok(Self { source }),
            Ok(()) => Err(BackupError::Snapshot("this is no snapshot of Muster, or one of a newer version".into())),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(cut()),
            Err(error) => Err(error.into()),
        }
    }

    /// The next chunk. A file always has one more until its footer was read.
    pub(super) fn next(&mut self) -> Result<Vec<u8>, BackupError> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > CHUNK_BYTES_READ_MAX {
            return Err(BackupError::Snapshot(format!("the snapshot is damaged: a chunk of {length} bytes")));
        }
        let mut chunk = vec![0; length];
        self.fill(&mut chunk)?;
        Ok(chunk)
    }

    /// Nothing stands after the footer.
    pub(super) fn end(mut self) -> Result<(), BackupError> {
        match self.source.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(BackupError::Snapshot("the snapshot is damaged: something stands after its end".into())),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.source.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => cut(),
            _ => error.into(),
        })
    }
}

fn cut() -> BackupError {
    BackupError::Snapshot("the snapshot is cut: its end is missing".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files outlive versions.
    #[test]
    fn a_file_keeps_its_bytes() {
        let file = [&MAGIC[..], &framed(&Bytes::from_static(b"chunk"))].concat();
        assert_eq!(file, b"MUSTSNP1\x05\0\0\0chunk");
        let mut chunks = Chunks::open(&file[..]).unwrap();
        assert_eq!(chunks.next().unwrap(), b"chunk");
        chunks.end().unwrap();
    }
}
