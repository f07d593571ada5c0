//! Fencing: a node that cannot say whether its processes live is switched off from outside, and that is proof (P3).
//!
//! ```text
//! RequestFence        BeginFenceCall        EndFenceCall: off                 SettleFence
//! ────────────► REQUESTED ─────────► STARTED ───────────────► CONFIRMED ───────────────────► over
//!                  │                 │  ▲  │                                   ▲
//!    same boot     │    not off, or  │  │  │ new boot id,                      │ the deadline of the last
//!    answers again │    no answer    ▼  │  │ operator's word                   │ possible call has passed
//!                  ▼                FAILED ├──────────────► OVERTAKEN ─────────┘
//!              CANCELLED (next level, or   │
//!                         later again)  ───┘
//! ```
//!
//! A device knows no terms: a call of a leader that is no more may still strike. So each call is committed before it is made,
//! has a hard deadline, and no other begins before that has passed; and a node takes no work while one may be under way.
//! Never: a share freed because an agent acknowledged, or because time passed.

use muster_dialect::errno;
use muster_proto::durable::{
    Answer, BeginFenceCall, CancelFence, Channel, EndFenceCall, FenceRow, FenceState, NodeBase, NodePhase, Origin,
    RequestFence, SettleFence,
};

use super::changes::{Event, Table};
use super::outcome::Outcome;
use super::ruling::{Refusal, Ruling, done, require_admin, stale};
use super::state::Cluster;

/// Operations that are over and kept as history.
pub const FENCES_KEPT_MAX: usize = 1_000;
/// Longest text of an agent or operator that is kept, bytes.
const WORD_BYTES_MAX: usize = 1_024;

impl Cluster {
    /// Answers the operation's id in `version`.
    pub(super) fn request_fence(&mut self, origin: &Origin, command: &RequestFence) -> Ruling {
        let by_operator = origin.channel() != Channel::Leader;
        if by_operator {
            require_admin(origin)?;
        }
        let node = self.node_by_name(&command.name).cloned().ok_or(errno::ESLURM_INVALID_NODE_NAME)?;
        let refuse = |why: String| Err(Refusal::new(errno::ESLURM_INVALID_NODE_STATE, why));
        if self.fence_levels(node.name()).is_empty() {
            return refuse(format!("fence.conf has no agent for {}", node.name()));
        }
        if node.row.epoch == 0 || node.row.boot_id.is_empty() {
            return refuse(format!("{} has no boot that could be ended", node.name()));
        }
        if by_operator && node.row.base() != NodeBase::Down {
            return refuse(format!("{} is not DOWN: set it DOWN first", node.name()));
        }
        if !by_operator && (command.epoch != node.row.epoch || !self.is_to_be_fenced(node.index())) {
            return refuse(format!("{} need not be fenced", node.name()));
        }
        let fence = match self.open_fence(node.index()).map(|row| row.fence) {
            Some(fence) => {
                if by_operator {
                    self.hurry_fence(fence, origin, command);
                }
                fence
            }
            None => self.insert_fence(node.index(), origin, command, by_operator),
        };
        Ok(Answer { version: fence, ..done() })
    }

    fn insert_fence(&mut self, index: u32, origin: &Origin, command: &RequestFence, by_operator: bool) -> u64 {
        let (fence, now) = (self.meta.next_fence.max(1), self.now_ms());
        self.meta.next_fence = fence + 1;
        let Some(node) = self.node(index) else { return fence };
        let row = FenceRow {
            fence,
            node: index,
            node_name: node.name().to_owned(),
            epoch: node.row.epoch,
            boot_id: node.row.boot_id.clone(),
            state: FenceState::Requested.into(),
            why: shortened(&command.why),
            by_operator,
            by_uid: origin.uid,
            by_name: origin.user_name.clone(),
            force: by_operator && command.force,
            requested_ms: now,
            ..FenceRow::default()
        };
        self.fence_of.insert(index, fence);
        self.fences.insert(fence, row);
        self.note_fence_change(fence, index);
        self.forget_old_fences();
        fence
    }

    /// An operator asks for what was asked for already: it need not wait.
    fn hurry_fence(&mut self, fence: u64, origin: &Origin, command: &RequestFence) {
        self.edit_fence(fence, |row| {
            if !row.by_operator {
                row.by_operator = true;
                row.by_uid = origin.uid;
                row.by_name.clone_from(&origin.user_name);
                row.why = shortened(&command.why);
            }
            row.force |= command.force;
            row.next_ms = 0;
        });
    }

