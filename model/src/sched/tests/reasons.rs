//! What is told of jobs that wait, in Slurm's words.

use muster_dialect::state::Reason;

use crate::sched::testing::{GOLDEN, NOW_MS, World, told};
use crate::sched::view::DependsOn;
use crate::sched::{Limits, plan};

fn planned(world: World) -> Vec<String> {
    let view = world.view();
    told(&view, &plan(&view, &Limits { max_jobs_backfill: 0, ..Limits::default() }))
}

fn alone(flags: &str) -> Vec<String> {
    let mut world = World::of(
        GOLDEN,
        &[
            "down Nodes=n4 State=DOWN",
            "off Nodes=n4 State=INACTIVE",
            "short Nodes=n[1-2] MaxTime=1800",
            "acct Nodes=n1 AllowAccounts=physics",
        ],
    );
    world.job(1, 100, flags);
    planned(world)
}

#[test]
fn the_first_to_wait_waits_for_resources_and_the_rest_for_their_turn() {
    let mut world = World::golden();
    world.runs(9, "n1", 1, 60);
    world.job(1, 100, "-N4 -n16");
    world.job(2, 90, "-n1");
    world.job(3, 80, "-n1");
    assert_eq!(planned(world), ["1: Resources", "2: Priority", "3: Priority"]);
}

#[test]
fn what_holds_a_job_itself_is_told_but_a_hold_has_told_already() {
    let mut world = World::golden();
    world.job(1, 100, "").held = true;
    world.job(3, 80, "").depends_on = DependsOn::Waits;
    world.job(4, 70, "").depends_on = DependsOn::Never;
    world.job(5, 60, "").begin_ms = NOW_MS + 1;
    world.array(6, 50, "", 3, 0);
    let reasons = ["3: Dependency", "4: DependencyNeverSatisfied", "5: BeginTime", "6: JobArrayTaskLimit"];
    assert_eq!(planned(world), reasons);
}

#[test]
fn limits_of_partitions_are_told() {
    assert_eq!(alone("-p down"), ["1: PartitionDown"]);
    assert_eq!(alone("-p off"), ["1: PartitionInactive"]);
    assert_eq!(alone("-p short -t 3600"), ["1: PartitionTimeLimit"]);
    assert_eq!(alone("-N9"), ["1: PartitionNodeLimit"]);
    assert_eq!(alone("-N1 -n99"), ["1: PartitionConfig"]);
    assert_eq!(alone("-p acct --account=test"), ["1: AccountNotAllowed"]);
    assert_eq!(alone("-C [a*2]"), ["1: BadConstraints"]);
    assert_eq!(alone("-L matlab:9"), ["1: Licenses"]);
}

#[test]
fn nodes_that_are_down_are_named() {
    let mut world = World::golden();
    world.down("n1");
    world.job(1, 100, "-w n1");
    world.job(2, 90, "-N4");
    world.job(3, 80, "-n1");
    let down = "2: Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions";
    assert_eq!(planned(world), ["3: n2:1c1t", "1: ReqNodeNotAvail, UnavailableNodes:n1", down]);

    let mut world = World::golden();
    world.down("n1");
    world.job(1, 100, "-N2 -C fast");
    assert_eq!(planned(world), ["1: ReqNodeNotAvail, UnavailableNodes:n1"]);

    let mut world = World::golden();
    (1..=4).for_each(|n| world.down(&format!("n{n}")));
    world.job(1, 100, "-n1");
    assert_eq!(planned(world), ["1: ReqNodeNotAvail, UnavailableNodes:n[1-4]"]);
}

#[test]
fn a_job_that_waits_for_its_nodes_leaves_others_theirs() {
    let mut world = World::golden();
    world.runs(9, "n1", 0b1111, 60);
    world.job(1, 100, "-w n1");
    world.job(2, 90, "-n1");
    assert_eq!(planned(world), ["2: n2:1c1t", "1: Resources"]);
}

#[test]
fn licences_are_held_by_who_runs() {
    let mut world = World::golden();
    world.job(1, 100, "-L ansys:2");
    world.job(2, 90, "-L ansys");
    world.job(3, 80, "");
    assert_eq!(planned(world), ["1: n1:1c1t", "3: n1:1c1t", "2: Licenses"]);
}

#[test]
fn what_the_row_says_already_is_not_said_again() {
    let mut world = World::golden();
    world.job(1, 100, "").depends_on = DependsOn::Waits;
    world.view.jobs[0].shown.reason = u32::from(Reason::Dependency.code());
    assert_eq!(planned(world), Vec::<String>::new());
}
