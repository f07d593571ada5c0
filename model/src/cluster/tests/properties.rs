//! Whatever is proposed, in whatever order: invariants hold, and equal logs make equal states.

use proptest::prelude::*;

use super::moves::{moves, play};
use crate::cluster::testing::*;
use crate::cluster::*;

/// Before what all sites have that can fence; the first cannot.
const FENCES: [&str; 4] = ["", "FenceAuto=yes\n", "ProofOfDeath=lease LeaseSec=60\n", "ProofOfDeath=timeout\n"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// `Scene` checks every invariant after each command; with fence.conf and without, for each proof.
    #[test]
    fn invariants_hold_and_equal_logs_make_equal_states(moves in proptest::collection::vec(moves(), 1..160), fence in 0..FENCES.len()) {
        let conf = CONF.replace("ReturnToService=1", "ReturnToService=2");
        let mut scene = match FENCES[fence] {
            "" => Scene::up_with(&conf),
            fence => Scene::up_fenced(&conf, &format!("{fence}{FENCE}")),
        };
        for a_move in &moves {
            play(&mut scene, a_move);
        }
        let digest = scene.cluster.digest();
        prop_assert_eq!(scene.replayed().digest(), digest, "replay is not the live state");
        let reloaded = scene.reloaded();
        prop_assert_eq!(reloaded.digest(), digest, "what was stored is not the live state");
        prop_assert_eq!(reloaded.check(), vec![]);
        prop_assert!(reloaded.index == scene.cluster.index);
        prop_assert!(reloaded.nodes == scene.cluster.nodes);
        prop_assert!(reloaded.jobs == scene.cluster.jobs);
    }
}

#[test]
fn a_snapshot_installs_with_its_history_and_one_that_lacks_some_is_refused() {
    let mut scene = Scene::up();
    let uid = scene.run(batch(), &[(0, 1)]);
    scene.exit(uid, 0, BATCH, 0);
    scene.released(uid, 0);
    let other = scene.submit(batch());
    scene.cancel(ALICE, 2);
    assert!(scene.job(other).is_over());
    let install = |skip: usize| {
        let mut cluster = Cluster::new();
        let history = scene.disk.keys().filter(|(table, _)| *table == Table::History);
        let skipped: Vec<_> = history.take(skip).cloned().collect();
        for ((table, key), value) in scene.disk.iter().filter(|(key, _)| !skipped.contains(key)) {
            cluster.load(Row { table: *table, key: key.clone(), value: Some(value.clone()) }).unwrap();
        }
        cluster.loaded().map(|()| cluster.digest())
    };
    assert_eq!(install(0), Ok(scene.cluster.digest()));
    assert!(install(1).is_err());
}

#[test]
fn a_command_of_a_newer_version_halts() {
    let mut scene = Scene::up();
    let unknown = muster_proto::durable::Command::default();
    assert!(matches!(scene.apply(unknown), Outcome::Halt(_)));
}
