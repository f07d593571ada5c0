//! The simulated site's hosts: controllers, nodes and the login host, each in a turmoil host of its own.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::future::pending;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use muster_channel::{NoAuth, Outside, Random};
use muster_controller::{Controller, NoMail, Settings, Timers};
use muster_model::agent::AgentOptions;
use muster_noded::Noded;
use muster_raft_store::{MemoryDisk, StoreKind};
use turmoil::Sim;

use super::bmc::{Bmcs, Manner};
use super::chance::{Dice, mixed};
use super::changes::Changes;
use super::clock;
use super::machine::Machine;
use super::net::SimNet;
use super::seats::Seats;
use super::site::{self, CLIENT_PORT, CLUSTER, NODE_PORT, REPLICA_PORT, SLURM_UID, Shape};
use super::steps::SimSteps;
use super::trace::Trace;
use crate::oracle::Oracle;

/// How wrong a host's clock may be, ms.
const SKEW_MS_MAX: u64 = 1_500;
/// Entries between two flushes of the rows: a run has some thousands.
const SNAPSHOT_EVERY: u64 = 200;
/// How often a spare controller looks whether it is wanted.
const SPARE_LOOK: Duration = Duration::from_millis(20);
/// How often a node says that it lives.
const HEARTBEAT: Duration = Duration::from_millis(250);

/// Everything that outlives the hosts.
#[derive(Clone)]
pub(crate) struct World {
    /// Decides everything.
    pub(crate) seed: u64,
    /// How big it is.
    pub(crate) shape: Shape,
    /// What is seen.
    pub(crate) oracle: Oracle,
    /// What happened.
    pub(crate) trace: Trace,
    /// Controllers that run.
    pub(crate) seats: Seats,
    /// By name.
    pub(crate) machines: BTreeMap<String, Machine>,
    /// What switches nodes off.
    pub(crate) bmcs: Bmcs,
    /// What people change.
    pub(crate) changes: Changes,
    /// By controller.
    pub(crate) disks: BTreeMap<String, MemoryDisk>,
    /// How wrong each controller's clock is, ms.
    pub(crate) skews: BTreeMap<String, Arc<AtomicI64>>,
}

impl World {
    /// Nothing runs yet.
    pub(crate) fn new(seed: u64, shape: Shape, trace: Trace) -> Self {
        let oracle = Oracle::default();
        let machine = |name: String| (name.clone(), Machine::new(&name, &oracle, &trace));
        let machines = shape.node_names().into_iter().map(machine).collect();
        let disk = |name: String| (name.clone(), MemoryDisk::new(mixed(seed, &name)));
        let controllers = [shape.controllers(), shape.spares()].concat();
        let disks = controllers.iter().cloned().map(disk).collect();
        let skew = |name: String| (name.clone(), Arc::new(AtomicI64::new(skew_ms(seed, &name))));
        let skews = controllers.into_iter().map(skew).collect();
        let (seats, bmcs, changes) = (Seats::default(), bmcs(seed, &shape), Changes::new(&shape));
        Self { seed, shape, trace, seats, bmcs, machines, changes, disks, skews, oracle }
    }

    /// Starts every controller and node.
    pub(crate) fn start(&self, sim: &mut Sim<'_>) {
        for name in [self.shape.controllers(), self.shape.spares()].concat() {
            let (world, starts) = (self.clone(), Rc::new(Cell::new(0)));
            sim.host(name.clone(), move || {
                starts.set(starts.get() + 1);
                world.clone().controller(name.clone(), starts.get())
            });
        }
        for machine in self.machines.values().cloned() {
            let (world, starts) = (self.clone(), Rc::new(Cell::new(0)));
            sim.host(machine.name.clone(), move || {
                starts.set(starts.get() + 1);
                world.clone().node(machine.clone(), starts.get())
            });
        }
    }

    /// What `host` gets from outside the `start`th time.
    pub(crate) fn outside(&self, host: &str, start: u64) -> Outside {
        let own = || Arc::new(AtomicI64::new(skew_ms(self.seed, host)));
        let skew = self.skews.get(host).cloned().unwrap_or_else(own);
        Outside { net: Arc::new(SimNet), wall_ms: clock::wall(skew), random: self.random(host, start) }
    }

    fn random(&self, host: &str, start: u64) -> Random {
        Random::from_seed(mixed(self.seed, &format!("{host} {start}")))
    }

