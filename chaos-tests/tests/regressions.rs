//! Seeds that once showed something: a bug of the cluster's, one of the simulation's, or one put back on purpose. They stay.

use muster_chaos_tests::sim::{Shape, run};

/// A seed, the controllers of its run, and what it showed.
const SEEDS: [(u64, usize, &str); 12] = [
    (1, 1, "a lone voter lost its quorum as soon as nothing happened"),
    (2, 3, "the share of a lost node, freed without proof, is given away"),
    (5, 3, "a step given up when noded restarts completes its job"),
    (7, 3, "a request id forgotten under a leader whose answers are lost"),
    (8, 3, "a launch repeated by the next leader starts twice"),
    (11, 3, "an attempt beside one that lives on a lost node"),
    (5, 1, "a held job whose user was never told of it"),
    (1005, 3, "the same, after four elections"),
    (3_089_065_052, 3, "a leader whose connections hung since a partition was followed by nobody for two seconds"),
    (7_037, 3, "a script that its time limit ended, of a user who was never told of the job"),
    (7_081, 3, "the same, begun while all controllers died"),
    (3, 5, "five voters with one-way partitions"),
];

#[test]
fn seeds_that_once_showed_something_keep_all_promises() {
    for (seed, replicas, what) in SEEDS {
        check(seed, &Shape { replicas, ..Shape::default() }, &format!("--replicas {replicas} {seed}"), what);
    }
}

/// The same, of runs in which the cluster itself changes.
const CHANGES: [(u64, &str); 8] = [
    (1, "a leader that ended for its stalled disk, and two spares that came and went"),
    (2, "a replica that was removed after its line was gone never heard of it"),
    (4, "nobody rested while a removed replica went on"),
    (7_002, "a time limit that passed early, in the cluster time of a leader whose clock was ahead"),
    (7_032, "a removed replica asked for votes with a token that was still good, and never heard that it was removed"),
    (2_848_715_582, "a crash between the leader's vote and the watermark, which named the candidate that had lost"),
    (3_089_065_057, "a clock a year ahead, put right while the others were asked about it"),
    (4_147_671_086, "a job that its user let go in the moment in which its node was lost waits for its delay"),
];

#[test]
fn changing_clusters_that_once_showed_something_keep_all_promises() {
    for (seed, what) in CHANGES {
        check(seed, &Shape { changes: true, ..Shape::default() }, &format!("--changes {seed}"), what);
    }
}

/// The same, of runs in which nodes can be fenced.
const FENCING: [(u64, &str); 1] =
    [(1_438_433_965, "an array of 7 s a task, one after the other, behind a long queue: that is no fault")];

#[test]
fn fenced_clusters_that_once_showed_something_keep_all_promises() {
    for (seed, what) in FENCING {
        check(seed, &Shape { fencing: true, ..Shape::default() }, &format!("--fencing {seed}"), what);
    }
}

/// `words`: the arguments that replay it.
fn check(seed: u64, shape: &Shape, words: &str, what: &str) {
    let report = run(seed, shape, false);
    let broken = report.breaches.join("\n  ");
    let replay = format!("cargo run --profile sim -p muster-chaos-tests --bin sim -- {words}");
    assert!(report.breaches.is_empty(), "{what}:\n  {broken}\nreplay with a trace:\n  {replay}");
}
