//! Who a replica is: written once beside its log, and checked each time it is opened.

/// Another replica, and where its replica door is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// Its id, minted by the cluster, never reused.
    pub replica: u64,
    /// `host:port` of its replica door.
    pub address: String,
}

/// Who this replica is. A store that holds one identity refuses to be opened under another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Minted when the cluster was founded.
    pub cluster_id: [u8; 16],
    /// Raised by forced recovery and by restore from a backup.
    pub generation: u64,
    /// Minted by the cluster, never reused.
    pub replica: u64,
    /// Made by the empty store; a wiped store has another one, and so cannot pass for the old replica.
    pub store_id: [u8; 16],
    /// Of its `SlurmctldHost` line; may change.
    pub name: String,
}

/// What [`crate::peek`] finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreState {
    /// Made at first sight of the empty store.
    pub store_id: [u8; 16],
    /// `None` until a cluster was founded here, or admitted this replica.
    pub identity: Option<Identity>,
}
