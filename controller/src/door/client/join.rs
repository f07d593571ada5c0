//! A controller with an empty store asks to become a replica.

use muster_dialect::errno;
use muster_model::cluster::Cluster;
use muster_proto::durable::{AdmitReplica, ReplicaRow, command};
use muster_proto::wire::{JoinCluster, Joined, reply};

use super::mutation::told;
use super::{Answered, At, Refusal};
use crate::views;

/// Longest address, bytes: a DNS name and a port.
const ADDRESS_BYTES_MAX: usize = 300;
/// Longest version of a program, bytes.
const VERSION_BYTES_MAX: usize = 64;

impl At<'_> {
    /// Admits it, under an id that the log mints; the leader's membership duty does the rest.
    pub(super) async fn join(&self, asked: JoinCluster) -> Answered {
        self.caller.require_admin()?;
        if self.caller.sender != format!("replica:{}", asked.name) {
            return Err(Refusal::slurm(errno::ESLURM_AUTH_CRED_INVALID));
        }
        self.require_leader()?;
        check_words(&asked)?;
        let identity = &self.member.core.identity;
        let joined = |replica, retired| {
            let cluster_id = identity.cluster_id.to_vec().into();
            reply::Body::Joined(Joined { replica, cluster_id, generation: identity.generation, retired })
        };
        let known = |cluster: &Cluster| cluster.replicas().find(|row| row.store_id == asked.store_id).cloned();
        if let Some(row) = self.member.core.read(known).filter(|row| row.retired) {
            // Until the others went on without it, its vote may be needed.
            let needed = self.member.core.replica.members().iter().any(|member| member.peer.replica == row.replica);
            return if needed { Err(Refusal::busy("it is being removed")) } else { Ok(joined(row.replica, true)) };
        }
        // After that: whoever was removed hears so, although its line may be gone from the configuration already.
        self.check_joiner(&asked)?;
        let admit = AdmitReplica {
            name: asked.name,
            address: asked.address,
            store_id: asked.store_id,
            client_address: asked.client_address,
            feature_level: asked.feature_level,
            version: asked.version,
        };
        // The leader has checked who asks; the command is its own.
        let answer = told(self.member.proposer.duty(command::Body::AdmitReplica(admit)).await?)?;
        Ok(joined(answer.replica, false))
    }

    fn check_joiner(&self, asked: &JoinCluster) -> Result<(), Refusal> {
        let configured = self
            .member
            .config()
            .is_some_and(|config| config.conf.slurmctld_hosts.iter().any(|controller| controller.name == asked.name));
        if !configured {
            let why = format!("no SlurmctldHost line of the configuration in force names {}", asked.name);
            return Err(Refusal::with(errno::SLURM_ERROR, why));
        }
        self.check_name_is_free(asked)
    }

    /// A second controller under a name that is in use must not put the first one out.
    fn check_name_is_free(&self, asked: &JoinCluster) -> Result<(), Refusal> {
        let holds = |row: &&ReplicaRow| !row.retired && row.name == asked.name && row.store_id != asked.store_id;
        let holder = self.member.core.read(|cluster| cluster.replicas().find(holds).map(|row| row.replica));
        let own = self.member.core.identity.replica;
        if !holder.is_some_and(|replica| replica == own || views::answers(self.member, replica)) {
            return Ok(());
        }
        let name = &asked.name;
        let why = format!("another controller answers as replica {name}: two of one name cannot be admitted");
        Err(Refusal::with(errno::SLURM_ERROR, why))
    }
}

/// Whether it can be a joiner's request at all.
fn check_words(asked: &JoinCluster) -> Result<(), Refusal> {
    let sane = |address: &str| !address.is_empty() && address.len() <= ADDRESS_BYTES_MAX && address.contains(':');
    let words = asked.version.len() <= VERSION_BYTES_MAX && asked.store_id.len() == 16;
    if words && sane(&asked.address) && sane(&asked.client_address) {
        Ok(())
    } else {
        Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR))
    }
}
