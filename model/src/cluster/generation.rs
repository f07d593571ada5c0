//! `BeginGeneration`: the cluster goes on from one store, after others were lost or a snapshot was restored.

use muster_dialect::errno;
use muster_proto::durable::{BeginGeneration, ReplicaRow};

use super::changes::Event;
use super::ruling::{Refusal, Ruling, done};
use super::state::Cluster;

/// Ids of each kind that are passed over for each step of the generation's number: more than can have been given out since what
/// is kept was written. Two generations that begin from the same snapshot have different numbers, and so no id in common.
const IDS_PASSED_OVER: u64 = 1 << 32;
/// Job ids are shown to people, and there are only some 67 million of them. None is given twice while a record bears it.
const JOB_IDS_PASSED_OVER: u32 = 1_000_000;

impl Cluster {
    pub(super) fn begin_generation(&mut self, command: &BeginGeneration) -> Ruling {
        if command.generation <= self.meta.generation || command.store_id.len() != 16 {
            return Err(Refusal::new(errno::ESLURM_NOT_SUPPORTED, "generation or store id"));
        }
        self.retire_all_but(command.replica);
        let known = self.replicas.get(&command.replica).cloned().unwrap_or_default();
        self.set_replica(ReplicaRow {
            replica: command.replica,
            name: command.name.clone(),
            address: command.address.clone(),
            store_id: command.store_id.clone(),
            retired: false,
            client_address: command.client_address.clone(),
            ..known
        });
        let meta = &mut self.meta;
        let passed_over = IDS_PASSED_OVER.saturating_mul(command.generation - meta.generation);
        meta.generation = command.generation;
        meta.next_replica = meta.next_replica.max(command.replica.saturating_add(1));
        let ids = [
            &mut meta.next_uid,
            &mut meta.next_epoch,
            &mut meta.next_signal,
            &mut meta.next_outbox,
            &mut meta.next_work,
            &mut meta.next_fence,
        ];
        for id in ids {
            *id = id.saturating_add(passed_over);
        }
        meta.next_job_id = meta.next_job_id.saturating_add(JOB_IDS_PASSED_OVER);
        self.events.push(Event::ScheduleAgain);
        Ok(done())
    }
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::command::Body;

    use super::super::testing::Scene;
    use super::*;

    fn begin(generation: u64, replica: u64) -> Body {
        Body::BeginGeneration(BeginGeneration {
            generation,
            replica,
            name: "c".into(),
            address: "c:1".into(),
            client_address: "c:2".into(),
            store_id: vec![9; 16].into(),
        })
    }

    #[test]
    fn a_new_generation_keeps_one_replica_and_passes_over_every_id() {
        let mut scene = Scene::up();
        let before = scene.cluster.meta().clone();
        scene.lead(begin(2, 70));
        let after = scene.cluster.meta();
        assert_eq!((after.generation, after.next_replica), (2, 71));
        assert_eq!(after.next_uid, before.next_uid + IDS_PASSED_OVER);
        assert_eq!(after.next_epoch, before.next_epoch + IDS_PASSED_OVER);
        assert_eq!(after.next_job_id, before.next_job_id + JOB_IDS_PASSED_OVER);
        let left: Vec<u64> = scene.cluster.replicas().filter(|row| !row.retired).map(|row| row.replica).collect();
        assert_eq!(left, [70]);
    }

    #[test]
    fn two_generations_from_the_same_snapshot_have_no_id_in_common() {
        let begun = |generation| {
            let mut scene = Scene::up();
            scene.lead(begin(generation, 70));
            scene.cluster.meta().next_uid
        };
        assert_eq!(begun(28_000_007) - begun(28_000_000), 7 * IDS_PASSED_OVER);
    }

    #[test]
    fn a_generation_never_begins_twice() {
        let mut scene = Scene::up();
        scene.lead(begin(2, 70));
        assert!(matches!(scene.lead(begin(2, 71)), super::super::Outcome::Rejected(_)));
        assert_eq!(scene.cluster.meta().next_replica, 71);
    }
}
