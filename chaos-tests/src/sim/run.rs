//! One run: found, storm, heal, come to rest; then the promises are judged.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use turmoil::{Builder, Sim};

use super::clients::{self, Stage};
use super::clock::EPOCH_MS;
use super::faults;
use super::heard;
use super::panics;
use super::seats::{final_state, look, look_for_leader};
use super::site::{LOGIN, Shape};
use super::states::{OLD_PROGRAMS_REFUSED, UNTOLD};
use super::storm::{LATENCY_MS_MAX, Storm};
use super::trace::Trace;
use super::watch::{LOOK_MS, Watch};
use super::world::World;
use crate::oracle::Told;
use crate::promises::{self, FinalState};

/// Virtual time passes in steps of this.
const TICK_MS: u64 = 2;
/// A cluster is founded and complete within this.
const FOUNDING_MS_MAX: u64 = 15_000;
/// After healing everything comes to rest within this; where jobs still wait, one ends within this.
const REST_MS_MAX: u64 = 40_000;
/// Segments that wait at a simulated host; turmoil ends the run beyond it.
const SEGMENTS_MAX: usize = 65_536;

/// What a run was.
#[derive(Clone, Debug)]
pub struct Report {
    /// Decided everything.
    pub seed: u64,
    /// Of everything that happened.
    pub trace_hash: u64,
    /// The lines, where they were asked for.
    pub trace: Vec<String>,
    /// Promises that were broken.
    pub breaches: Vec<String>,
    /// States reached, faults and outcomes, and how often.
    pub reached: BTreeMap<&'static str, u64>,
    /// Virtual length.
    pub virtual_ms: u64,
    /// What it cost this thread.
    pub cpu_seconds: f64,
}

/// Runs `seed`. `keep`: the report has the trace's lines.
pub fn run(seed: u64, shape: &Shape, keep: bool) -> Report {
    let before = cpu_seconds();
    panics::begin();
    heard::begin();
    let trace = Trace::new(keep);
    let world = World::new(seed, *shape, trace.clone());
    let mut run = Run::new(world);
    let mut breaches = match run.play() {
        Ok(states) => promises::breaches(&run.world.oracle.seen(), &states),
        Err(why) => vec![why],
    };
    let refused = run.storm.as_ref().and_then(|storm| storm.happened.get(OLD_PROGRAMS_REFUSED));
    run.watch.check_refused(refused.copied().unwrap_or(0));
    breaches.extend(run.watch.breaches.iter().cloned());
    if breaches.is_empty() {
        breaches.extend(run.world.seats.failures());
    }
    let virtual_ms = run.now_ms();
    let mut reached = std::mem::take(&mut run.watch.reached);
    reached.append(&mut heard::take());
    reached.extend(run.storm.iter().flat_map(|storm| storm.happened.clone()));
    reached.append(&mut outcomes(&run.world));
    let reached_at_all = |state: &str| reached.get(state).copied().unwrap_or(0);
    if let Some(story) = shape.story {
        breaches.extend(story.unwanted(reached_at_all));
        let untold = story.untold(reached_at_all);
        if story.seed == seed {
            breaches.extend(untold);
        } else if !untold.is_empty() {
            reached.insert(UNTOLD, 1);
        }
    }
    drop(run);
    breaches.extend(panics::take().into_iter().map(|panic| format!("P11 no-poison: {panic}")));
    Report {
        seed,
        trace_hash: trace.hash(),
        trace: trace.lines(),
        breaches,
        reached,
        virtual_ms,
        cpu_seconds: cpu_seconds() - before,
    }
}

struct Run {
    // First: hosts are dropped while the world that they use is there.
    sim: Sim<'static>,
    world: World,
    stage: Stage,
    watch: Watch,
    storm: Option<Storm>,
}

