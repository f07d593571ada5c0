//! `RegisterNode`: a machine says that it is the node of a name. Pins the machine, mints the epoch, and settles what older
//! epochs left behind.
//!
//! | machine | boot id | spool | what it proves |
//! |---|---|---|---|
//! | another | | | nothing; refused, until an operator has said that the one before is off |
//! | same | same | same | nothing new: the epoch continues |
//! | same | same | new | nothing: what it does not hold waits for proof, and the node is drained |
//! | same | new | any | everything of older epochs is dead |
//! | same | one superseded before | | refused: a ghost, or a clock turned back |
//! | same | same, while the node is being fenced | | nothing; refused until that is over |

use muster_dialect::errno;
use muster_proto::durable::{Answer, EndCause, Hardware, NodeBase, NodePhase, RegisterNode};

use super::ending::Ending;
use super::job::{is_ending, node_is_over};
use super::level::PROOF_LEVEL;
use super::node::{Node, clear_reason, supersede};
use super::proof::OUTLIVED;
use super::ruling::{Refusal, Ruling, done};
use super::state::Cluster;

/// How a registration stands to the last one.
enum Kinship {
    Continues,
    NewSpool,
    NewBoot,
}

/// How the reasons begin with which Muster drains a node by itself, and what ends them: enough hardware, or a boot.
const SHORTAGE: &str = "Low ";
const SPOOL_LOST: &str = "Spool lost while jobs ran; reboot the node";
const KILL_FAILED: &str = "Kill task failed";

impl Cluster {
    /// Answers the node's index in `count` and its epoch in `version`.
    pub(super) fn register_node(&mut self, command: &RegisterNode) -> Ruling {
        let node = self.node_by_name(&command.name).cloned();
        // One that left the configuration may still have something to release.
        let node = node.filter(|node| !node.row.removed || !node.shares.is_empty()).ok_or_else(|| {
            Refusal::new(errno::ESLURM_INVALID_NODE_NAME, format!("{} is not a node of this cluster", command.name))
        })?;
        check_identity(&node, command)?;
        let index = node.index();
        let first = node.row.machine.is_empty();
        let kinship = kinship(&node, command);
        if matches!(kinship, Kinship::NewBoot) {
            self.overtake_fence(index, "the machine has booted since");
        } else if !self.node_may_return(index) {
            let why = format!("{} is being fenced: it returns with a new boot, or when that is over", node.name());
            return Err(Refusal::new(errno::ESLURM_ACCESS_DENIED, why));
        }
        if !matches!(kinship, Kinship::Continues) {
            self.give_epoch(index, command);
        }
        let epoch = self.node(index).map_or(0, |node| node.row.epoch);
        match kinship {
            Kinship::NewBoot => self.prove_dead(index, epoch, "the machine has booted since"),
            Kinship::NewSpool => self.settle_new_spool(index, epoch, command),
            Kinship::Continues => {}
        }
        self.note_registration(index, command);
        self.check_hardware(index, command.hardware.as_ref());
        self.bring_up(index, first, matches!(kinship, Kinship::NewBoot));
        self.check_outlived(index, &command.holds);
        self.events.push(super::changes::Event::ScheduleAgain);
        Ok(Answer { count: index, version: epoch, ..done() })
    }

    fn give_epoch(&mut self, index: u32, command: &RegisterNode) {
        let epoch = self.meta.next_epoch;
        self.meta.next_epoch += 1;
        self.edit_node(index, |row| {
            row.epoch = epoch;
            if !row.boot_id.is_empty() && row.boot_id != command.boot_id {
                supersede(&mut row.superseded_boots, &row.boot_id);
            }
            row.machine = command.machine.clone();
            row.boot_id.clone_from(&command.boot_id);
            row.spool_id = command.spool_id.clone();
        });
    }

    fn note_registration(&mut self, index: u32, command: &RegisterNode) {
        let now = self.now_ms();
        let lease_ms = if self.meta.feature_level < PROOF_LEVEL { 0 } else { command.lease_ms };
        self.edit_node(index, |row| {
            row.lease_ms = lease_ms;
            row.hardware.clone_from(&command.hardware);
            row.version.clone_from(&command.version);
            row.boot_ms = command.boot_ms;
            row.start_ms = command.start_ms;
            row.address.clone_from(&command.address);
            row.config_version = command.config_version;
            row.not_responding = false;
            row.suspect_ms = 0;
            row.registered_ms = now;
            row.last_busy_ms = if row.last_busy_ms == 0 { now } else { row.last_busy_ms };
        });
    }

    /// Nothing of an epoch before `epoch` lives on the node (P3's proof).
    pub(super) fn prove_dead(&mut self, index: u32, epoch: u64, why: &str) {
        for uid in self.shares_of(index) {
            let part = self.live_part(uid, index);
            if part.is_none_or(|part| part.epoch >= epoch) {
                continue;
            }
            self.end_for_node_failure(uid, index);
            self.set_phase(uid, index, NodePhase::ProvenDead, why);
        }
    }

    /// A new spool in the same boot knows nothing of what it was told before. What it found running it holds again, under its
    /// new epoch; what it does not name waits for proof.
    fn settle_new_spool(&mut self, index: u32, epoch: u64, command: &RegisterNode) {
        let mut unproven = 0;
        for uid in self.shares_of(index) {
            let Some(attempt) = self.job(uid).and_then(|job| job.live_attempt()).map(|attempt| attempt.number) else {
                continue;
            };
            let holds = command.holds.iter().any(|held| held.uid == uid && held.attempt == attempt);
            if holds {
                self.edit_job(uid, |row| {
                    let parts = row.attempts.last_mut().into_iter().flat_map(|attempt| &mut attempt.nodes);
                    parts.filter(|part| part.node == index).for_each(|part| part.epoch = epoch);
                });
                continue;
            }
            unproven += 1;
            self.end_for_node_failure(uid, index);
            self.set_phase(uid, index, NodePhase::Lost, "the node's spool was lost");
        }
        if unproven > 0 && !command.journal_complete {
            self.drain_by_itself(index, SPOOL_LOST);
        }
    }

