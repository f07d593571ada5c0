//! The named stories of the simulation, each twice, in processes of its own. A story that breaks a promise, or does not come
//! to what it is about, fails.

mod seed;

use muster_chaos_tests::sim::STORIES;
use seed::{STORY, twice_with};

/// Tests that share them, so that they use all cores.
const PARTS: usize = 4;

#[test]
fn stories_are_told_part_1() {
    tell_part(0);
}

#[test]
fn stories_are_told_part_2() {
    tell_part(1);
}

#[test]
fn stories_are_told_part_3() {
    tell_part(2);
}

#[test]
fn stories_are_told_part_4() {
    tell_part(3);
}

fn tell_part(part: usize) {
    for story in STORIES.iter().skip(part).step_by(PARTS) {
        println!("{}", story.name);
        twice_with(&[STORY, story.name]);
    }
}
