//! Everything that names openraft. Its types stop here: the handle above and the files below know nothing of them.

mod acknowledged;
mod applier;
mod command;
mod convert;
mod log_storage;
mod network;
mod runtime;
mod snapshot;
mod state_machine;
#[cfg(test)]
mod suite;

pub(crate) use acknowledged::Acknowledged;
pub(crate) use applier::BEYOND;
pub(crate) use command::{Command, Outcomes};
pub(crate) use convert::{
    decode_append, encode_append_reply, encode_snapshot_reply, encode_transfer_reply, encode_vote_reply,
    transfer_request, vote_request,
};
pub(crate) use log_storage::{Log, LogStorage};
pub(crate) use network::Network;
pub(crate) use runtime::{mix, seed_this_thread};
pub use snapshot::CHUNK_BYTES_MAX;
pub(crate) use snapshot::{Intake, SnapshotData, chunks, receive};
pub(crate) use state_machine::{Applying, StateMachine, check_log_covers, snapshot_meta};

openraft::declare_raft_types!(
    /// One leader a term; commands are whole batches.
    pub(crate) Types:
        D = Command,
        R = Outcomes,
        NodeId = u64,
        Node = Member,
        Term = u64,
        LeaderId = openraft::impls::leader_id_std::LeaderId<u64, u64>,
        AsyncRuntime = runtime::Runtime,
);

/// Where a member's replica door is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Member {
    pub(crate) address: String,
}

pub(crate) type Raft = openraft::Raft<Types, StateMachine>;
pub(crate) type LogId = openraft::type_config::alias::LogIdOf<Types>;
pub(crate) type Vote = openraft::type_config::alias::VoteOf<Types>;
pub(crate) type Entry = openraft::type_config::alias::EntryOf<Types>;
pub(crate) type Membership = openraft::Membership<u64, Member>;
pub(crate) type StoredMembership = openraft::type_config::alias::StoredMembershipOf<Types>;
pub(crate) type SnapshotMeta = openraft::type_config::alias::SnapshotMetaOf<Types>;
pub(crate) type Snapshot = openraft::type_config::alias::SnapshotOf<Types, SnapshotData>;