    async fn controller(self, name: String, start: u64) -> turmoil::Result {
        while !self.changes.wants(&name) && start == 1 {
            tokio::time::sleep(SPARE_LOOK).await;
        }
        let files = self.shape.files(&self.changes);
        let (shape, changes) = (self.shape, self.changes.clone());
        let timers = Timers {
            heartbeat: HEARTBEAT,
            look_again: Duration::from_millis(250),
            ask_to_join: Duration::from_millis(100),
            ..Timers::default()
        };
        let settings = Settings {
            name: name.clone(),
            client_listen: format!("0.0.0.0:{CLIENT_PORT}"),
            replica_listen: format!("0.0.0.0:{REPLICA_PORT}"),
            advertise: Some(name.clone()),
            store: StoreKind::Memory(self.disks[&name].clone()),
            files,
            read_files: Arc::new(move || Ok(shape.files(&changes))),
            controllers: self.shape.client_doors(),
            mailer: Arc::new(NoMail),
            fence_agents: Arc::new(self.bmcs.agents(&name, &self.trace, self.random(&format!("{name} agents"), start))),
            own_uid: SLURM_UID,
            timers,
            raft_runtime: None,
            listing_runtime: None,
            random_seed: Some(mixed(self.seed, &format!("{name} raft {start}"))),
            // Often enough that a run sees purges, and followers that need a snapshot.
            snapshot_every: Some(SNAPSHOT_EVERY),
            feature_level_max: self.shape.upgrades().then(|| self.changes.level(&name)),
        };
        let users = Arc::new(site::users(&self.shape));
        let keeper = Arc::new(NoAuth::new(SLURM_UID, SLURM_UID));
        let started = Controller::start(settings, self.outside(&name, start), keeper, users).await;
        let why = match started {
            Ok(controller) => {
                let controller = Arc::new(controller);
                self.seats.enter(&name, controller.clone());
                controller.failed().await
            }
            Err(why) => format!("did not start: {why}"),
        };
        self.trace.event(&format!("{name} ended by itself: {why}"));
        if self.changes.excuse(&name) || self.changes.is_too_old(&name, &why) {
            self.seats.end(&name, &why);
        } else {
            self.seats.failed(&name, &why);
        }
        pending().await
    }

    async fn node(self, machine: Machine, start: u64) -> turmoil::Result {
        let name = machine.name.clone();
        let booted_ms = machine.booted_ms();
        let settings = muster_noded::Settings {
            cluster: CLUSTER.to_owned(),
            node_name: name.clone(),
            controllers: self.shape.client_doors(),
            listen: format!("0.0.0.0:{NODE_PORT}"),
            advertise: Some(format!("{name}:{NODE_PORT}")),
            machine: [name.as_bytes(), &[0; 32]].concat()[..32].to_vec(),
            boot_id: machine.boot_id(),
            spool_id: machine.spool_id(),
            journal_complete: !machine.has_lost_a_spool(),
            conf_hash: 0,
            hardware: site::hardware(),
            boot_ms: clock::EPOCH_MS + booted_ms,
            version: "sim".to_owned(),
            agent: AgentOptions { kill_wait_s: 1, over_time_limit_s: 0, prolog: true, epilog: !name.ends_with('1') },
            admins: vec![0, SLURM_UID],
            config_store: Arc::new(machine.config.clone()),
            boot_clock_ms: clock::since_boot(booted_ms),
        };
        let steps = Arc::new(SimSteps::new(machine.clone(), self.random(&format!("{name} steps"), start)));
        let keeper = Arc::new(NoAuth::new(0, 0));
        let journal = Arc::new(machine.journal.clone());
        let started = Noded::start(settings, self.outside(&name, start), keeper, steps, journal).await;
        let why = match started {
            Ok(mut noded) => noded.ended().await.err().map_or_else(|| "stopped".to_owned(), |why| why.to_string()),
            Err(why) => format!("did not start: {why}"),
        };
        self.trace.event(&format!("{name} ended by itself: {why}"));
        self.seats.failed(&name, &why);
        pending().await
    }
}

fn skew_ms(seed: u64, host: &str) -> i64 {
    let skew = mixed(seed, &format!("{host} skew")) % (2 * SKEW_MS_MAX);
    i64::try_from(skew).expect("small") - i64::try_from(SKEW_MS_MAX).expect("small")
}

/// As the story says, else by the seed.
fn bmcs(seed: u64, shape: &Shape) -> Bmcs {
    let mut dice = Dice::new(seed, "devices");
    let manner = |name| {
        (
            name,
            shape
                .story
                .and_then(|story| story.devices)
                .map(|devices| devices.manner)
                .unwrap_or_else(|| Manner::draw(&mut dice)),
        )
    };
    Bmcs::new(shape.node_names().into_iter().map(manner).collect())
}
