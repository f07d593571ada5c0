//! Scripts and environments: small ones travel in their job's command, larger ones ahead of it, in chunks.

use bytes::Bytes;
use muster_dialect::errno;
use muster_proto::blob::{self, NAME_BYTES, PART_BYTES_MAX};
use muster_proto::durable::{BlobRef, PutBlobChunk, command};
use muster_proto::wire::PutBlob;

use super::{Answered, At, Refusal, done};

/// A blob up to this size travels with its job, bytes.
const INLINE_BYTES_MAX: usize = 128 * 1024;

impl At<'_> {
    /// A chunk that a client sends ahead of its job.
    pub(super) async fn put_blob(&self, asked: PutBlob) -> Answered {
        self.require_leader()?;
        let end = asked.offset.saturating_add(asked.data.len() as u64);
        let limit = self.script_bytes_max();
        if asked.hash.len() != NAME_BYTES || asked.data.len() > PART_BYTES_MAX || end > asked.size || asked.size > limit
        {
            return Err(Refusal::slurm(errno::SLURM_PROTOCOL_INSANE_MSG_LENGTH));
        }
        let chunk = PutBlobChunk { hash: asked.hash, size: asked.size, offset: asked.offset, data: asked.data };
        let answer = self.propose_ahead(command::Body::PutBlobChunk(chunk)).await?;
        Ok(done(answer.message, answer.count, answer.version))
    }

    /// Makes `bytes` a blob: what is left to send with the job (nothing if it went ahead), and the reference.
    pub(super) async fn keep(&self, bytes: Bytes) -> Result<(Bytes, Option<BlobRef>), Refusal> {
        if bytes.is_empty() {
            return Ok((bytes, None));
        }
        let reference = BlobRef { hash: blob::name(&bytes).to_vec().into(), size: bytes.len() as u64 };
        if bytes.len() <= INLINE_BYTES_MAX {
            return Ok((bytes, Some(reference)));
        }
        for offset in (0..bytes.len()).step_by(PART_BYTES_MAX) {
            let chunk = PutBlobChunk {
                hash: reference.hash.clone(),
                size: reference.size,
                offset: offset as u64,
                data: bytes.slice(offset..bytes.len().min(offset + PART_BYTES_MAX)),
            };
            self.propose_ahead(command::Body::PutBlobChunk(chunk)).await?;
        }
        Ok((Bytes::new(), Some(reference)))
    }

    /// `max_script_size`.
    pub(super) fn script_bytes_max(&self) -> u64 {
        self.member.core.read(|cluster| cluster.config().map_or(0, |config| config.settings.max_script_size))
    }
}