impl Run {
    fn new(world: World) -> Self {
        let mut builder = Builder::new();
        builder
            .enable_tokio_io()
            .rng_seed(world.seed)
            .epoch(SystemTime::UNIX_EPOCH + Duration::from_millis(EPOCH_MS))
            .simulation_duration(Duration::from_secs(3_600))
            .tick_duration(Duration::from_millis(TICK_MS))
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(LATENCY_MS_MAX))
            .tcp_capacity(SEGMENTS_MAX);
        let mut sim = builder.build();
        world.start(&mut sim);
        let stage = Stage::default();
        sim.client(LOGIN, clients::run(world.clone(), stage.clone()));
        let watch = Watch::new(&world);
        Self { sim, stage, watch, world, storm: None }
    }

    fn play(&mut self) -> Result<Vec<FinalState>, String> {
        let complete = self.until(FOUNDING_MS_MAX, |run| run.is_complete())?;
        if !complete {
            return Err("liveness: the cluster was not founded in time".to_owned());
        }
        let began_ms = self.now_ms();
        self.world.trace.event_at(began_ms, "complete");
        self.stage.open();
        let shape = self.world.shape;
        let planned = faults::plan(self.world.seed, &shape);
        self.storm = Some(Storm::new(&self.world, planned, began_ms));
        while self.now_ms() < began_ms + shape.safety_ms {
            let now_ms = self.now_ms();
            if let Some(storm) = &mut self.storm {
                storm.go_on(&mut self.sim, now_ms);
                storm.follow_story(&mut self.sim, now_ms);
            }
            self.step()?;
        }
        let now_ms = self.now_ms();
        if let Some(storm) = &mut self.storm {
            storm.heal(&mut self.sim, now_ms);
        }
        let rested = self.until_rest()?;
        self.stage.close();
        let now_ms = self.now_ms();
        if let Some(storm) = &mut self.storm {
            storm.disturb(now_ms);
        }
        self.world.oracle.seen().ended = self.world.seats.failures();
        let states = self.states();
        for state in &states {
            self.world
                .trace
                .event_at(self.now_ms(), &format!("{} rests at {} {:x}", state.name, state.index, state.digest));
        }
        if !rested {
            self.watch.breaches.extend(self.unrest(&states));
        }
        Ok(states)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.sim.elapsed().as_millis()).expect("a run takes less than an age")
    }

    fn step(&mut self) -> Result<(), String> {
        self.sim.step().map_err(|why| format!("a host ended: {why}"))?;
        let now_ms = self.now_ms();
        if let Some(storm) = &mut self.storm {
            self.watch.breaches.extend(storm.power(&mut self.sim, now_ms));
            storm.bury_ended(&mut self.sim, now_ms);
            if now_ms % LOOK_MS < TICK_MS {
                storm.look_for_calm(now_ms);
            }
        }
        if now_ms % LOOK_MS < TICK_MS {
            self.watch.look(now_ms);
        }
        Ok(())
    }

    /// Steps until `is_so`, `limit_ms` at most. Whether it is.
    fn until(&mut self, limit_ms: u64, is_so: impl Fn(&Self) -> bool) -> Result<bool, String> {
        let limit = self.now_ms() + limit_ms;
        while self.now_ms() < limit {
            if self.now_ms() % LOOK_MS < TICK_MS && is_so(self) {
                return Ok(true);
            }
            self.step()?;
        }
        Ok(false)
    }

    /// Steps until everything is at rest, or nothing moves towards it. Whether it is.
    ///
    /// A long queue is no fault: an array of six tasks of 7 s, one after the other, takes longer than a stuck job may.
    fn until_rest(&mut self) -> Result<bool, String> {
        let mut over = self.jobs_over();
        while !self.until(REST_MS_MAX, |run| run.is_at_rest())? {
            let before = std::mem::replace(&mut over, self.jobs_over());
            if over <= before {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Jobs that are over, where most is known.
    fn jobs_over(&self) -> usize {
        let replicas = self.world.seats.replicas();
        let over = |replica| look(replica, |cluster| cluster.jobs().filter(|job| job.is_over()).count());
        replicas.iter().map(|(_, replica)| over(replica)).max().unwrap_or(0)
    }

    /// Every controller votes, and every node is registered.
    fn is_complete(&self) -> bool {
        let replicas = self.world.seats.replicas();
        let wanted = self.world.shape.replicas;
        let all_vote = |replica: &muster_raft_store::Replica| {
            replica.members().iter().filter(|member| member.voter).count() == wanted
        };
        let nodes = |replica| look(replica, |cluster| cluster.nodes().filter(|node| node.row.epoch != 0).count());
        replicas.len() == wanted
            && replicas.iter().all(|(_, replica)| all_vote(replica) && nodes(replica) == self.world.shape.nodes)
    }

    /// Clients know everything, jobs are over, and replicas agree.
    fn is_at_rest(&self) -> bool {
        let replicas = self.world.seats.replicas();
        let digests: Vec<_> = replicas.iter().map(|(_, replica)| replica.digest()).collect();
        self.stage.is_done()
            && self.world.bmcs.is_at_rest()
            && replicas
                .iter()
                .all(|(_, replica)| look(replica, |cluster| cluster.fences().all(|row| row.ended_ms != 0)))
            && look_for_leader(&self.world.seats).is_some()
            && self.all_vote(&replicas)
            && digests.windows(2).all(|pair| pair[0] == pair[1])
            && replicas.iter().all(|(_, replica)| look(replica, |cluster| cluster.jobs().all(|job| job.is_over())))
    }

    /// Whoever shall be a replica is one, and votes.
    fn all_vote(&self, replicas: &[(String, muster_raft_store::Replica)]) -> bool {
        let wanted = self.world.changes.members().len();
        let vote = |replica: &muster_raft_store::Replica| {
            let members = replica.members();
            members.len() == wanted && members.iter().all(|member| member.voter)
        };
        replicas.len() == wanted && replicas.iter().all(|(_, replica)| vote(replica))
    }

    fn states(&self) -> Vec<FinalState> {
        let replicas = self.world.seats.replicas();
        replicas.iter().map(|(name, replica)| final_state(name, replica, &self.watch.committed)).collect()
    }

    /// What keeps it from resting.
    fn unrest(&self, states: &[FinalState]) -> Vec<String> {
        let mut found = Vec::new();
        if !self.stage.is_done() {
            found.push("liveness: a client was not told in the end".to_owned());
        }
        let wanted = self.world.changes.members();
        if states.len() < wanted.len() || look_for_leader(&self.world.seats).is_none() {
            found.push(format!("liveness: {} replicas run and nobody leads after healing", states.len()));
        }
        if !self.all_vote(&self.world.seats.replicas()) {
            found.push(format!("liveness: not all of {wanted:?} vote, or others do"));
        }
        for (name, replica) in self.world.seats.replicas() {
            let open =
                look(&replica, |cluster| cluster.fences().filter(|row| row.ended_ms == 0).cloned().collect::<Vec<_>>());
            found.extend(open.iter().map(|row| format!("liveness: {name} has an open fence: {row:?}")));
        }
        for job in states.first().into_iter().flat_map(|state| state.jobs.values()).filter(|job| !job.finished) {
            found.push(format!("liveness: job {} ({}) is {}, held: {}", job.job_id, job.name, job.state, job.held));
        }
        found
    }
}

fn outcomes(world: &World) -> BTreeMap<&'static str, u64> {
    let seen = world.oracle.seen();
    let mut count: BTreeMap<&'static str, u64> = BTreeMap::new();
    for submit in seen.submits.values() {
        let what = match submit.told {
            Told::Accepted { .. } => "submits accepted",
            Told::Refused => "submits refused",
            Told::Unknown => "submits without an answer",
        };
        *count.entry(what).or_default() += 1;
        // Longer than one try: it was asked again, with the same id, wherever somebody answered.
        if matches!(submit.told, Told::Accepted { .. }) && submit.told_ms > submit.asked_ms + clients::ONE_TRY_MS {
            *count.entry("submits repeated until they were answered").or_default() += 1;
        }
    }
    count.insert("step runs", seen.runs.len() as u64);
    count.insert("listings", seen.reads.len() as u64);
    count.insert("cancels", seen.cancelled.len() as u64);
    count.insert("poisonous requests refused", seen.poison.iter().filter(|(_, came)| came.is_none()).count() as u64);
    count.extend(seen.repeats.iter().map(|(what, times)| (*what, *times)));
    count.insert("values read", seen.values.len() as u64);
    let calm = seen.calm.iter().filter(|(from, to)| to - from > 2_000).count();
    count.insert("calm of more than 2 s", calm as u64);
    count.retain(|_, times| *times != 0);
    count
}

/// Of this thread.
fn cpu_seconds() -> f64 {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}
