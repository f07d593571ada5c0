//! Seeds that once showed something: a bug of the cluster's, one of the simulation's, or one put back on purpose. They stay.

use muster_chaos_tests::sim::{Shape, run};

/// A seed, the controllers of its run, and what it showed.
const SEEDS: [(u64, usize, &str); 9] = [
    (1, 1, "a lone voter lost its quorum as soon as nothing happened"),
    (2, 3, "the share of a lost node, freed without proof, is given away"),
    (5, 3, "a step given up when noded restarts completes its job"),
    (7, 3, "a request id forgotten under a leader whose answers are lost"),
    (8, 3, "a launch repeated by the next leader starts twice"),
    (11, 3, "an attempt beside one that lives on a lost node"),
    (5, 1, "a held job whose user was never told of it"),
    (1005, 3, "the same, after four elections"),
    (3, 5, "five voters with one-way partitions"),
];

#[test]
fn seeds_that_once_showed_something_keep_all_promises() {
    for (seed, replicas, what) in SEEDS {
        let report = run(seed, &Shape { replicas, ..Shape::default() }, false);
        let replay = format!("cargo run --profile sim -p muster-chaos-tests --bin sim -- --replicas {replicas} {seed}");
        let broken = report.breaches.join("\n  ");
        assert!(report.breaches.is_empty(), "{what}:\n  {broken}\nreplay with a trace:\n  {replay}");
    }
}

/// The same, of runs in which the cluster itself changes.
const CHANGES: [(u64, &str); 5] = [
    (1, "a leader that ended for its stalled disk, and two spares that came and went"),
    (2, "a replica that was removed after its line was gone never heard of it"),
    (4, "nobody rested while a removed replica went on"),
    (3_089_065_057, "a clock a year ahead, put right while the others were asked about it"),
    (4_147_671_086, "a job that its user let go in the moment in which its node was lost waits for its delay"),
];

#[test]
fn changing_clusters_that_once_showed_something_keep_all_promises() {
    for (seed, what) in CHANGES {
        let report = run(seed, &Shape { changes: true, ..Shape::default() }, false);
        let replay = format!("cargo run --profile sim -p muster-chaos-tests --bin sim -- --changes {seed}");
        let broken = report.breaches.join("\n  ");
        assert!(report.breaches.is_empty(), "{what}:\n  {broken}\nreplay with a trace:\n  {replay}");
    }
}
