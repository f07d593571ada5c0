//! Seeds with devices of all manners under the faults of the seed. What is told about fencing stands in `tests/stories.rs`.

mod seed;

use seed::twice;

const STORMS: [u64; 2] = [2, 4];

#[test]
fn promises_hold_under_faults_where_nodes_are_fenced() {
    for seed in STORMS {
        twice(seed, &["--fencing"]);
    }
}
