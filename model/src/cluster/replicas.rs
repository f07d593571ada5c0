//! `AdmitReplica`, `RetireReplica`: who keeps the state. Ids are minted here and never reused.

use muster_dialect::errno;
use muster_proto::durable::{AdmitReplica, Answer, ReplicaRow};

use super::changes::{Event, Table};
use super::ruling::{Refusal, Ruling, done};
use super::state::Cluster;

/// Replicas that are not retired.
pub(super) const REPLICAS_MAX: usize = 9;

impl Cluster {
    pub(super) fn admit_replica(&mut self, command: &AdmitReplica) -> Ruling {
        if command.store_id.len() != 16 {
            return Err(Refusal::new(errno::ESLURM_NOT_SUPPORTED, "a store id has 16 bytes"));
        }
        let level = self.meta.feature_level;
        if knows(command) < level {
            let why = format!("the cluster is at feature level {level}: {} is too old for it", of(&command.version));
            return Err(Refusal::new(errno::SLURM_PROTOCOL_VERSION_ERROR, why));
        }
        let known = self.replicas.values().find(|row| row.store_id == command.store_id).cloned();
        match known {
            Some(row) if row.retired => Err(Refusal::new(errno::ESLURM_ACCESS_DENIED, "this store was retired")),
            Some(row) => {
                self.set_replica(ReplicaRow { replica: row.replica, ..row_of(command) });
                Ok(Answer { replica: row.replica, ..done() })
            }
            None if self.replicas.values().filter(|row| !row.retired).count() >= REPLICAS_MAX => {
                Err(Refusal::new(errno::ESLURM_NOT_SUPPORTED, format!("{REPLICAS_MAX} replicas are the most")))
            }
            None => {
                let replica = self.meta.next_replica;
                self.meta.next_replica += 1;
                self.set_replica(ReplicaRow { replica, ..row_of(command) });
                Ok(Answer { replica, ..done() })
            }
        }
    }

    pub(super) fn retire_replica(&mut self, replica: u64) -> Ruling {
        let Some(row) = self.replicas.get(&replica).cloned() else {
            return Err(Refusal::new(errno::ESLURM_NOT_SUPPORTED, format!("no replica {replica}")));
        };
        self.set_replica(ReplicaRow { retired: true, ..row });
        Ok(done())
    }

    pub(super) fn retire_all_but(&mut self, kept: u64) {
        let others: Vec<ReplicaRow> = self.replicas.values().filter(|row| row.replica != kept).cloned().collect();
        for row in others {
            self.set_replica(ReplicaRow { retired: true, ..row });
        }
    }

    pub(super) fn set_replica(&mut self, row: ReplicaRow) {
        if self.replicas.get(&row.replica) == Some(&row) {
            return;
        }
        self.ledger.touch(Table::Replicas, row.replica.to_be_bytes().to_vec());
        self.replicas.insert(row.replica, row);
        self.events.push(Event::ReplicasChanged);
    }
}

/// A program that does not say knows the first level.
fn knows(command: &AdmitReplica) -> u32 {
    command.feature_level.max(1)
}

/// How a program's version is named.
fn of(version: &str) -> String {
    if version.is_empty() { "this program".to_owned() } else { format!("version {version}") }
}

fn row_of(command: &AdmitReplica) -> ReplicaRow {
    ReplicaRow {
        replica: 0,
        name: command.name.clone(),
        address: command.address.clone(),
        store_id: command.store_id.clone(),
        retired: false,
        client_address: command.client_address.clone(),
        feature_level: knows(command),
        version: command.version.clone(),
    }
}
