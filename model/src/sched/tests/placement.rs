//! Where jobs land.

use crate::sched::testing::{World, told};
use crate::sched::{Limits, plan};

const MAIN_ONLY: Limits = Limits {
    max_jobs_main: 1_000,
    max_jobs_backfill: 0,
    bf_window_s: 86_400,
    bf_resolution_s: 60,
    max_placements: 1_000,
    max_verdicts: 10_000,
    estimates: true,
};

fn planned(world: World) -> Vec<String> {
    let view = world.view();
    told(&view, &plan(&view, &MAIN_ONLY))
}

/// One job alone on the golden site.
fn alone(flags: &str) -> Vec<String> {
    let mut world = World::golden();
    world.job(1, 100, flags);
    planned(world)
}

#[test]
fn tasks_and_processors_are_laid_out_as_slurm_recorded() {
    assert_eq!(alone("-N1 -n1"), ["1: n1:1c1t"]);
    assert_eq!(alone("-N2 -n4"), ["1: n1:3c3t n2:1c1t"]);
    assert_eq!(alone("-N4 -n8"), ["1: n1:4c4t n2:2c2t n3:1c1t n4:1c1t"]);
    assert_eq!(alone("-n2 -c2"), ["1: n1:4c2t"]);
    assert_eq!(alone("-N2 --ntasks-per-node=2 -c2"), ["1: n1:4c2t n2:4c2t"]);
    assert_eq!(alone("-N2 -n5"), ["1: n1:4c4t n2:1c1t"]);
    assert_eq!(alone("-N2 -n5 --exclusive"), ["1: n1:4c3t n2:4c2t"]);
    assert_eq!(alone("-N3 -n7 -O"), ["1: n1:1c3t n2:1c2t n3:1c2t"]);
    assert_eq!(alone("-w n1 -n5"), ["1: n1:4c4t n2:1c1t"]);
    assert_eq!(alone("-N1-3"), ["1: n1:1c1t n2:1c1t n3:1c1t"]);
    assert_eq!(alone("-N2 --exclusive"), ["1: n1:4c4t n2:4c4t"]);
    assert_eq!(alone("-N1 -n6 -O"), ["1: n1:1c6t"]);
    assert_eq!(alone("-C amd"), ["1: n3:1c1t"]);
    assert_eq!(alone("-C slow|fast"), ["1: n1:1c1t"]);
    assert_eq!(alone("-w n2"), ["1: n2:1c1t"]);
    assert_eq!(alone("-w n3,n1"), ["1: n1:1c1t n3:1c1t"]);
    assert_eq!(alone("-x n[1-3]"), ["1: n4:1c1t"]);
    assert_eq!(alone("-n6"), ["1: n1:4c4t n2:2c2t"]);
    assert_eq!(alone("-N1 --mincpus=3"), ["1: n1:3c3t"]);
}

#[test]
fn memory_and_devices_bound_what_a_node_takes() {
    assert_eq!(alone("-n4 --mem-per-cpu=1500"), ["1: n1:2c2t n2:2c2t"]);
    assert_eq!(alone("-n2 --mem=4000"), ["1: n1:2c2t"]);
    assert_eq!(alone("-N1 --mem=4001"), ["1: BadConstraints"]);
    assert_eq!(alone("-N2 --gres=gpu:2"), ["1: n1:1c1t n2:1c1t"]);
    assert_eq!(alone("-N3 --gres=gpu:1"), ["1: BadConstraints"]);
    assert_eq!(alone("--gpus=2 --gres=gpu:1"), ["1: n1:1c1t n2:1c1t"]);
    assert_eq!(alone("--gpus=2 --gres=gpu:2"), ["1: n1:1c1t"]);
    assert_eq!(alone("--gpus=3"), ["1: n1:1c1t n2:1c1t"]);
    assert_eq!(alone("-n3 --gpus-per-task=1"), ["1: n1:2c2t n2:1c1t"]);
}

#[test]
fn a_share_names_its_cores_memory_and_devices() {
    let mut world = World::golden();
    world.runs(9, "n1", 0b0010, 60);
    world.job(1, 100, "-n2 --gres=gpu:1");
    let view = world.view();
    let plan = plan(&view, &MAIN_ONLY);
    let share = &plan.placements[0].allocation.as_ref().unwrap().nodes[0];
    assert_eq!(share.cores.as_ref(), [0b101]);
    assert_eq!((share.cpus, share.mem_mib, share.gres[0].count), (2, 200, 1));
    assert_eq!(share.gres[0].indices.as_ref(), [1]);
}

#[test]
fn exclusive_jobs_need_an_idle_node_and_take_all_of_it() {
    let mut world = World::golden();
    world.runs(9, "n1", 0b0001, 60);
    world.job(1, 100, "-N1 --exclusive");
    let view = world.view();
    let plan = plan(&view, &MAIN_ONLY);
    assert_eq!(told(&view, &plan), ["1: n2:4c4t"]);
    assert_eq!(plan.placements[0].allocation.as_ref().unwrap().nodes[0].gres[0].count, 2);
}

