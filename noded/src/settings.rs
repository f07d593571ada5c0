//! What a node daemon is told at start.

use std::sync::Arc;

use channel::WallClock;
use model::agent::AgentOptions;
use muster_channel as channel;
use muster_model as model;
use muster_proto::durable::Hardware;

use crate::JournalStore;

/// Who this node is, where it listens, whom it dials.
#[derive(Clone)]
pub struct Settings {
    /// `ClusterName`.
    pub cluster: String,
    /// `NodeName`.
    pub node_name: String,
    /// `host:port` of every controller's client door.
    pub controllers: Vec<String>,
    /// `host:port` of this node's own door; port 0 picks one.
    pub listen: String,
    /// The address told to the leader; none: where it listens.
    pub advertise: Option<String>,
    /// Hash of node key and machine id: 32 bytes.
    pub machine: Vec<u8>,
    /// Of the running kernel.
    pub boot_id: String,
    /// 16 random bytes made with the spool.
    pub spool_id: Vec<u8>,
    /// The spool holds all that this machine was told since it booted.
    pub journal_complete: bool,
    /// What was found.
    pub hardware: Hardware,
    /// When the kernel booted, by the wall clock.
    pub boot_ms: u64,
    /// Of this program.
    pub version: String,
    /// The fingerprint of its slurm.conf; 0: it has none.
    pub conf_hash: u64,
    /// Time limits and kill waits.
    pub agent: AgentOptions,
    /// Where the configuration is kept that leaders hand over.
    pub config_store: Arc<dyn JournalStore>,
    /// Users who may attach to every step: root and SlurmUser.
    pub admins: Vec<u32>,
    /// Milliseconds of the boot-time clock, which goes on over restarts of this daemon.
    pub boot_clock_ms: WallClock,
}