    pub(super) fn shares_of(&self, index: u32) -> Vec<u64> {
        self.node(index).map_or_else(Vec::new, |node| node.shares.keys().copied().collect())
    }

    fn live_part(&self, uid: u64, index: u32) -> Option<muster_proto::durable::AttemptNode> {
        let attempt = self.job(uid)?.live_attempt()?;
        attempt.nodes.iter().find(|part| part.node == index && !node_is_over(part)).cloned()
    }

    /// A node of the attempt is lost: the others are told to end, unless the job goes on without it (`--no-kill`).
    pub(super) fn end_for_node_failure(&mut self, uid: u64, index: u32) {
        let Some(job) = self.job(uid).cloned() else { return };
        let Some(attempt) = job.live_attempt() else { return };
        if is_ending(attempt) {
            return;
        }
        let runs_script_here = attempt.nodes.first().is_some_and(|part| part.node == index);
        let others = attempt
            .nodes
            .iter()
            .any(|part| part.node != index && !node_is_over(part) && part.phase() != NodePhase::Lost);
        if job.spec().no_kill && others && !runs_script_here && attempt.start_ms != 0 {
            return;
        }
        let requeue = Self::may_requeue(&job);
        self.end_work(uid, Ending { requeue, ..Ending::of(EndCause::NodeFail) });
    }

    /// Less than configured drains the node, in Slurm's words.
    fn check_hardware(&mut self, index: u32, found: Option<&Hardware>) {
        let tolerant = self.settings().is_some_and(|settings| settings.config_overrides);
        let Some(found) = found.filter(|_| !tolerant) else { return };
        match self.node(index).and_then(|node| shortage(node, found)) {
            Some(why) => self.drain_by_itself(index, &why),
            None => self.lift_drain(index, |cause| cause.starts_with(SHORTAGE)),
        }
    }

    /// UNKNOWN nodes come up; DOWN ones as `ReturnToService` says.
    fn bring_up(&mut self, index: u32, first: bool, rebooted: bool) {
        if rebooted {
            self.lift_drain(index, |cause| {
                cause == SPOOL_LOST || cause.starts_with(KILL_FAILED) || cause.starts_with(OUTLIVED)
            });
        }
        let service = self.settings().map_or(0, |settings| settings.return_to_service);
        let now = self.now_ms();
        self.edit_node(index, |row| {
            let lost = row.reason == super::liveness::NOT_RESPONDING;
            match row.base() {
                NodeBase::Unknown | NodeBase::Future => row.set_base(NodeBase::Up),
                NodeBase::Down if service == 2 || (service == 1 && lost) => {
                    row.set_base(NodeBase::Up);
                    if !row.drain {
                        clear_reason(row);
                    }
                }
                NodeBase::Up if rebooted && !first && service != 2 => {
                    row.set_base(NodeBase::Down);
                    "Node unexpectedly rebooted".clone_into(&mut row.reason);
                    row.reason_ms = now;
                    row.reason_uid = 0;
                }
                NodeBase::Up | NodeBase::Down => {}
            }
        });
    }
}

fn check_identity(node: &Node, command: &RegisterNode) -> Result<(), Refusal> {
    let refuse = |why: String| Err(Refusal::new(errno::ESLURM_ACCESS_DENIED, why));
    if command.machine.len() != 32 || command.spool_id.len() != 16 || command.boot_id.is_empty() {
        return refuse("a registration names machine, boot and spool".to_owned());
    }
    if !node.row.machine.is_empty() && node.row.machine != command.machine {
        let name = node.name();
        let what = format!("if this one took its place, or lost its spool: muster node confirm-dead {name} --why TEXT");
        return refuse(format!("{name} is another machine; {what}"));
    }
    if node.row.superseded_boots.contains(&command.boot_id) {
        return refuse(format!("boot {} of {} was declared over; reboot the machine", command.boot_id, node.name()));
    }
    Ok(())
}

fn kinship(node: &Node, command: &RegisterNode) -> Kinship {
    match () {
        () if node.row.epoch == 0 || node.row.boot_id != command.boot_id => Kinship::NewBoot,
        () if node.row.spool_id != command.spool_id => Kinship::NewSpool,
        () => Kinship::Continues,
    }
}

fn shortage(node: &Node, found: &Hardware) -> Option<String> {
    let total = node.total();
    let configured = total.sockets * total.cores_per_socket * total.threads_per_core;
    let real = found.sockets * found.cores_per_socket * found.threads_per_core;
    let low_cpus = found.cpus < total.cpus;
    if real < configured && low_cpus {
        return Some("Low socket*core*thread count, Low CPUs".to_owned());
    }
    if low_cpus {
        return Some("Low CPUs".to_owned());
    }
    let configured_mib = total.mem_mib + node.line.spec_mem_mib;
    if found.real_memory_mib < configured_mib {
        return Some(format!(
            "Low RealMemory (reported:{} < 100.00% of configured:{configured_mib})",
            found.real_memory_mib
        ));
    }
    if found.tmp_disk_mib < total.tmp_disk_mib {
        return Some("Low TmpDisk".to_owned());
    }
    None
}