    /// `count` 1: the agents of the row's level may be called, until its deadline. 0: not now; `message` says why.
    pub(super) fn begin_fence_call(&mut self, command: &BeginFenceCall) -> Outcome {
        let Some(row) = self.open_fence_row(command.fence).filter(|row| row.call + 1 == command.call) else {
            return stale("no such call");
        };
        if row.state() == FenceState::Requested && !row.by_operator && !self.is_to_be_fenced(row.node) {
            self.cancel(row.fence, "it need not be fenced any more");
            return not_now("it need not be fenced any more");
        }
        if self.fence_begins_ms(&row) > self.now_ms() {
            return not_now("too early");
        }
        if let Err(why) = self.check_fence_guards(&row, command) {
            self.hold_back(row.fence, &why);
            return not_now(&why);
        }
        let Some(level) = self.next_fence_level(&row) else {
            let why = "fence.conf has no agent for it any more";
            self.hold_back(row.fence, why);
            return not_now(why);
        };
        if row.started_ms == 0 {
            self.start_fence(&row);
        }
        let (now, deadline_ms) = (self.now_ms(), self.fence_deadline_ms(&row.node_name, level));
        self.edit_fence(row.fence, |row| {
            row.set_state(FenceState::Started);
            row.call += 1;
            row.calling = true;
            row.called_ms = now;
            row.deadline_ms = deadline_ms;
            row.level = level;
        });
        Outcome::Done(Answer { count: 1, ..done() })
    }

    /// From here on the node may not return: what it has is lost until there is proof.
    fn start_fence(&mut self, row: &FenceRow) {
        let now = self.now_ms();
        self.edit_fence(row.fence, |row| row.started_ms = now);
        self.edit_node(row.node, |node| {
            node.fencing = true;
            node.not_responding = true;
            node.set_base(NodeBase::Down);
        });
        for uid in self.shares_of(row.node) {
            self.end_for_node_failure(uid, row.node);
            self.set_phase(uid, row.node, NodePhase::Lost, "the node is being fenced");
        }
    }

    /// Not started yet: why, and when it is looked at again.
    fn hold_back(&mut self, fence: u64, why: &str) {
        let next_ms = self.now_ms() + self.fence_retry_ms(1);
        self.edit_fence(fence, |row| {
            row.next_ms = next_ms;
            row.word = shortened(why);
        });
        self.counters().fences_held_back += 1;
    }

    pub(super) fn end_fence_call(&mut self, command: &EndFenceCall) -> Outcome {
        let newest = self.open_fence_row(command.fence).filter(|row| row.call == command.call && row.calling);
        let Some(row) = newest.filter(|row| row.state() == FenceState::Started) else {
            return stale("the call is superseded, or its operation is over");
        };
        if command.off {
            self.confirm_fence(&row, &command.word);
        } else {
            self.fail_fence(&row, &command.word);
        }
        Outcome::Done(done())
    }

    fn confirm_fence(&mut self, row: &FenceRow, word: &str) {
        let (now, power_on) = (self.now_ms(), self.fence_powers_on(&row.node_name, row.level));
        self.edit_fence(row.fence, |row| {
            row.set_state(FenceState::Confirmed);
            row.calling = false;
            row.off_ms = now;
            row.power_on = power_on;
            row.word = shortened(word);
        });
        self.counters().fences_confirmed += 1;
        self.bury(row.node, &format!("fenced at level {}: {word}", row.level));
    }

    fn fail_fence(&mut self, row: &FenceRow, word: &str) {
        let last = self.fence_levels(&row.node_name).last().is_none_or(|last| *last <= row.level);
        let rounds = row.rounds + u32::from(last);
        let next_ms = if last { self.now_ms() + self.fence_retry_ms(rounds) } else { self.now_ms() };
        self.edit_fence(row.fence, |row| {
            row.set_state(FenceState::Failed);
            row.calling = false;
            row.rounds = rounds;
            row.level = if last { 0 } else { row.level };
            row.next_ms = next_ms;
            row.word = shortened(word);
        });
        self.counters().fence_calls_failed += 1;
    }

    pub(super) fn settle_fence(&mut self, command: &SettleFence) -> Outcome {
        let Some(row) = self.fences.get(&command.fence).cloned() else { return stale("no such operation") };
        if command.powered_on && row.ended_ms != 0 && row.power_on {
            self.edit_fence(row.fence, |row| {
                row.power_on = false;
                row.word = shortened(&command.word);
            });
            return Outcome::Done(done());
        }
        let proven = matches!(row.state(), FenceState::Confirmed | FenceState::Overtaken);
        if command.powered_on || row.ended_ms != 0 || !proven || self.fence_settles_ms(&row) > self.now_ms() {
            return stale("it is not to be settled now");
        }
        self.close_fence(row.fence);
        Outcome::Done(done())
    }

