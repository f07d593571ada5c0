//! The node's lease: its work ends by itself when no leader has confirmed its quorum for so long (`ProofOfDeath=lease`).
//!
//! ```text
//! heartbeat leaves at t ─► leader has it ─► quorum confirmed ─► answer renews ─► lease until t + LeaseSec
//!                                                              no answer      ─► the end: all work is killed, none is begun
//! ```
//!
//! What counts is the instant at which the heartbeat left, by the boot-time clock: however late the answer comes, the leader
//! heard the node not earlier. A longer lease, or none, is used only once the cluster has on record that this node may keep
//! it; a shorter one at once, and is told then: so nobody ever waits for less than what is kept.
//!
//! Steps that were launched under no lease, or a longer one, have a supervisor that goes by that. While one lives, the node says
//! that it keeps no lease, and time proves nothing of it.

use std::collections::VecDeque;

use muster_proto::durable::EndCause;
use muster_proto::wire;

use super::row::record;
use super::{Action, Agent, AttemptKey, EndingRow, Phase};

/// Heartbeats without an answer whose instants are remembered; of older ones an answer renews nothing.
const BEATS_MAX: usize = 64;
/// Between two sessions that are opened for the lease's sake, ms.
const ASK_AGAIN_MS: u64 = 1_000;
/// No lease: nothing ever ends by it.
pub const NO_END: u64 = u64::MAX;

/// What is not journalled: the journal's registration has the lease that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lease {
    /// When it ends, boot-time clock, ms; 0: no leader has renewed it yet.
    until_ms: u64,
    /// Its end was carried out, or there was nothing to end.
    ended: bool,
    /// Heartbeats without an answer, and when they left.
    beats: VecDeque<(u64, u64)>,
    /// What the configuration wants, as a leader said last; `None`: what is kept.
    wanted_ms: Option<u64>,
    /// What the cluster has on record; `None`: no session since the start.
    recorded_ms: Option<u64>,
    /// When the node last asked for another session.
    asked_ms: Option<u64>,
}

impl Agent {
    /// The lease that all work here obeys; 0: none.
    fn kept_ms(&self) -> u64 {
        self.registration.lease_ms
    }

    /// What a registration says: the lease that is wanted, as far as everything that lives here obeys it.
    #[must_use]
    pub fn lease_to_say_ms(&self) -> u64 {
        let steps = self.attempts.values().flat_map(|row| &row.steps);
        let obeyed = steps.filter(|step| step.exit.is_none()).all(|step| step.leased);
        if obeyed { self.lease.wanted_ms.unwrap_or(self.kept_ms()) } else { 0 }
    }

    /// Whether a launch would be under a supervisor that ends it with the lease.
    pub(super) fn is_leased(&self) -> bool {
        self.kept_ms() != 0
    }

    /// Whether anything may be begun.
    pub(super) fn may_begin(&self, now: u64) -> bool {
        self.kept_ms() == 0 || now < self.lease.until_ms
    }

    /// After a restart: the end of the lease as the daemon before this one wrote it down; 0: it did not.
    pub fn resume_lease(&mut self, until_ms: u64, now: u64) -> Vec<Action> {
        let mut out = Vec::new();
        self.lease.until_ms = if until_ms == NO_END { 0 } else { until_ms };
        self.lease.ended = self.lease.until_ms == 0;
        self.end_lease_if_due(now, &mut out);
        out
    }

    pub(super) fn on_beat(&mut self, seq: u64, now: u64) {
        if self.lease.beats.len() == BEATS_MAX {
            self.lease.beats.pop_front();
        }
        self.lease.beats.push_back((seq, now));
    }

    pub(super) fn on_heartbeat_acked(&mut self, ack: &wire::HeartbeatAck, now: u64, out: &mut Vec<Action>) {
        let Some(authority) = &ack.authority else { return };
        if let Err(why) = self.admit(authority, out) {
            return out.push(Action::Refuse { why });
        }
        self.want_lease(ack.lease_wanted_ms, out);
        if !ack.renews || self.kept_ms() == 0 {
            return;
        }
        let Some((_, left_ms)) = self.lease.beats.iter().find(|(seq, _)| *seq == ack.seq) else { return };
        let until_ms = left_ms.saturating_add(self.kept_ms());
        self.lease.beats.retain(|(seq, _)| *seq > ack.seq);
        if until_ms > self.lease.until_ms.max(now) {
            self.lease.until_ms = until_ms;
            self.lease.ended = false;
            out.push(Action::KeepLease { until_ms });
        }
    }

