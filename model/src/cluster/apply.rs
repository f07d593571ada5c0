//! The door: each command of a batch, in order, to the file that carries it out.

use muster_dialect::errno;
use muster_proto::durable::{Batch, Channel, Command, Origin, command::Body};

use super::changes::Changes;
use super::outcome::Outcome;
use super::ruling::{Refusal, done, outcome_of};
use super::state::Cluster;

impl Cluster {
    /// Carries out one log entry: an outcome for each command. Total and deterministic; what changed goes into `changes`.
    ///
    /// A command of a newer version gives [`Outcome::Halt`]: the replica must stop, it never skips.
    pub fn apply(&mut self, _index: u64, batch: &Batch, changes: &mut Changes) -> Vec<Outcome> {
        self.meta.cluster_ms = self.meta.cluster_ms.max(batch.stamp_ms);
        let outcomes = batch.commands.iter().map(|command| self.apply_command(batch, command)).collect();
        self.collect_changes(changes);
        outcomes
    }

    fn apply_command(&mut self, batch: &Batch, command: &Command) -> Outcome {
        let Some(body) = &command.body else {
            return Outcome::Halt("a command that this version does not know".to_owned());
        };
        if batch.feature_level > self.understands() {
            return Outcome::Halt(format!("feature level {} is newer than this version", batch.feature_level));
        }
        let needed = level_of(body, NEWER);
        if needed > self.meta.feature_level && self.is_founded() {
            let why = format!("this needs feature level {needed}: run \"muster upgrade status\"");
            return Refusal::new(errno::ESLURM_NOT_SUPPORTED, why).into();
        }
        let origin = command.origin.clone().unwrap_or_default();
        if let Err(refusal) = self.check_door(&origin, body) {
            return refusal.into();
        }
        let Some(key) = &command.request else { return self.carry_out(&origin, body) };
        let id = match self.admit_request(origin.uid, key) {
            Ok(id) => id,
            Err(outcome) => return outcome,
        };
        let outcome = self.carry_out(&origin, body);
        if let Outcome::Done(answer) | Outcome::Rejected(answer) = &outcome {
            self.remember_request(id, key.clone(), answer.clone());
        }
        outcome
    }

    /// Who may come by which door. Users' rights are checked by each command.
    fn check_door(&self, origin: &Origin, body: &Body) -> Result<(), Refusal> {
        let founding = matches!(body, Body::FoundCluster(_));
        if !self.is_founded() && !founding {
            return Err(Refusal::new(errno::ESLURM_DISABLED, "the cluster is not founded"));
        }
        let allowed = match door(body) {
            Door::Leader => origin.channel() == Channel::Leader,
            Door::Node => matches!(origin.channel(), Channel::Node | Channel::Leader),
            Door::Client => matches!(origin.channel(), Channel::Client | Channel::Http | Channel::Leader),
        };
        if allowed { Ok(()) } else { Err(errno::ESLURM_ACCESS_DENIED.into()) }
    }

