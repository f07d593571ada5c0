//! A listing as it is sent: rows are encoded one by one, and dropped.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use muster_channel::REPLY_BYTES_MAX;
use muster_dialect::errno;
use muster_proto::wire::{Age, Reply, reply};
use prost::Message;
use prost::encoding::{decode_key, decode_varint, encode_varint, message};

use crate::door::client::Refusal;

/// Rows after which whoever builds gives way: well under a millisecond of work.
const ROWS_AT_ONCE: usize = 64;
/// Bytes of one piece of the answer.
const PIECE_BYTES: usize = 64 * 1024;
/// The field of rows, in `JobList`, `NodeList` and `StepList`.
const ROW_FIELD: u32 = 1;
/// A gRPC message begins with "not compressed" and its length, 4 bytes.
const MESSAGE_HEADER_BYTES: usize = 5;

/// A whole reply, with the head of its gRPC message. A clone is the same bytes.
#[derive(Clone, Debug)]
pub(crate) struct Encoded {
    /// The head first.
    pub(crate) pieces: Arc<[Bytes]>,
    pub(crate) rows: usize,
    /// Of the message, without its head.
    bytes: usize,
}

/// Rows that become an answer.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pieces: Vec<Bytes>,
    open: BytesMut,
    bytes: usize,
    count: usize,
}

impl Rows {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// One more. Gives way now and then.
    pub(crate) async fn push(&mut self, row: &impl Message) -> Result<(), Refusal> {
        message::encode(ROW_FIELD, row, &mut self.open);
        self.count += 1;
        if self.open.len() >= PIECE_BYTES {
            self.close_piece()?;
        }
        if self.count.is_multiple_of(ROWS_AT_ONCE) {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    fn close_piece(&mut self) -> Result<(), Refusal> {
        self.bytes += self.open.len();
        self.pieces.push(self.open.split().freeze());
        if self.bytes > REPLY_BYTES_MAX - PIECE_BYTES {
            return Err(Refusal::slurm(errno::ESLURM_RESULT_TOO_LARGE));
        }
        Ok(())
    }

    /// The reply: `body` with these rows in it.
    pub(crate) fn finish(mut self, body: reply::Body) -> Result<Encoded, Refusal> {
        self.close_piece()?;
        let without_rows = Reply { body: Some(body), age: None }.encode_to_vec();
        let mut rest = &without_rows[..];
        decode_key(&mut rest).expect("it was encoded here");
        decode_varint(&mut rest).expect("a list is a message");
        let length_at = without_rows.len() - rest.len() - prost::length_delimiter_len(rest.len());
        let mut list = without_rows[..length_at].to_vec();
        encode_varint((rest.len() + self.bytes) as u64, &mut list);
        list.extend_from_slice(rest);
        self.bytes += list.len();
        self.pieces.insert(0, list.into());
        self.pieces.insert(0, head(self.bytes));
        Ok(Encoded { pieces: self.pieces.into(), rows: self.count, bytes: self.bytes })
    }
}

impl Encoded {
    /// The same, which also says how old it is.
    pub(crate) fn aged(self, age: Option<Age>) -> Self {
        let Some(age) = age else { return self };
        let age = Reply { body: None, age: Some(age) }.encode_to_vec();
        let bytes = self.bytes + age.len();
        // Fields of a message may come one after another, in any pieces.
        let message = self.pieces[1..].iter().cloned();
        let pieces = std::iter::once(head(bytes)).chain(message).chain([age.into()]).collect();
        Self { pieces, bytes, ..self }
    }
}

fn head(message_bytes: usize) -> Bytes {
    let mut head = BytesMut::with_capacity(MESSAGE_HEADER_BYTES);
    head.put_u8(0);
    head.put_u32(u32::try_from(message_bytes).expect("REPLY_BYTES_MAX is less"));
    head.freeze()
}

#[cfg(test)]
mod tests {
    use muster_proto::wire::{JobInfo, JobList};

    use super::*;

    fn whole(encoded: &Encoded) -> Vec<u8> {
        encoded.pieces.concat()
    }

    #[tokio::test]
    async fn rows_encoded_one_by_one_are_the_message_that_holds_them_all() {
        for count in [0, 1, 10_000] {
            let jobs: Vec<JobInfo> =
                (0..count).map(|n| JobInfo { nodes: format!("n{n}"), ..Default::default() }).collect();
            let mut rows = Rows::default();
            for job in &jobs {
                rows.push(job).await.unwrap();
            }
            let encoded =
                rows.finish(reply::Body::Jobs(JobList { index: 7, now_ms: 9, ..Default::default() })).unwrap();
            assert_eq!(encoded.rows, count);
            let bytes = whole(&encoded);
            assert_eq!(bytes[..5], [&[0][..], &(bytes.len() as u32 - 5).to_be_bytes()].concat());
            let told = Reply::decode(&bytes[5..]).unwrap().body.unwrap();
            let list = reply::Body::Jobs(JobList { jobs, index: 7, now_ms: 9, ..Default::default() });
            assert_eq!(told, list);
            let age = Some(Age { index: 5, ..Age::default() });
            let aged = whole(&encoded.aged(age.clone()));
            assert_eq!(aged[1..5], (aged.len() as u32 - 5).to_be_bytes());
            assert_eq!(Reply::decode(&aged[5..]).unwrap(), Reply { body: Some(list), age });
        }
    }
}
