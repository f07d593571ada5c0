//! Whether nodes answer: `SuspectNode`, `LoseNode`, `ReturnNode`, `ConfirmNodeDead`.

use muster_dialect::errno;
use muster_proto::durable::{ConfirmNodeDead, LoseNode, NodeBase, NodePhase, NodeRow, Origin, ReturnNode, SuspectNode};

use super::changes::Event;
use super::node::{clear_reason, supersede};
use super::outcome::Outcome;
use super::ruling::{Refusal, Ruling, done, require_admin, stale};
use super::state::Cluster;

/// Slurm's reason of a node that was declared DOWN for its silence.
pub const NOT_RESPONDING: &str = "Not responding";

impl Cluster {
    fn check_epoch(&self, node: u32, epoch: u64) -> Result<(), Outcome> {
        match self.node(node) {
            Some(found) if found.row.epoch == epoch && epoch != 0 => Ok(()),
            Some(_) => Err(stale("the node's epoch has changed")),
            None => Err(stale("no such node")),
        }
    }

    /// Shown with "*"; nothing is placed there.
    pub(super) fn suspect_node(&mut self, command: &SuspectNode) -> Outcome {
        if let Err(outcome) = self.check_epoch(command.node, command.epoch) {
            return outcome;
        }
        self.edit_node(command.node, |row| {
            if !row.not_responding {
                row.not_responding = true;
                row.suspect_ms = command.since_ms;
            }
        });
        Outcome::Done(done())
    }

    /// DOWN: its jobs end, their other nodes are freed, and its own shares wait for proof.
    pub(super) fn lose_node(&mut self, command: &LoseNode) -> Outcome {
        if let Err(outcome) = self.check_epoch(command.node, command.epoch) {
            return outcome;
        }
        let now = self.now_ms();
        let why = if command.why.is_empty() { NOT_RESPONDING } else { &command.why };
        self.edit_node(command.node, |row| {
            row.not_responding = true;
            if row.base() != NodeBase::Down {
                row.set_base(NodeBase::Down);
                if row.reason.is_empty() || !row.drain {
                    why.clone_into(&mut row.reason);
                    row.reason_uid = 0;
                    row.reason_ms = now;
                }
            }
        });
        for uid in self.shares_of(command.node) {
            self.end_for_node_failure(uid, command.node);
            self.set_phase(uid, command.node, NodePhase::Lost, why);
        }
        self.events.push(Event::ScheduleAgain);
        Outcome::Done(done())
    }

    /// It answers again, in the same boot. Its lost shares are ended there and released by its own report.
    pub(super) fn return_node(&mut self, command: &ReturnNode) -> Outcome {
        if let Err(outcome) = self.check_epoch(command.node, command.epoch) {
            return outcome;
        }
        if !self.node_may_return(command.node) {
            return stale("it is being fenced");
        }
        let service = self.settings().map_or(0, |settings| settings.return_to_service);
        self.edit_node(command.node, |row| {
            row.not_responding = false;
            row.suspect_ms = 0;
            let lost = row.reason == NOT_RESPONDING;
            if row.base() == NodeBase::Down && (service == 2 || (service == 1 && lost)) {
                row.set_base(NodeBase::Up);
                if !row.drain {
                    clear_reason(row);
                }
            }
        });
        self.events.push(Event::ScheduleAgain);
        Outcome::Done(done())
    }

    /// An operator's word that the machine is off.
    pub(super) fn confirm_node_dead(&mut self, origin: &Origin, command: &ConfirmNodeDead) -> Ruling {
        require_admin(origin)?;
        let node = self.node_by_name(&command.name).cloned().ok_or(errno::ESLURM_INVALID_NODE_NAME)?;
        if command.why.is_empty() {
            return Err(Refusal::new(errno::ESLURM_INVALID_NODE_STATE, "say why"));
        }
        if node.row.base() != NodeBase::Down {
            let why = format!("{} is not DOWN: set it DOWN first", node.name());
            return Err(Refusal::new(errno::ESLURM_INVALID_NODE_STATE, why));
        }
        let index = node.index();
        let name = if origin.user_name.is_empty() { origin.uid.to_string() } else { origin.user_name.clone() };
        let why = format!("confirmed by {name}: {}", command.why);
        self.overtake_fence(index, &why);
        self.bury(index, &why);
        // Whoever comes next under this name may be the machine that takes its place, or this one reinstalled.
        self.edit_node(index, |row| row.machine.clear());
        Ok(done())
    }

    /// Proof that the machine is off, for all shares there. Its boot never counts again.
    pub(super) fn bury(&mut self, index: u32, why: &str) {
        let epoch = self.meta.next_epoch;
        self.meta.next_epoch += 1;
        self.edit_node(index, |row| {
            let boot_id = std::mem::take(&mut row.boot_id);
            if !boot_id.is_empty() {
                supersede(&mut row.superseded_boots, &boot_id);
            }
            row.epoch = epoch;
            row.not_responding = true;
        });
        self.prove_dead(index, epoch, why);
    }

    /// A drain that Muster sets by itself. An operator's reason is left alone.
    pub(super) fn drain_by_itself(&mut self, index: u32, why: &str) {
        let now = self.now_ms();
        self.edit_node(index, |row| {
            row.drain = true;
            if row.reason.is_empty() || !row.drain_auto.is_empty() {
                why.clone_into(&mut row.reason);
                row.reason_uid = 0;
                row.reason_ms = now;
            }
            why.clone_into(&mut row.drain_auto);
        });
    }

    /// Ends a drain that Muster set by itself, where its cause is among those that are `gone`. An operator's stays.
    pub(super) fn lift_drain(&mut self, index: u32, gone: impl Fn(&str) -> bool) {
        let lifts = |row: &NodeRow| row.drain && row.reason == row.drain_auto && gone(&row.drain_auto);
        if self.node(index).is_some_and(|node| lifts(&node.row)) {
            self.edit_node(index, |row| {
                row.drain = false;
                clear_reason(row);
            });
            self.events.push(Event::ScheduleAgain);
        }
    }
}
