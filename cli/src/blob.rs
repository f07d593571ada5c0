//! Bytes that are too large for one message go ahead of it, in parts.

use muster_channel::CallError;
use muster_proto::durable::BlobRef;
use muster_proto::wire::{PutBlob, request};
use sha2::{Digest, Sha256};

use crate::site::Client;

/// Above this a script or an environment goes ahead; also the size of a part. Bytes.
const PART_BYTES_MAX: usize = 512 * 1024;

/// Whether these would be sent ahead.
pub(crate) fn is_large(bytes: &[u8]) -> bool {
    bytes.len() > PART_BYTES_MAX
}

/// Sends `bytes` ahead if they are large, empties them and gives their reference; small ones are left alone.
pub(crate) async fn send_ahead(client: &Client, bytes: &mut Vec<u8>) -> Result<Option<BlobRef>, CallError> {
    if !is_large(bytes) {
        return Ok(None);
    }
    let whole = std::mem::take(bytes);
    let hash = Sha256::digest(&whole).to_vec();
    let size = whole.len() as u64;
    for (part, at) in whole.chunks(PART_BYTES_MAX).zip((0u64..).step_by(PART_BYTES_MAX)) {
        let put = PutBlob { hash: hash.clone().into(), size, offset: at, data: part.to_vec().into() };
        client.call(request::Body::PutBlob(put)).await?;
    }
    Ok(Some(BlobRef { hash: hash.into(), size }))
}
