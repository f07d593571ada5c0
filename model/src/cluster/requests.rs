//! Remembered requests (P2): what a client asked for once is carried out once, and answered alike when it asks again.

use bytes::Bytes;
use muster_proto::durable::{Answer, RequestKey, RequestRow};

use super::changes::Table;
use super::outcome::Outcome;
use super::state::Cluster;

/// How far ahead of cluster time a request may say that it is valid, in ms.
pub const VALIDITY_MS_MAX: u64 = 5 * 60 * 1_000;
/// How long after its validity a request is remembered, in ms of cluster time.
pub const RETENTION_MS: u64 = 60 * 1_000;
/// Remembered requests; more are refused until some are forgotten.
pub const REMEMBERED_REQUESTS_MAX: usize = 2_000_000;
/// Rows that one `PurgeRequests` forgets at most.
pub(super) const PURGED_REQUESTS_MAX: u32 = 10_000;

/// Who asked, and the id that they minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    /// Unix user.
    pub principal: u32,
    /// Random.
    pub id: [u8; 16],
}

impl RequestId {
    pub(super) fn key(self) -> Vec<u8> {
        [self.principal.to_be_bytes().as_slice(), &self.id].concat()
    }

    pub(super) fn from_key(key: &[u8]) -> Option<Self> {
        let (principal, id) = key.split_first_chunk::<4>()?;
        Some(Self { principal: u32::from_be_bytes(*principal), id: id.try_into().ok()? })
    }
}

/// A request row in memory: there may be millions.
#[derive(Clone, Debug)]
pub(super) struct Remembered {
    hash: Box<[u8]>,
    valid_until_ms: u64,
    forget_ms: u64,
    error: u32,
    job_id: u32,
    step_id: u32,
    count: u32,
    uid: u64,
    version: u64,
    replica: u64,
    message: Box<str>,
}

impl Remembered {
    pub(super) fn of(row: RequestRow) -> Self {
        let RequestKey { hash, valid_until_ms, .. } = row.key.unwrap_or_default();
        let Answer { error, message, uid, job_id, step_id, count, version, replica } = row.answer.unwrap_or_default();
        let (hash, message, forget_ms) = (hash[..].into(), message.into(), row.forget_ms);
        Self { hash, valid_until_ms, forget_ms, error, job_id, step_id, count, uid, version, replica, message }
    }

    fn answer(&self) -> Answer {
        let Self { error, job_id, step_id, count, uid, version, replica, .. } = *self;
        Answer { error, message: self.message.to_string(), uid, job_id, step_id, count, version, replica }
    }

    /// As stored.
    pub(super) fn row(&self, id: RequestId) -> RequestRow {
        let hash = Bytes::copy_from_slice(&self.hash);
        let key = RequestKey { id: Bytes::copy_from_slice(&id.id), hash, valid_until_ms: self.valid_until_ms };
        let (key, answer) = (Some(key), Some(self.answer()));
        RequestRow { principal: id.principal, key, answer, forget_ms: self.forget_ms }
    }
}

impl Cluster {
    /// `Err`: the outcome without carrying anything out.
    pub(super) fn admit_request(&self, principal: u32, key: &RequestKey) -> Result<RequestId, Outcome> {
        let Ok(id) = <[u8; 16]>::try_from(&key.id[..]) else { return Err(Outcome::RequestMismatch) };
        let id = RequestId { principal, id };
        if let Some(known) = self.requests.get(&id) {
            return Err(Self::repeat(known, key));
        }
        let now = self.now_ms();
        if key.valid_until_ms < now || key.valid_until_ms > now.saturating_add(VALIDITY_MS_MAX) {
            return Err(Outcome::Expired);
        }
        if self.requests.len() >= REMEMBERED_REQUESTS_MAX {
            return Err(Outcome::Full("remembered requests"));
        }
        Ok(id)
    }

    fn repeat(known: &Remembered, key: &RequestKey) -> Outcome {
        if *known.hash == key.hash[..] { Outcome::Repeated(known.answer()) } else { Outcome::RequestMismatch }
    }

    /// Remembers the answer to a request that was carried out or refused.
    pub(super) fn remember_request(&mut self, id: RequestId, key: RequestKey, answer: Answer) {
        let forget_ms = key.valid_until_ms.saturating_add(RETENTION_MS);
        let row = RequestRow { principal: id.principal, key: Some(key), answer: Some(answer), forget_ms };
        self.ledger.touch(Table::Requests, id.key());
        self.place_request(id, row);
    }

    pub(super) fn place_request(&mut self, id: RequestId, row: RequestRow) {
        self.requests_by_age.insert((row.forget_ms, id));
        self.requests.insert(id, Remembered::of(row));
    }

    /// Forgets what can no longer be repeated, oldest first; answers how many.
    pub(super) fn purge_requests(&mut self, rows_max: u32) -> u32 {
        let mut forgotten = 0;
        while forgotten < rows_max.min(PURGED_REQUESTS_MAX) {
            match self.requests_by_age.first().copied() {
                Some((forget_ms, id)) if forget_ms < self.now_ms() => {
                    self.requests_by_age.remove(&(forget_ms, id));
                    self.requests.remove(&id);
                    self.ledger.touch(Table::Requests, id.key());
                    forgotten += 1;
                }
                _ => break,
            }
        }
        forgotten
    }
}
