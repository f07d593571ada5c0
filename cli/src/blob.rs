//! Bytes that are too large for one message go ahead of it, in parts.

use muster_channel::CallError;
use muster_proto::blob::{self, PART_BYTES_MAX};
use muster_proto::durable::BlobRef;
use muster_proto::wire::{PutBlob, request};

use crate::site::Client;

/// How often parts are sent, if they are refused.
const TRIES_MAX: usize = 3;

/// Whether these are sent ahead.
pub(crate) fn is_large(bytes: &[u8]) -> bool {
    bytes.len() > PART_BYTES_MAX
}

/// Sends `bytes` ahead if they are large, empties them and gives their reference; small ones are left alone.
pub(crate) async fn send_ahead(client: &Client, bytes: &mut Vec<u8>) -> Result<Option<BlobRef>, CallError> {
    if !is_large(bytes) {
        return Ok(None);
    }
    let whole = std::mem::take(bytes);
    let reference = BlobRef { hash: blob::name(&whole).to_vec().into(), size: whole.len() as u64 };
    let mut sent = send_parts(client, &reference, &whole).await;
    // Somebody else may have begun to send the same, and made the state begin anew.
    for _ in 1..TRIES_MAX {
        if !matches!(sent, Err(CallError::Refused(_))) {
            break;
        }
        sent = send_parts(client, &reference, &whole).await;
    }
    sent.map(|()| Some(reference))
}

async fn send_parts(client: &Client, reference: &BlobRef, whole: &[u8]) -> Result<(), CallError> {
    for (part, at) in whole.chunks(PART_BYTES_MAX).zip((0u64..).step_by(PART_BYTES_MAX)) {
        let BlobRef { hash, size } = reference.clone();
        let put = PutBlob { hash, size, offset: at, data: part.to_vec().into() };
        client.call(request::Body::PutBlob(put)).await?;
    }
    Ok(())
}
