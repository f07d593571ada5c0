//! What a node says as it opens its session.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod support;

use muster_proto::wire::{HeldConfig, Hello};
use support::*;

async fn hello(leader: &mut Leader) -> Hello {
    tokio::time::timeout(PATIENCE, leader.hellos.recv()).await.expect("a hello in time").unwrap()
}

#[tokio::test]
async fn a_node_names_the_configuration_that_it_holds_also_after_a_restart() {
    let place = Place::new();
    let mut leader = Leader::start().await;
    let node = place.start(&leader).await;
    let first = hello(&mut leader).await;
    assert_eq!((first.held_config, first.registration.unwrap().config_version), (None, 0));
    // A slurm.conf of another hash is told in a session of its own.
    let options =
        muster_model::agent::AgentOptions { kill_wait_s: 1, over_time_limit_s: 0, prolog: true, epilog: false };
    leader.inventories.recv().await.unwrap();
    node.noded.reconfigure(options, 77);
    let authority = authority(1);
    let (cluster_id, generation) = (authority.cluster_id, authority.generation);
    let held = Some(HeldConfig { cluster_id, generation, version: CONFIG_VERSION });
    let second = hello(&mut leader).await;
    assert_eq!((second.held_config, second.registration.unwrap().config_version), (held.clone(), CONFIG_VERSION));
    node.stop().await;
    let node = place.start(&leader).await;
    assert_eq!(hello(&mut leader).await.held_config, held);
    node.stop().await;
}
