//! `muster init`: a cluster is founded once, explicitly, on one controller.

use std::sync::Arc;

use muster_dialect::errno;
use muster_proto::durable::{AdmitReplica, Batch, ConfigFiles, FoundCluster, command};
use muster_proto::wire::{InitCluster, Joined, reply};
use muster_raft_store::Identity;

use super::mutation::told;
use super::reconfigure::check;
use super::{Answered, Caller, Refusal};
use crate::enter::enter;
use crate::joining::VERSION;
use crate::member::Member;
use crate::propose::leaders;
use crate::seat::Seat;

/// The founder's replica id: the first that the log mints.
const FOUNDER: u64 = 1;
/// A cluster begins with this generation; forced recovery raises it.
const FIRST_GENERATION: u64 = 1;

/// Founds the cluster here. A repeat of the same request answers the same.
pub(super) async fn found(seat: &Arc<Seat>, caller: &Caller, asked: InitCluster) -> Answered {
    caller.require_admin()?;
    let _becoming = seat.becoming.lock().await;
    let cluster_id = wanted_id(caller, &asked)?;
    if let Some(member) = seat.member() {
        // An earlier try may have been cut short between its two steps.
        if member.core.identity.cluster_id == cluster_id || !founded(&member) {
            finish(seat, &member, asked).await?;
            return Ok(joined(&member));
        }
        return Err(Refusal::with(errno::ESLURM_ALREADY_DONE, "this controller belongs to a cluster already"));
    }
    check(&files(seat, &asked), seat.cluster())?;
    let identity = Identity {
        cluster_id,
        generation: FIRST_GENERATION,
        replica: FOUNDER,
        store_id: seat.store_id,
        name: seat.name().to_owned(),
    };
    let member = enter(seat, identity).await.map_err(|why| Refusal::with(errno::SLURM_ERROR, why.to_string()))?;
    finish(seat, &member, asked).await?;
    seat.seat_member(member.clone());
    Ok(joined(&member))
}

/// The id that the client minted, or that of its request, which is kept when it is repeated.
fn wanted_id(caller: &Caller, asked: &InitCluster) -> Result<[u8; 16], Refusal> {
    let bytes = if asked.cluster_id.is_empty() { caller.request_id() } else { &asked.cluster_id[..] };
    bytes.try_into().map_err(|_| Refusal::slurm(errno::SLURM_UNEXPECTED_MSG_ERROR))
}

fn files(seat: &Seat, asked: &InitCluster) -> ConfigFiles {
    let given = asked.files.clone().filter(|files| !files.files.is_empty());
    given.unwrap_or_else(|| seat.settings.files.clone())
}

fn founded(member: &Member) -> bool {
    member.core.read(|cluster| cluster.is_founded())
}

/// Raft's first member, and the state's first commands: the cluster with its configuration, and this replica in it.
async fn finish(seat: &Arc<Seat>, member: &Arc<Member>, asked: InitCluster) -> Result<(), Refusal> {
    if founded(member) {
        return Ok(());
    }
    let identity = &member.core.identity;
    let level = seat.settings.feature_level();
    let found = FoundCluster {
        cluster_id: identity.cluster_id.to_vec().into(),
        cluster_name: seat.cluster().to_owned(),
        generation: identity.generation,
        config: Some(files(seat, &asked)),
        feature_level: level,
    };
    let admit = AdmitReplica {
        name: identity.name.clone(),
        address: seat.replica_address.clone(),
        store_id: identity.store_id.to_vec().into(),
        client_address: seat.client_address.clone(),
        feature_level: level,
        version: VERSION.to_owned(),
    };
    let first = Batch {
        stamp_ms: (seat.outside.wall_ms)(),
        feature_level: level,
        generation: identity.generation,
        commands: vec![leaders(command::Body::FoundCluster(found)), leaders(command::Body::AdmitReplica(admit))],
    };
    let proposed = member.core.replica.found(first, seat.replica_address.clone()).await?;
    let mut replica = 0;
    for outcome in proposed.outcomes {
        replica = told(outcome)?.replica;
    }
    if replica != identity.replica {
        let why = format!("the founder became replica {replica} instead of {}", identity.replica);
        return Err(Refusal::with(errno::ESLURM_INTERNAL, why));
    }
    Ok(())
}

fn joined(member: &Member) -> reply::Body {
    let identity = &member.core.identity;
    reply::Body::Joined(Joined {
        replica: identity.replica,
        cluster_id: identity.cluster_id.to_vec().into(),
        generation: identity.generation,
        retired: false,
    })
}
