//! Forced recovery: the majority is lost for good, and one replica goes on alone from what it has.
//!
//! What may be lost: whatever the lost replicas acknowledged and this one never received. What stands at the end of its log
//! and was not acknowledged to anybody is carried out.

use prost::Message;

use super::{BackupError, NewHome, alone, first_of_generation, next_generation};
use crate::encoding::{AppliedRecord, LogRecord, MembershipRecord, Payload, Position, VoteRecord};
use crate::identity::Identity;
use crate::options::StoreKind;
use crate::store::{self, Fact, LogOp, Store, Watermark, failure};

/// Bytes of the log that are read at once.
const READ_BYTES: usize = 4 << 20;

/// A replica that goes on alone, or could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Who it is now: the same replica, when it goes on of a new generation.
    pub identity: Identity,
    /// The last entry that it had. Later ones, if the lost replicas acknowledged any, are lost.
    pub last_index: u64,
    /// The term of that entry.
    pub last_term: u64,
    /// Applied before; entries in between are applied at the next start.
    pub applied_index: u64,
    /// The members that the cluster had, this one among them.
    pub members: Vec<u64>,
    /// Whether it had a vote. One that only followed may be far behind.
    pub voter: bool,
}

/// What the replica of this store would go on from. It must not run, and is left as it is.
///
/// # Errors
/// The store is no replica's, in use, or damaged.
pub fn survivor(kind: &StoreKind) -> Result<Recovered, BackupError> {
    let store = store::open(kind)?;
    let found = found_in(&*store);
    store.close();
    found
}

/// Makes the replica of this store the only voter of a new generation. It must not run. The other replicas must never come
/// back with their old stores: two of them would be a majority of the old generation.
///
/// # Errors
/// The store is no replica's, in use, or damaged. Nothing was changed then.
pub fn recover(kind: &StoreKind, home: &NewHome) -> Result<Recovered, BackupError> {
    let store = store::open(kind)?;
    let recovered = recover_in(&*store, home);
    store.close();
    recovered
}

fn recover_in(store: &dyn Store, home: &NewHome) -> Result<Recovered, BackupError> {
    let found = found_in(store)?;
    let generation = next_generation(found.identity.generation, home);
    let identity = Identity { generation, name: home.name.clone(), ..found.identity.clone() };
    let end = Position { term: found.last_term, index: found.last_index };
    let applied = store.rows().applied()?;
    append(store, end.max(applied.map_or(end, |applied| applied.at)), &identity, home)?;
    store.set_identity(&identity)?;
    Ok(Recovered { identity, ..found })
}

fn found_in(store: &dyn Store) -> Result<Recovered, BackupError> {
    let identity = store.state().identity.ok_or_else(|| BackupError::NoReplica { path: store.path() })?;
    let end = log_end(store)?.ok_or_else(|| BackupError::NoReplica { path: store.path() })?;
    // Rows that were never flushed come from the log at the next start.
    let applied = store.rows().applied()?;
    let membership = membership(store, end, applied.as_ref())?;
    Ok(Recovered {
        last_index: end.index,
        last_term: end.term,
        applied_index: applied.as_ref().map_or(0, |applied| applied.at.index),
        members: membership.members.iter().map(|member| member.replica).collect(),
        voter: membership.configs.iter().any(|voters| voters.replicas.contains(&identity.replica)),
        identity,
    })
}

fn log_end(store: &dyn Store) -> Result<Option<Position>, BackupError> {
    let log = store.log();
    let last = log.last()?.map(LogRecord::decode).transpose().map_err(failure)?;
    let purged = log.fact(Fact::Purged)?.map(|bytes| Position::decode(&bytes[..])).transpose().map_err(failure)?;
    Ok(last.map(|last| last.at).max(purged))
}

/// The last that the log or the rows say.
fn membership(
    store: &dyn Store,
    end: Position,
    applied: Option<&AppliedRecord>,
) -> Result<MembershipRecord, BackupError> {
    let mut last = applied.map(|applied| applied.membership.clone()).unwrap_or_default();
    let mut from = applied.map_or(0, |applied| applied.at.index + 1);
    while from <= end.index {
        let records = store.log().read(from, end.index + 1, READ_BYTES)?;
        if records.is_empty() {
            break;
        }
        for record in records {
            let record = LogRecord::decode(record).map_err(failure)?;
            from = record.at.index + 1;
            if let Some(Payload::Membership(membership)) = record.payload {
                last = membership;
            }
        }
    }
    Ok(last)
}

/// A term that nobody had, in which this replica is alone, and the generation's first entry.
fn append(store: &dyn Store, end: Position, identity: &Identity, home: &NewHome) -> Result<(), BackupError> {
    let log = store.log();
    let voted = log.fact(Fact::Vote)?.map(|bytes| VoteRecord::decode(&bytes[..])).transpose().map_err(failure)?;
    let term = end.term.max(voted.map_or(0, |vote| vote.term)) + 1;
    let at = |steps| Position { term, index: end.index + steps };
    let membership = alone(identity.replica, &home.address, None);
    let alone = LogRecord { at: at(1), payload: Some(Payload::Membership(membership)) };
    // Time and level are the state's own, which never go back: apply takes the higher.
    let first = first_of_generation(at(2), identity, home, 0, feature_level(store)?);
    let vote = VoteRecord { term, candidate: identity.replica, won: false };
    log.write(&[
        LogOp::Put { index: at(1).index, record: alone.encode_to_vec().into() },
        LogOp::Put { index: at(2).index, record: first.encode_to_vec().into() },
        LogOp::Set(Fact::Vote, vote.encode_to_vec()),
    ])?;
    log.sync()?;
    let sequence = log.watermark()?.map_or(1, |mark| mark.sequence + 1);
    log.set_watermark(&Watermark { sequence, last: Some(at(2)), vote: Some(vote) })?;
    Ok(())
}

fn feature_level(store: &dyn Store) -> Result<u32, BackupError> {
    use muster_model::cluster::Table;
    let rows = store.rows().range(Table::Meta, &[], None, 1)?;
    let meta = rows.first().map(|(_, row)| muster_proto::durable::MetaRow::decode(&row[..])).transpose();
    Ok(meta.map_err(failure)?.map_or(1, |meta| meta.feature_level))
}
