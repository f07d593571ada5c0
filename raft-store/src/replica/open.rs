//! Opening a store and starting Raft on it.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use muster_model::cluster::{Cluster, Row, Table};
use openraft::{Config, SnapshotPolicy};
use tokio::sync::{Semaphore, broadcast, watch};

use super::agreement::{Comparing, Split};
use super::{Inner, Replica};
use crate::aside::Aside;
use crate::digests::Digests;
use crate::durations::Durations;
use crate::encoding::AppliedRecord;
use crate::errors::OpenError;
use crate::fault::Fault;
use crate::identity::Identity;
use crate::options::{Options, Timers};
use crate::purge_gate::PurgeGate;
use crate::raft::{
    Acknowledged, Applying, BEYOND, Log, LogStorage, Network, Raft, StateMachine, check_log_covers, seed_this_thread,
};
use crate::rounds::Rounds;
use crate::stall::Stall;
use crate::status::Applied;
use crate::store::{self, RowFiles, Store};
use crate::transport::Transport;

/// Events that wait for a slow listener.
const EVENTS_WAITING_MAX: usize = 4_096;
/// Bytes of proposals that wait for their outcome; more are told to try again.
const PROPOSAL_BYTES_WAITING_MAX: usize = 64 << 20;
/// Messages that wait for Raft's core.
const CORE_QUEUE_MAX: u64 = 16_384;
/// Entries of one append to a follower.
const APPEND_ENTRIES_MAX: u64 = 512;
/// Rows read at once while loading.
const LOAD_ROWS: usize = 4_096;

impl Replica {
    /// Opens the store under this identity (which it keeps from then on), loads the state, and starts Raft. An empty store
    /// neither votes nor stands until [`Replica::found`] or the leader's [`Replica::add_learner`].
    pub async fn open(
        options: Options,
        identity: Identity,
        transport: Arc<dyn Transport>,
    ) -> Result<Replica, OpenError> {
        if let Some(seed) = options.random_seed {
            seed_this_thread(seed);
        }
        match options.runtime.clone() {
            None => start(options, identity, transport).await,
            Some(runtime) => {
                let started = runtime.spawn(start(options, identity, transport)).await;
                started.unwrap_or_else(|error| Err(OpenError::Options(format!("the Raft runtime ended: {error}"))))
            }
        }
    }
}

async fn start(options: Options, identity: Identity, transport: Arc<dyn Transport>) -> Result<Replica, OpenError> {
    let config = Arc::new(config(&options)?);
    let store = store::open(&options.store)?;
    let started = start_on(&store, options, config, identity, transport).await;
    if started.is_err() {
        store.close();
    }
    started
}

async fn start_on(
    store: &Arc<dyn Store>,
    options: Options,
    config: Arc<Config>,
    identity: Identity,
    transport: Arc<dyn Transport>,
) -> Result<Replica, OpenError> {
    claim(&**store, &identity)?;
    let fault = Fault::new();
    let stored = store.rows().applied().map_err(|error| io_error(&**store, error))?;
    let rows = Arc::new(RwLock::new(store.rows()));
    let gate = PurgeGate::new(rows.clone());
    let log = Arc::new(Log::open(&**store, gate.clone(), fault.clone())?);
    if let Some(stored) = &stored {
        check_log_covers(stored, log.end()).map_err(|why| damaged(&**store, why))?;
    }
    let cluster = load(&*store.rows()).map_err(|why| damaged(&**store, why))?.of_level(options.feature_level_max);
    check_level(&**store, &cluster)?;
    let applying = Arc::new(applying(store, stored.as_ref(), cluster, rows, gate, &fault)?);
    let machine = StateMachine::new(applying.clone(), log.appender().durable(), stored.as_ref());
    let machine = machine.map_err(|why| damaged(&**store, why))?;
    let acknowledged: Arc<Acknowledged> = Arc::default();
    let network = network(&options.timers, &identity, &transport, &fault, &acknowledged);
    let raft = Raft::new(identity.replica, config, network, LogStorage::new(log.clone()), machine)
        .await
        .map_err(|error| not_applied(&**store, error.to_string()))?;
    let (leadership, mut tasks) = super::watch::start(&raft, &options.timers, &fault, &log, &applying);
    let split = Split::default();
    let comparing = Comparing {
        own: identity.replica,
        raft: raft.clone(),
        applying: applying.clone(),
        transport: transport.clone(),
        fault: fault.clone(),
        split: split.clone(),
    };
    tasks.push(tokio::spawn(comparing.run()).abort_handle());
    let inner = Inner {
        raft,
        log,
        applying,
        store: store.clone(),
        identity,
        feature_level_max: options.feature_level_max,
        timers: options.timers,
        transport,
        leadership,
        acknowledged,
        proposals: Semaphore::new(PROPOSAL_BYTES_WAITING_MAX),
        asking: Rounds::new(),
        answering: Rounds::new(),
        fault,
        split,
        tasks: Mutex::new(tasks),
    };
    Ok(Replica { inner: Arc::new(inner) })
}