#[test]
fn hardware_threads_come_with_their_core() {
    let conf = "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nNodeName=a CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2 RealMemory=1000";
    let run = |flags: &str| {
        let mut world = World::of(conf, &[]);
        world.job(1, 100, flags);
        planned(world)
    };
    assert_eq!(run("-n1"), ["1: a:2c1t"]);
    assert_eq!(run("-n3"), ["1: a:4c3t"]);
    assert_eq!(run("-n3 --ntasks-per-core=1"), ["1: a:6c3t"]);
    assert_eq!(run("-n3 --threads-per-core=1"), ["1: a:6c3t"]);
    assert_eq!(run("-n2 --ntasks-per-socket=1"), ["1: a:2c2t"]);
    assert_eq!(run("-n3 --ntasks-per-socket=1"), ["1: BadConstraints"]);
}

#[test]
fn sockets_and_whole_nodes_are_units_of_their_own() {
    let node = "NodeName=a CPUs=4 Sockets=2 CoresPerSocket=2 ThreadsPerCore=1 RealMemory=1000";
    let run = |select: &str| {
        let mut world = World::of(&format!("{select}\n{node}"), &[]);
        world.job(1, 100, "-n1");
        planned(world)
    };
    assert_eq!(run("SelectType=select/cons_tres\nSelectTypeParameters=CR_Socket"), ["1: a:2c1t"]);
    assert_eq!(run("SelectType=select/linear"), ["1: a:4c1t"]);
}

#[test]
fn lighter_nodes_go_first_and_loads_level_where_asked() {
    let conf = "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\n\
        NodeName=a CPUs=4 CoresPerSocket=4 Weight=9\nNodeName=b CPUs=4 CoresPerSocket=4 Weight=1";
    let mut world = World::of(conf, &[]);
    world.job(1, 100, "-n1");
    world.job(2, 90, "-n4");
    assert_eq!(planned(world), ["1: b:1c1t", "2: a:4c4t"]);

    let mut world = World::of(super::super::testing::GOLDEN, &["level Nodes=ALL LLN=YES"]);
    world.runs(9, "n1", 1, 60);
    for uid in 1..=3 {
        world.job(uid, 100, "-n1 -p level");
    }
    assert_eq!(planned(world), ["1: n2:1c1t", "2: n3:1c1t", "3: n4:1c1t"]);
}

#[test]
fn array_tasks_start_one_by_one_up_to_their_limit() {
    let mut world = World::golden();
    world.array(1, 100, "-N1 -n2", 6, 2);
    assert_eq!(planned(world), ["1_1: n1:2c2t", "1_2: n1:2c2t", "1: JobArrayTaskLimit"]);

    let mut world = World::golden();
    world.array(1, 100, "-N1 -n4", 6, u32::MAX);
    let lines = planned(world);
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[4], "1: Resources");
}

#[test]
fn a_job_tries_each_of_its_partitions() {
    let mut world =
        World::of(super::super::testing::GOLDEN, &["down Nodes=n4 State=DOWN", "short Nodes=n[1-2] MaxTime=1800"]);
    world.job(1, 100, "-t 3600 -p down,short,debug");
    world.job(2, 100, "-t 600 -p short,debug");
    assert_eq!(planned(world), ["1: n1:1c1t", "2: n1:1c1t"]);
}

#[test]
fn a_higher_tier_goes_first_whatever_the_priority() {
    let mut world = World::of(super::super::testing::GOLDEN, &["top Nodes=n1 Tier=10"]);
    world.job(1, 900, "-N1 -n4 -w n1");
    world.job(2, 1, "-N1 -n4 -p top");
    assert_eq!(planned(world), ["2: n1:4c4t", "1: Resources"]);
}

#[test]
fn a_node_of_one_user_takes_no_other() {
    let mut world = World::golden();
    world.job(1, 100, "-n1 --exclusive=user --user=7");
    world.job(2, 90, "-n1 --user=8");
    world.job(3, 80, "-n1 --user=7");
    assert_eq!(planned(world), ["1: n1:1c1t", "2: n2:1c1t", "3: n1:1c1t"]);
}

#[test]
fn a_partition_uses_no_more_processors_of_a_node_than_it_may() {
    let mut world = World::of(super::super::testing::GOLDEN, &["thin Nodes=n[1-2] MaxCPUsPerNode=2"]);
    for uid in 1..=3 {
        world.job(uid, 100, "-n1 -p thin");
    }
    world.job(4, 90, "-n2 -p debug");
    assert_eq!(planned(world), ["1: n1:1c1t", "2: n1:1c1t", "3: n2:1c1t", "4: n1:2c2t"]);
}