    fn carry_out(&mut self, origin: &Origin, body: &Body) -> Outcome {
        match body {
            Body::FoundCluster(command) => outcome_of(self.found_cluster(origin, command)),
            Body::ApplyConfig(command) => outcome_of(self.apply_config(origin, command)),
            Body::RaiseFeatureLevel(command) => self.raise_feature_level(command.level),
            Body::AdmitReplica(command) => outcome_of(self.admit_replica(command)),
            Body::RetireReplica(command) => outcome_of(self.retire_replica(command.replica)),
            Body::BeginGeneration(command) => outcome_of(self.begin_generation(command)),
            Body::PutBlobChunk(command) => outcome_of(self.put_blob_chunk(origin, command)),
            Body::SubmitJob(command) => outcome_of(self.submit_job(origin, command)),
            Body::UpdateJob(command) => outcome_of(self.update_job(origin, command)),
            Body::CancelJobs(command) => outcome_of(self.cancel_jobs(origin, command)),
            Body::RequeueJob(command) => outcome_of(self.requeue_job(origin, command)),
            Body::EndAllocation(command) => outcome_of(self.end_allocation(origin, command)),
            Body::CommitPlan(command) => self.commit_plan(command),
            Body::ExpireJobs(command) => outcome_of(self.expire_jobs(&command.uids)),
            Body::PurgeJobs(command) => outcome_of(self.purge_jobs(&command.uids)),
            Body::PurgeRequests(command) => {
                let count = self.purge_requests(command.max_rows);
                Outcome::Done(muster_proto::durable::Answer { count, ..done() })
            }
            Body::SuspendJob(command) => outcome_of(self.suspend_job(origin, command)),
            Body::ContinueWork(command) => outcome_of(self.continue_work(command.work)),
            Body::NotifyJob(command) => outcome_of(self.notify_job(origin, command)),
            Body::CreateStep(command) => outcome_of(self.create_step(origin, command)),
            Body::SignalStep(command) => outcome_of(self.signal_step(origin, command)),
            Body::RegisterNode(command) => outcome_of(self.register_node(command)),
            Body::SuspectNode(command) => self.suspect_node(command),
            Body::LoseNode(command) => self.lose_node(command),
            Body::ReturnNode(command) => self.return_node(command),
            Body::ConfirmNodeDead(command) => outcome_of(self.confirm_node_dead(origin, command)),
            Body::ProveNodeDead(command) => self.prove_node_dead(command),
            Body::UpdateNode(command) => outcome_of(self.update_node(origin, command)),
            Body::UpdatePartition(command) => outcome_of(self.update_partition(origin, command)),
            Body::RecordHeld(command) => self.record_held(command),
            Body::RecordRefused(command) => self.record_refused(command),
            Body::RecordStepStarted(command) => self.record_step_started(command),
            Body::RecordStepExit(command) => self.record_step_exit(command),
            Body::RecordReleased(command) => self.record_released(command),
            Body::RecordSignalled(command) => self.record_signalled(command),
            Body::RequestFence(command) => outcome_of(self.request_fence(origin, command)),
            Body::BeginFenceCall(command) => self.begin_fence_call(command),
            Body::EndFenceCall(command) => self.end_fence_call(command),
            Body::SettleFence(command) => self.settle_fence(command),
            Body::CancelFence(command) => outcome_of(self.cancel_fence(origin, command)),
            Body::FinishOutbox(command) => outcome_of(self.finish_outbox(&command.ids)),
        }
    }
}

/// Commands that came after the first version, and the feature level from which on they may be proposed. Whoever adds a
/// command adds a line here and raises [`super::FEATURE_LEVEL_MAX`]; whoever changes what a command does asks the level where it differs.
const NEWER: &[Newer] = &[(|body| matches!(body, Body::ProveNodeDead(_)), super::level::PROOF_LEVEL)];

/// A kind of command, and its level.
type Newer = (fn(&Body) -> bool, u32);

fn level_of(body: &Body, newer: &[Newer]) -> u32 {
    newer.iter().find(|(is, _)| is(body)).map_or(1, |(_, level)| *level)
}

/// By which door a command comes.
enum Door {
    Leader,
    Node,
    Client,
}

fn door(body: &Body) -> Door {
    match body {
        Body::CommitPlan(_)
        | Body::ExpireJobs(_)
        | Body::PurgeJobs(_)
        | Body::PurgeRequests(_)
        | Body::ContinueWork(_)
        | Body::SuspectNode(_)
        | Body::LoseNode(_)
        | Body::ReturnNode(_)
        | Body::ProveNodeDead(_)
        | Body::RaiseFeatureLevel(_)
        | Body::AdmitReplica(_)
        | Body::BeginGeneration(_)
        | Body::BeginFenceCall(_)
        | Body::EndFenceCall(_)
        | Body::SettleFence(_)
        | Body::FinishOutbox(_) => Door::Leader,
        Body::RegisterNode(_)
        | Body::RecordHeld(_)
        | Body::RecordRefused(_)
        | Body::RecordStepStarted(_)
        | Body::RecordStepExit(_)
        | Body::RecordReleased(_)
        | Body::RecordSignalled(_) => Door::Node,
        Body::FoundCluster(_)
        | Body::ApplyConfig(_)
        | Body::RetireReplica(_)
        | Body::PutBlobChunk(_)
        | Body::SubmitJob(_)
        | Body::UpdateJob(_)
        | Body::CancelJobs(_)
        | Body::RequeueJob(_)
        | Body::EndAllocation(_)
        | Body::SuspendJob(_)
        | Body::NotifyJob(_)
        | Body::CreateStep(_)
        | Body::SignalStep(_)
        | Body::ConfirmNodeDead(_)
        | Body::RequestFence(_)
        | Body::CancelFence(_)
        | Body::UpdateNode(_)
        | Body::UpdatePartition(_) => Door::Client,
    }
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::{PurgeJobs, RetireReplica};

    use super::*;

    #[test]
    fn a_command_has_the_level_of_the_version_that_brought_it() {
        let newer: &[Newer] = &[(|body| matches!(body, Body::RetireReplica(_)), 7)];
        assert_eq!(level_of(&Body::RetireReplica(RetireReplica::default()), newer), 7);
        assert_eq!(level_of(&Body::PurgeJobs(PurgeJobs::default()), newer), 1);
    }
}