    pub(super) fn cancel_fence(&mut self, origin: &Origin, command: &CancelFence) -> Ruling {
        require_admin(origin)?;
        let node = self.node_by_name(&command.name).ok_or(errno::ESLURM_INVALID_NODE_NAME)?.index();
        let refuse =
            |why: &str| Err(Refusal::new(errno::ESLURM_INVALID_NODE_STATE, format!("{}: {why}", command.name)));
        let Some(row) = self.open_fence(node).cloned() else { return refuse("no fence operation is open") };
        match row.state() {
            FenceState::Requested => {}
            FenceState::Started | FenceState::Failed if self.fence_settles_ms(&row) <= self.now_ms() => {}
            FenceState::Started | FenceState::Failed => {
                return refuse("an agent may still be at work; try again later");
            }
            FenceState::Confirmed | FenceState::Overtaken | FenceState::Cancelled => {
                return refuse("it is over but for the agents' deadline");
            }
        }
        self.edit_fence(row.fence, |row| row.called_off = true);
        let name = if origin.user_name.is_empty() { origin.uid.to_string() } else { origin.user_name.clone() };
        self.cancel(row.fence, &format!("called off by {name}: {}", command.why));
        Ok(Answer { version: row.fence, ..done() })
    }

    fn cancel(&mut self, fence: u64, why: &str) {
        self.edit_fence(fence, |row| {
            row.set_state(FenceState::Cancelled);
            row.calling = false;
            row.word = shortened(why);
        });
        self.close_fence(fence);
    }

    /// The node answers again in the same boot. `false`: it may not return, since its end has begun.
    pub(super) fn node_may_return(&mut self, index: u32) -> bool {
        let Some(row) = self.open_fence(index).cloned() else { return true };
        match row.state() {
            FenceState::Requested if !row.by_operator => self.cancel(row.fence, "the node returned"),
            FenceState::Requested | FenceState::Confirmed | FenceState::Overtaken | FenceState::Cancelled => {}
            FenceState::Started | FenceState::Failed => return false,
        }
        true
    }

    /// Proof came from elsewhere: nothing more is asked of agents. A call that may be under way is waited out.
    pub(super) fn overtake_fence(&mut self, index: u32, why: &str) {
        let Some(row) = self.open_fence(index).cloned() else { return };
        if matches!(row.state(), FenceState::Confirmed | FenceState::Overtaken) {
            return;
        }
        self.edit_fence(row.fence, |row| {
            row.set_state(FenceState::Overtaken);
            row.word = shortened(why);
        });
        if self.fence_settles_ms(&row) <= self.now_ms() {
            self.close_fence(row.fence);
        }
    }

    fn close_fence(&mut self, fence: u64) {
        let now = self.now_ms();
        let Some(index) = self.fences.get(&fence).map(|row| row.node) else { return };
        self.edit_fence(fence, |row| {
            row.ended_ms = now.max(1);
            row.calling = false;
        });
        if self.node(index).is_some_and(|node| node.row.fencing) {
            self.edit_node(index, |row| row.fencing = false);
            self.events.push(Event::ScheduleAgain);
        }
        self.forget_old_fences();
    }

    fn edit_fence(&mut self, fence: u64, change: impl FnOnce(&mut FenceRow)) {
        let Some(row) = self.fences.get_mut(&fence) else { return };
        change(row);
        let index = row.node;
        self.note_fence_change(fence, index);
    }

    fn note_fence_change(&mut self, fence: u64, index: u32) {
        self.ledger.touch(Table::Fences, fence.to_be_bytes().to_vec());
        self.events.push(Event::NodeChanged { node: index });
    }

    /// Only what is over, and no longer counts for the storm guard.
    fn forget_old_fences(&mut self) {
        let over = self.fences.values().filter(|row| row.ended_ms != 0).count();
        let since_ms = self.now_ms().saturating_sub(self.fence_window_ms());
        let old = self.fences.values().filter(|row| row.ended_ms != 0 && row.started_ms <= since_ms && !row.power_on);
        let old: Vec<(u64, u32)> =
            old.take(over.saturating_sub(FENCES_KEPT_MAX)).map(|row| (row.fence, row.node)).collect();
        for (fence, index) in old {
            self.fences.remove(&fence);
            if self.fence_of.get(&index) == Some(&fence) {
                self.fence_of.remove(&index);
            }
            self.ledger.touch(Table::Fences, fence.to_be_bytes().to_vec());
        }
    }

    fn open_fence_row(&self, fence: u64) -> Option<FenceRow> {
        self.fences.get(&fence).filter(|row| row.ended_ms == 0).cloned()
    }
}

fn not_now(why: &str) -> Outcome {
    Outcome::Done(Answer { message: why.to_owned(), ..done() })
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(WORD_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}
