//! `muster init`.

use muster_proto::wire::{InitCluster, request};

use super::{client, until_told};
use crate::sim::site::SLURM_UID;
use crate::sim::world::World;

/// Founds the cluster at the first controller; the others ask to be admitted by themselves.
pub(super) async fn found(world: &World) {
    let first = world.shape.client_doors()[..1].to_vec();
    let founder = client(world, SLURM_UID, "init", first);
    let told = until_told(&founder, request::Body::InitCluster(InitCluster::default())).await;
    world.trace.event(&format!("founded: {}", told.map_or_else(|why| why, |_| "yes".to_owned())));
}
