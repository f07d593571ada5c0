//! Looks at the replicas while they run: what must hold at every instant, and which states a run reached.

use std::collections::{BTreeMap, BTreeSet};

use muster_dialect::state::JobState;
use muster_model::cluster::{Cluster, Job};
use muster_proto::durable::{FenceState, NodeBase, NodePhase};
use muster_raft_store::{Replica, Role};

use super::changes::NEW_LEVEL;
use super::proof::Proofs;
use super::seats::{Committed, attempt, look};
use super::states::OLD_PROGRAMS_SERVED;
use super::world::World;
use crate::oracle::Limit;

/// How often the replicas are looked at.
pub(super) const LOOK_MS: u64 = 10;
/// Of every so many looks, one checks every invariant of the state machine.
const CHECK_EVERY: u64 = 25;

/// See the module.
pub(crate) struct Watch {
    world: World,
    looks: u64,
    digests: BTreeMap<u64, (u128, String)>,
    leaders: BTreeMap<u64, String>,
    lost: BTreeSet<(u32, u64)>,
    /// Of each replica that runs: the end of its log, and what was purged of it.
    logs: BTreeMap<String, (u64, u64)>,
    booted: BTreeSet<(String, String)>,
    fenced: BTreeSet<(u64, &'static str)>,
    /// The newest membership, configuration version and feature level that were seen.
    voters: BTreeSet<u64>,
    config: u64,
    level: u32,
    /// Controllers that got their old program back, and where their state was then.
    came_back: BTreeMap<String, u64>,
    /// Since when nobody leads.
    leaderless_ms: Option<u64>,
    proofs: Proofs,
    /// Every attempt that was seen in an applied state.
    pub(crate) committed: Committed,
    /// What must never be, in words.
    pub(crate) breaches: BTreeSet<String>,
    /// States that were reached, and how often.
    pub(crate) reached: BTreeMap<&'static str, u64>,
}

impl Watch {
    /// Has seen nothing.
    pub(crate) fn new(world: &World) -> Self {
        Self {
            world: world.clone(),
            looks: 0,
            digests: BTreeMap::new(),
            leaders: BTreeMap::new(),
            lost: BTreeSet::new(),
            logs: BTreeMap::new(),
            booted: BTreeSet::new(),
            fenced: BTreeSet::new(),
            voters: BTreeSet::new(),
            config: 0,
            level: 0,
            came_back: BTreeMap::new(),
            leaderless_ms: None,
            proofs: Proofs::new(world),
            committed: Committed::new(),
            breaches: BTreeSet::new(),
            reached: BTreeMap::new(),
        }
    }