    /// A leader registered this node: what is on record, and what is wanted.
    pub(super) fn lease_registered(&mut self, recorded_ms: u64, wanted_ms: u64, out: &mut Vec<Action>) {
        self.lease.recorded_ms = Some(recorded_ms);
        self.want_lease(wanted_ms, out);
        let obeyed = self.lease_to_say_ms() == wanted_ms;
        if recorded_ms == wanted_ms && obeyed && self.kept_ms() != wanted_ms {
            self.keep_lease(wanted_ms, out);
        }
    }

    fn want_lease(&mut self, wanted_ms: u64, out: &mut Vec<Action>) {
        self.lease.wanted_ms = Some(wanted_ms);
        let is_shorter = wanted_ms != 0 && (self.kept_ms() == 0 || wanted_ms < self.kept_ms());
        if is_shorter {
            self.keep_lease(wanted_ms, out);
        }
    }

    fn keep_lease(&mut self, lease_ms: u64, out: &mut Vec<Action>) {
        let (before_ms, until_ms) = (self.kept_ms(), self.lease.until_ms);
        self.registration.lease_ms = lease_ms;
        out.push(self.journal(record::Body::Registration(self.registration)));
        if lease_ms == 0 || lease_ms < before_ms {
            self.unlease_steps(out);
        }
        let until_ms = match (before_ms, lease_ms) {
            (_, 0) => NO_END,
            // The first one: what lives goes on until it was renewed once.
            (0, _) => return (self.lease.until_ms, self.lease.ended) = (0, true),
            _ if lease_ms < before_ms && until_ms != 0 => until_ms.saturating_sub(before_ms - lease_ms).max(1),
            _ => return,
        };
        self.lease.until_ms = if until_ms == NO_END { 0 } else { until_ms };
        self.lease.ended |= self.lease.until_ms == 0;
        out.push(Action::KeepLease { until_ms });
    }

    /// Their supervisors look again only when the end comes that they know.
    fn unlease_steps(&mut self, out: &mut Vec<Action>) {
        let mut changed = Vec::new();
        for row in self.attempts.values_mut().filter(|row| row.steps.iter().any(|step| step.leased)) {
            row.steps.iter_mut().for_each(|step| step.leased = false);
            changed.push(row.key());
        }
        out.extend(changed.into_iter().map(|key| self.journal_attempt(key)));
    }

    /// When the lease ends, as far as somebody has to do something then.
    pub(super) fn lease_deadline_ms(&self) -> Option<u64> {
        (self.kept_ms() != 0 && !self.lease.ended).then_some(self.lease.until_ms)
    }

    pub(super) fn end_lease_if_due(&mut self, now: u64, out: &mut Vec<Action>) {
        if self.lease_deadline_ms().is_none_or(|until_ms| now < until_ms) {
            return;
        }
        self.lease.ended = true;
        self.launches.clear();
        let open = self.attempts.values().filter(|row| row.phase() < Phase::Released);
        let open: Vec<AttemptKey> = open.map(super::AttemptRow::key).collect();
        out.push(Action::LeaseOver { attempts: open.len() });
        for key in open {
            self.end_at_once(key, now, out);
        }
    }

    /// SIGKILL to all that lives of an attempt; its prolog is waited for.
    pub(super) fn end_at_once(&mut self, key: AttemptKey, now: u64, out: &mut Vec<Action>) {
        let Some(row) = self.attempts.get_mut(&key) else { return };
        let node_fail = EndCause::NodeFail as i32;
        let cause = row.ending.map_or(node_fail, |ending| ending.cause);
        row.ending = Some(EndingRow { cause, kill_wait_s: 0, at_once: true });
        match row.phase() {
            Phase::Prologue => out.push(self.journal_attempt(key)),
            Phase::Held | Phase::Ending => {
                row.steps.iter_mut().for_each(|step| step.kill_at_ms = 0);
                self.begin_end(key, now, out);
            }
            // Nothing of it is left, or it is being killed already.
            Phase::Emptying | Phase::Epilogue | Phase::Released | Phase::Refused => {}
        }
    }

    /// Opens a new session where the cluster should have something else on record; or where half of the lease has passed and the
    /// leader of this session does not renew it: it may have lost its quorum, and another may lead.
    pub(super) fn register_again_if_due(&mut self, now: u64, out: &mut Vec<Action>) {
        let Some(recorded_ms) = self.lease.recorded_ms else { return };
        let (kept_ms, until_ms) = (self.kept_ms(), self.lease.until_ms);
        let is_half_over = kept_ms != 0 && until_ms != 0 && now + kept_ms / 2 >= until_ms;
        let waited = self.lease.asked_ms.is_none_or(|at| now >= at + ASK_AGAIN_MS);
        if waited && (recorded_ms != self.lease_to_say_ms() || is_half_over) {
            self.lease.asked_ms = Some(now);
            out.push(Action::RegisterAgain);
        }
    }
}
