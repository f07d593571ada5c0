//! Later jobs start early only where nobody before them is delayed.

use crate::sched::testing::{World, told};
use crate::sched::{Limits, plan};

fn planned(world: World) -> Vec<String> {
    let view = world.view();
    told(&view, &plan(&view, &Limits::default()))
}

/// n1 is full for 1,000 s; job 1 wants all four nodes then.
fn one_waits() -> World {
    let mut world = World::golden();
    world.runs(9, "n1", 0b1111, 1_000);
    world.job(1, 100, "-N4 -n16 -t 600");
    world
}

#[test]
fn a_job_that_ends_in_time_starts_early() {
    let mut world = one_waits();
    world.job(2, 90, "-N1 -n4 -t 1000");
    assert_eq!(planned(world), ["2: n2:4c4t backfill", "1: Resources +1000s n[1-4]"]);
}

#[test]
fn a_job_that_would_delay_another_waits_and_is_told_until_when() {
    let mut world = one_waits();
    world.job(2, 90, "-N1 -n4 -t 1001");
    assert_eq!(planned(world), ["1: Resources +1000s n[1-4]", "2: Priority +1600s n1"]);
}

#[test]
fn every_reservation_counts_and_not_only_the_first() {
    let mut world = one_waits();
    world.job(2, 90, "-N2 -n8 -t 300");
    world.job(3, 80, "-N3 -n12 -t 600");
    world.job(4, 70, "-N1 -n4 -t 900");
    let plan = [
        "2: n2:4c4t n3:4c4t backfill",
        "1: Resources +1000s n[1-4]",
        "3: Priority +300s n[2-4]",
        "4: Priority +1600s n1",
    ];
    assert_eq!(planned(world), plan);
}

#[test]
fn a_reservation_takes_cores_and_not_the_whole_node() {
    let mut world = World::golden();
    world.runs(9, "n1", 0b0001, 1_000);
    world.job(1, 100, "-N1 -w n1 -n4 -t 600");
    world.job(2, 90, "-N1 -w n1 -n2 -t 900");
    world.job(3, 80, "-N1 -w n1 -n1 -t 9000");
    assert_eq!(planned(world), ["2: n1:2c2t backfill", "1: Resources +1000s n1", "3: Priority +1600s n1"]);
}

#[test]
fn beyond_the_window_there_is_an_estimate_and_no_reservation() {
    let mut world = World::golden();
    world.runs(9, "n1", 0b1111, 365 * 86_400);
    world.job(1, 100, "-N4 -n16");
    world.job(2, 90, "-N1 -n4");
    let plan = planned(world);
    assert_eq!(plan, ["2: n2:4c4t backfill", "1: Resources +31536000s n[1-4]"]);
}

#[test]
fn licences_come_back_too() {
    let mut world = World::golden();
    world.runs(9, "n1", 0b0001, 500);
    world.view.running[0].licences = crate::sched::testing::licences("ansys:2");
    world.view.licences.take(&crate::sched::testing::licences("ansys:2"));
    world.job(1, 100, "-L ansys -t 60");
    assert_eq!(planned(world), ["1: Licenses +500s n1"]);
}

#[test]
fn array_tasks_fill_the_gap() {
    let mut world = one_waits();
    world.array(2, 90, "-N1 -n4 -t 600", 5, u32::MAX);
    let plan = planned(world);
    assert_eq!(plan[..3], ["2_1: n2:4c4t backfill", "2_2: n3:4c4t backfill", "2_3: n4:4c4t backfill"]);
    assert_eq!(plan[3..], ["1: Resources +1000s n[1-4]", "2: Priority +1600s n1"]);
}

#[test]
fn an_estimate_that_hardly_moved_is_not_told_again() {
    let mut world = one_waits();
    let first = { plan(&one_waits().view(), &Limits::default()).verdicts.remove(0) };
    let shown = &mut world.view.jobs[0].shown;
    shown.reason = first.reason;
    shown.estimated_start_ms = first.estimated_start_ms + 5_000;
    shown.estimated_nodes = first.estimated_nodes;
    assert_eq!(planned(world), Vec::<String>::new());
}