    /// One look at everybody, at `now_ms`.
    pub(crate) fn look(&mut self, now_ms: u64) {
        self.looks += 1;
        if let [one, other, ..] = self.world.seats.clusters().into_iter().collect::<Vec<_>>()[..] {
            self.breaches.insert(format!("P6 one-voice: two clusters: {one:02x?} and {other:02x?}"));
        }
        let replicas = self.world.seats.replicas();
        self.note_leaderless(now_ms, replicas.iter().any(|(_, replica)| replica.leadership().borrow().leads()));
        self.logs.retain(|known, _| replicas.iter().any(|(name, _)| name == known));
        for (name, replica) in replicas {
            self.compare_digest(&name, &replica);
            self.note_leader(now_ms, &name, &replica);
            self.note_attempts(now_ms, &replica);
            self.note_nodes(now_ms, &replica);
            self.note_log(&name, &replica);
            self.note_fences(&replica);
            self.note_changes(&name, &replica);
            let rarely = self.looks.is_multiple_of(CHECK_EVERY);
            self.breaches.extend(self.proofs.look(now_ms, &replica, rarely));
            if rarely {
                let broken = look(&replica, |cluster| cluster.check());
                self.breaches.extend(broken.iter().map(|broken| format!("P8 same-state: {name}: {broken}")));
            }
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.reached.entry(what).or_default() += 1;
    }

    /// Replicas at the same index hold the same state, at every instant.
    fn compare_digest(&mut self, name: &str, replica: &Replica) {
        let (index, digest) = replica.digest();
        let (known, by) = self.digests.entry(index).or_insert((digest, name.to_owned()));
        if *known != digest {
            self.breaches.insert(format!("P8 same-state: {by} and {name} differ at index {index}"));
        }
    }

    fn note_leaderless(&mut self, now_ms: u64, led: bool) {
        match (led, self.leaderless_ms) {
            (false, None) => self.leaderless_ms = Some(now_ms),
            (true, Some(since_ms)) => {
                self.world.oracle.seen().leaderless.push((since_ms, now_ms));
                self.leaderless_ms = None;
            }
            _ => {}
        }
    }

    /// One leader a term.
    fn note_leader(&mut self, now_ms: u64, name: &str, replica: &Replica) {
        let now = replica.leadership().borrow().clone();
        if now.role != Role::Leader {
            return;
        }
        match self.leaders.get(&now.term) {
            None => {
                self.leaders.insert(now.term, name.to_owned());
                self.count("elections won");
                self.world.trace.event_at(now_ms, &format!("{name} leads term {}", now.term));
            }
            Some(other) if other != name => {
                self.breaches.insert(format!("P6 one-voice: {other} and {name} lead term {}", now.term));
            }
            Some(_) => {}
        }
    }

    /// A log that got shorter was truncated; one that begins after its old end came with a snapshot.
    fn note_log(&mut self, name: &str, replica: &Replica) {
        let metrics = replica.metrics();
        let now = (metrics.last_index, metrics.purged_index);
        let Some((last, purged)) = self.logs.insert(name.to_owned(), now) else { return };
        if now.1 > last {
            self.count("snapshots installed");
        } else if now.0 < last {
            self.count("logs truncated");
        }
        if now.1 > purged {
            self.count("logs purged");
        }
    }

    fn note_attempts(&mut self, now_ms: u64, replica: &Replica) {
        let (mut fresh, mut placed, mut limits) = (Vec::new(), Vec::new(), Vec::new());
        // What is seen now happened after the look before this one.
        let before_ms = now_ms.saturating_sub(LOOK_MS);
        look(replica, |cluster| {
            for job in cluster.active_jobs() {
                let Some(attempt) = attempt(cluster, job) else { continue };
                let (number, again) = (attempt.0, attempt.0 > 1);
                let timed_out = job.state() == JobState::Timeout;
                let parts = job.newest_attempt().map_or(&[][..], |attempt| &attempt.nodes);
                if self.committed.entry(job.uid()).or_default().insert(attempt) {
                    fresh.push(if again { "attempts of requeued jobs" } else { "first attempts" });
                    let names = parts.iter().filter_map(|part| Some(cluster.node(part.node)?.name().to_owned()));
                    placed.push(((job.uid(), number), names.collect::<Vec<_>>()));
                }
                limits.extend(limit(cluster, job, before_ms).map(|limit| ((job.uid(), number), limit)));
                let waits = parts.iter().filter(|part| part.phase() == NodePhase::Lost).count() > 0;
                if waits && self.lost.insert((u32::MAX, job.uid())) {
                    fresh.push("shares that wait for proof");
                }
                if timed_out && self.lost.insert((u32::MAX - 1, job.uid())) {
                    fresh.push("time limits passed");
                }
            }
        });
        fresh.into_iter().for_each(|what| self.count(what));
        let mut seen = self.world.oracle.seen();
        seen.placed.extend(placed);
        for (attempt, limit) in limits {
            let known = seen.limits.entry(attempt).or_insert(limit);
            known.passes_ms = known.passes_ms.min(limit.passes_ms);
        }
    }

    fn note_fences(&mut self, replica: &Replica) {
        let mut fresh = Vec::new();
        look(replica, |cluster| {
            for row in cluster.fences() {
                let what = match row.state() {
                    FenceState::Requested if row.next_ms != 0 => "fences held back",
                    FenceState::Requested => "fences asked for",
                    FenceState::Started => "fences started",
                    FenceState::Failed => "fence levels that failed",
                    FenceState::Confirmed => "fences confirmed",
                    FenceState::Overtaken => "fences overtaken",
                    FenceState::Cancelled => "fences cancelled",
                };
                if self.fenced.insert((row.fence, what)) {
                    fresh.push(what);
                }
                if row.call > 1 && row.calling && self.fenced.insert((row.fence, "fence calls repeated")) {
                    fresh.push("fence calls repeated");
                }
            }
        });
        fresh.into_iter().for_each(|what| self.count(what));
    }

    fn note_changes(&mut self, name: &str, replica: &Replica) {
        self.note_program(name, replica);
        let leads = replica.leadership().borrow().leads();
        let (config, level) = look(replica, |cluster| {
            (cluster.config().map_or(0, |config| config.version), cluster.meta().feature_level)
        });
        if config > self.config {
            // The first is the founder's.
            if self.config != 0 {
                self.count("reconfigurations");
            }
            self.config = config;
        }
        if level > self.level {
            if self.level != 0 {
                self.count("upgrades");
            }
            self.level = level;
        }
        let voters: BTreeSet<u64> =
            replica.members().iter().filter(|member| member.voter).map(|member| member.peer.replica).collect();
        // While it grows to its first size it is being founded.
        if leads && !replica.changing() && voters != self.voters {
            if self.voters.len() >= self.world.shape.replicas {
                self.count("membership changes");
            }
            self.voters = voters;
        }
    }

    /// A program is too old for what is in force alone.
    pub(crate) fn check_refused(&mut self, refused: u64) {
        if refused > 0 && self.level < NEW_LEVEL {
            let level = self.level;
            self.breaches.insert(format!("P10 always-on: an older program was refused at feature level {level}"));
        }
    }

    /// Nobody carries out what its program does not know. An old one that came back serves once it applied more than it came with.
    fn note_program(&mut self, name: &str, replica: &Replica) {
        let (level, understands) = look(replica, |cluster| (cluster.meta().feature_level, cluster.understands()));
        if level > understands {
            self.breaches.insert(format!("P8 same-state: {name} is at feature level {level} and knows {understands}"));
        }
        if self.world.changes.came_back_old(name) {
            let index = replica.digest().0;
            let first = *self.came_back.entry(name.to_owned()).or_insert(index);
            if index > first {
                self.came_back.insert(name.to_owned(), u64::MAX);
                self.count(OLD_PROGRAMS_SERVED);
            }
        } else {
            self.came_back.remove(name);
        }
    }

    fn note_nodes(&mut self, now_ms: u64, replica: &Replica) {
        let (mut fresh, mut lost) = (Vec::new(), Vec::new());
        look(replica, |cluster| {
            for node in cluster.nodes() {
                if node.row.base() == NodeBase::Down && self.lost.insert((node.index(), node.row.epoch)) {
                    fresh.push("nodes lost");
                    lost.push(node.name().to_owned());
                }
                let boot = (node.name().to_owned(), node.row.boot_id.clone());
                if !boot.1.is_empty() && self.booted.insert(boot) {
                    fresh.push("boots registered");
                }
            }
        });
        fresh.into_iter().for_each(|what| self.count(what));
        // Given up after 2 s of silence here: noded may take as long to find the next leader.
        for name in lost {
            self.world.oracle.seen().node_faults.entry(name).or_insert(now_ms);
        }
    }
}

/// The time limit of the newest attempt, which may have been committed at `begun_ms`.
fn limit(cluster: &Cluster, job: &Job, begun_ms: u64) -> Option<Limit> {
    let ms = u64::from(job.spec().time_limit_s?) * 1_000;
    let started_ms = job.newest_attempt()?.start_ms;
    let passed = started_ms != 0 && started_ms + ms <= cluster.now_ms();
    Some(Limit { ms, passes_ms: if passed { begun_ms } else { begun_ms + ms } })
}
