//! A controller with an empty store asks to become a replica.

use muster_dialect::errno;
use muster_proto::durable::{AdmitReplica, command};
use muster_proto::wire::{JoinCluster, Joined, reply};

use super::mutation::told;
use super::{Answered, At, Refusal};

/// Longest address, bytes: a DNS name and a port.
const ADDRESS_BYTES_MAX: usize = 300;

impl At<'_> {
    /// Admits it, under an id that the log mints; the leader's membership duty does the rest.
    pub(super) async fn join(&self, asked: JoinCluster) -> Answered {
        self.caller.require_admin()?;
        if self.caller.sender != format!("replica:{}", asked.name) {
            return Err(Refusal::slurm(errno::ESLURM_AUTH_CRED_INVALID));
        }
        self.require_leader()?;
        self.check_joiner(&asked)?;
        let admit = AdmitReplica {
            name: asked.name,
            address: asked.address,
            store_id: asked.store_id,
            client_address: asked.client_address,
        };
        // The leader has checked who asks; the command is its own.
        let answer = told(self.member.proposer.duty(command::Body::AdmitReplica(admit)).await?)?;
        let identity = &self.member.core.identity;
        Ok(reply::Body::Joined(Joined {
            replica: answer.replica,
            cluster_id: identity.cluster_id.to_vec().into(),
            generation: identity.generation,
        }))
    }

    fn check_joiner(&self, asked: &JoinCluster) -> Result<(), Refusal> {
        let sane = |address: &str| !address.is_empty() && address.len() <= ADDRESS_BYTES_MAX && address.contains(':');
        if asked.store_id.len() != 16 || !sane(&asked.address) || !sane(&asked.client_address) {
            return Err(Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR));
        }
        let configured = self
            .member
            .config()
            .is_some_and(|config| config.conf.slurmctld_hosts.iter().any(|controller| controller.name == asked.name));
        if !configured {
            let why = format!("no SlurmctldHost line of the configuration in force names {}", asked.name);
            return Err(Refusal::with(errno::SLURM_ERROR, why));
        }
        Ok(())
    }
}