/// What applying goes on with: the state as the rows have it, and who hears of it.
fn applying(
    store: &Arc<dyn Store>,
    stored: Option<&AppliedRecord>,
    cluster: Cluster,
    rows: Arc<RwLock<Arc<dyn RowFiles>>>,
    gate: PurgeGate,
    fault: &Fault,
) -> Result<Applying, OpenError> {
    let digests = Digests::default();
    if let Some(stored) = stored {
        digests.note(stored.at.index, cluster.digest());
    }
    Ok(Applying {
        cluster: Arc::new(RwLock::new(cluster)),
        index: AtomicU64::new(stored.map_or(0, |stored| stored.at.index)),
        rows,
        gate,
        store: store.clone(),
        applied: watch::Sender::new(applied(stored)),
        events: broadcast::Sender::new(EVENTS_WAITING_MAX),
        fault: fault.clone(),
        stall: Stall::default(),
        times: Durations::default(),
        digests,
        aside: Aside::start("raft-apply", store.blocks()).map_err(|error| io_error(&**store, error))?,
    })
}

/// What openraft says of an entry that could not be applied, in our words where the entry is sound.
fn not_applied(store: &dyn Store, why: String) -> OpenError {
    match why.split_once(BEYOND) {
        Some((_, beyond)) => OpenError::Beyond { path: store.path(), why: beyond.to_owned() },
        None => damaged(store, why),
    }
}

fn damaged(store: &dyn Store, why: String) -> OpenError {
    OpenError::Damaged { path: store.path(), why }
}

/// A program that is older than what is in force could neither apply nor vote: it does not start.
fn check_level(store: &dyn Store, cluster: &Cluster) -> Result<(), OpenError> {
    let (level, understands) = (cluster.meta().feature_level, cluster.understands());
    if level <= understands {
        return Ok(());
    }
    Err(OpenError::TooNew { path: store.path(), level, understands })
}

fn io_error(store: &dyn Store, error: std::io::Error) -> OpenError {
    OpenError::Io { path: store.path(), why: error.to_string() }
}

fn applied(stored: Option<&AppliedRecord>) -> Applied {
    stored.map_or_else(Applied::default, |stored| Applied { index: stored.at.index, term: stored.at.term })
}

/// The store is this replica's, or becomes it if it was nobody's.
fn claim(store: &dyn Store, identity: &Identity) -> Result<(), OpenError> {
    let state = store.state();
    let same = |found: &Identity| {
        (found.cluster_id, found.replica) == (identity.cluster_id, identity.replica)
            && found.generation <= identity.generation
    };
    let found = match &state.identity {
        _ if state.store_id != identity.store_id => "another store".to_owned(),
        Some(found) if !same(found) => describe(found),
        Some(found) if found == identity => return Ok(()),
        Some(_) | None => return store.set_identity(identity).map_err(|error| io_error(store, error)),
    };
    Err(OpenError::AnotherIdentity { path: store.path(), found, expected: describe(identity) })
}

fn describe(identity: &Identity) -> String {
    let cluster: String = identity.cluster_id.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!(
        "replica {} ({}) of cluster {cluster}…, generation {}",
        identity.replica, identity.name, identity.generation
    )
}

fn load(files: &dyn RowFiles) -> Result<Cluster, String> {
    let mut cluster = Cluster::new();
    for table in Table::ALL.into_iter().filter(|table| table.in_memory()) {
        let mut from = Vec::new();
        loop {
            let rows = files.range(table, &from, None, LOAD_ROWS).map_err(|error| error.to_string())?;
            let Some((last, _)) = rows.last() else { break };
            from = [&last[..], &[0]].concat();
            for (key, value) in rows {
                cluster.load(Row { table, key, value: Some(value) }).map_err(|error| error.to_string())?;
            }
        }
    }
    cluster.loaded().map_err(|error| error.to_string())?;
    Ok(cluster)
}

fn network(
    timers: &Timers,
    identity: &Identity,
    transport: &Arc<dyn Transport>,
    fault: &Fault,
    acknowledged: &Arc<Acknowledged>,
) -> Network {
    Network {
        transport: transport.clone(),
        identity: identity.clone(),
        append_timeout: Duration::from_millis(timers.append_ms_max),
        snapshot_timeout: Duration::from_millis(timers.snapshot_ms_max),
        fault: fault.clone(),
        acknowledged: acknowledged.clone(),
    }
}

fn config(options: &Options) -> Result<Config, OpenError> {
    let timers = &options.timers;
    let config = Config {
        cluster_name: "muster".into(),
        heartbeat_interval: timers.heartbeat_ms,
        election_timeout_min: timers.election_min_ms,
        election_timeout_max: timers.election_max_ms,
        // A leader without a quorum falls silent, so that whoever can be elected is; tried again now and then.
        quorum_loss_probe_interval: Some(timers.election_max_ms * 4),
        enable_pre_vote: Some(true),
        // A restarted leader stands for election like everybody: its rows may be behind.
        enable_leader_restore: Some(false),
        install_snapshot_timeout: timers.snapshot_ms_max,
        max_payload_entries: APPEND_ENTRIES_MAX,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(options.snapshot_every.max(1)),
        max_in_snapshot_log_to_keep: options.log_keep,
        purge_batch_size: (options.snapshot_every / 8).max(1),
        replication_lag_threshold: options.snapshot_every.max(1).saturating_mul(2),
        api_channel_size: Some(CORE_QUEUE_MAX),
        ..Config::default()
    };
    config.validate().map_err(|error| OpenError::Options(error.to_string()))
}
