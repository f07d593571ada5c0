//! What a controller is started with.

use std::sync::Arc;
use std::time::Duration;

use muster_dialect::conf::HEARTBEAT_MS_MAX;
use muster_model::cluster::FEATURE_LEVEL_MAX;
use muster_proto::durable::ConfigFiles;
use muster_raft_store::StoreKind;

use crate::fence_agent::FenceAgents;
use crate::mail::Mailer;

/// Reads the configuration files again, for `scontrol reconfigure`; the error is for a human.
pub type ReadFiles = Arc<dyn Fn() -> Result<ConfigFiles, String> + Send + Sync>;

/// What a controller is started with. Everything that a test or the simulation varies stands here or in
/// [`muster_channel::Outside`].
#[derive(Clone)]
pub struct Settings {
    /// Which `SlurmctldHost` line this controller is.
    pub name: String,
    /// `host:port` of the client door; port 0 picks a free one.
    pub client_listen: String,
    /// `host:port` of the replica door.
    pub replica_listen: String,
    /// The host under which others reach both doors; `None`: the address that it listens on.
    pub advertise: Option<String>,
    /// Log, vote and rows.
    pub store: StoreKind,
    /// The configuration as this host has it: counts until the cluster's own is known, and for `muster init`.
    pub files: ConfigFiles,
    /// Reads it again.
    pub read_files: ReadFiles,
    /// Client doors of the controllers, `host:port`, where a controller with an empty store asks to be admitted.
    pub controllers: Vec<String>,
    /// Runs `MailProg`.
    pub mailer: Arc<dyn Mailer>,
    /// Calls fence agents.
    pub fence_agents: Arc<dyn FenceAgents>,
    /// The user that this process runs as.
    pub own_uid: u32,
    /// Raft's timers, and those of this crate.
    pub timers: Timers,
    /// Where Raft runs; `None`: on the runtime that starts the controller.
    pub raft_runtime: Option<tokio::runtime::Handle>,
    /// Where long listings are built; `None`: where they are asked for.
    pub listing_runtime: Option<tokio::runtime::Handle>,
    /// Seeds election time-outs, for the simulation.
    pub random_seed: Option<u64>,
    /// Rows are flushed, and the log before them is purged, every so many entries; `None`: as raft-store finds best. The same
    /// share of it stays in the log for followers that were briefly away.
    pub snapshot_every: Option<u64>,
    /// The newest feature level that this program carries out; `None`: its own. Tests of rolling upgrades say another.
    pub feature_level_max: Option<u32>,
}

impl Settings {
    /// The newest feature level that this program carries out.
    pub(crate) fn feature_level(&self) -> u32 {
        self.feature_level_max.unwrap_or(FEATURE_LEVEL_MAX)
    }
}

/// Timers of the doors and duties; Raft's own are in `raft`.
#[derive(Clone, Debug)]
pub struct Timers {
    /// Of Raft.
    pub raft: muster_raft_store::Timers,
    /// How often a node says that it lives.
    pub heartbeat: Duration,
    /// How often a duty looks again although nothing woke it.
    pub look_again: Duration,
    /// How often a controller without a cluster asks to be admitted.
    pub ask_to_join: Duration,
    /// Shortest time between two scheduling passes.
    pub schedule_rest: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            raft: muster_raft_store::Timers::default(),
            heartbeat: Duration::from_millis(u64::from(HEARTBEAT_MS_MAX)),
            look_again: Duration::from_secs(1),
            ask_to_join: Duration::from_secs(1),
            schedule_rest: Duration::from_millis(2),
        }
    }
}
