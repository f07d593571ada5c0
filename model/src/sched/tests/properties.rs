//! What must hold of every plan, against a naive model: time goes on, jobs end at their limits, cores are counted one by one.

use proptest::prelude::*;

use crate::sched::testing::{NOW_MS, World, check_no_overcommit};
use crate::sched::view::{Running, View};
use crate::sched::{Limits, plan};

const SITE: &str = "SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nGresTypes=gpu\nDefMemPerCPU=100\n\
    NodeName=a[1-2] CPUs=4 CoresPerSocket=4 RealMemory=1000 Gres=gpu:2 Features=x\n\
    NodeName=b1 CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2 RealMemory=2000 Weight=2\n\
    NodeName=c[1-2] CPUs=2 CoresPerSocket=2 RealMemory=500";

const NODES: [(&str, u8); 5] = [("a1", 15), ("a2", 15), ("b1", 15), ("c1", 3), ("c2", 3)];

pub(super) fn flags() -> impl Strategy<Value = String> {
    let nodes = prop_oneof![Just(String::new()), (1u32..4).prop_map(|n| format!("-N{n}")), Just("-N1-3".to_string())];
    let extra = prop_oneof![
        4 => Just(""),
        1 => Just("--exclusive"),
        1 => Just("--gres=gpu:1"),
        1 => Just("-C x"),
        1 => Just("--mem=900"),
        1 => Just("--mem-per-cpu=240"),
        1 => Just("-w a2"),
        1 => Just("--ntasks-per-node=2"),
        1 => Just("--gpus=3"),
        1 => Just("--exclusive=user"),
        1 => Just("-p all,debug"),
    ];
    (nodes, 1u32..10, 1u32..3, 1u32..40, extra).prop_map(|(nodes, tasks, cpus, minutes, extra)| {
        format!("{nodes} -n{tasks} -c{cpus} -t {} {extra} --user={}", minutes * 60, tasks % 3)
    })
}

prop_compose! {
    fn world()(
        running in prop::collection::vec((0usize..5, 0u8..16, 1u64..3_600), 0..6),
        jobs in prop::collection::vec((flags(), 0u32..5), 1..14),
        down in prop::option::of(0usize..5),
        arrays in any::<bool>(),
    ) -> View {
        let mut world = World::of(SITE, &["all Nodes=ALL Tier=2"]);
        let mut taken = [0u8; 5];
        for (uid, (node, cores, end_s)) in (100..).zip(running) {
            let cores = cores & NODES[node].1 & !taken[node];
            if cores != 0 {
                taken[node] |= cores;
                world.runs(uid, NODES[node].0, cores, end_s);
            }
        }
        if let Some(down) = down {
            world.down(NODES[down].0);
        }
        for (uid, (flags, priority)) in (1..).zip(jobs) {
            if arrays && uid % 4 == 0 {
                world.array(uid, priority, &flags, 3, 2);
            } else {
                world.job(uid, priority, &flags);
            }
        }
        world.view()
    }
}

/// The view at `now_ms`, when `plan` was carried out and all who were over have left.
fn later(view: &View, plan: &muster_proto::durable::CommitPlan, now_ms: u64) -> View {
    let mut next = view.clone();
    for placement in &plan.placements {
        let at = next.jobs.iter().position(|job| job.uid == placement.uid).unwrap();
        let shape = next.shapes[next.jobs[at].shape as usize].clone();
        let shares = placement.allocation.as_ref().unwrap().nodes.iter().map(|share| {
            let slot = next.site.slot_of(share.node).unwrap();
            next.free[slot as usize].take(share);
            (slot, share.clone())
        });
        let running = Running {
            uid: placement.uid,
            user: shape.user,
            user_exclusive: shape.request.sharing() == muster_proto::durable::Sharing::User,
            partition: placement.allocation.as_ref().unwrap().partition.clone(),
            end_ms: view.now_ms + u64::from(shape.time_limit_s.unwrap()) * 1_000,
            shares: shares.collect(),
            licences: Vec::new(),
        };
        next.running.push(running);
        if next.jobs[at].tasks.is_none() {
            next.jobs.remove(at);
        }
    }
    next.now_ms = now_ms;
    next.running.retain(|job| job.end_ms > now_ms);
    for slot in 0..next.free.len() {
        let shares = next.running.iter().flat_map(|job| &job.shares).filter(|(at, _)| *at as usize == slot);
        let total = &next.site.class(slot as u32).total;
        next.free[slot] = crate::cluster::resources::NodeFree::beside(total, shares.map(|(_, share)| share));
    }
    next
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_promised_twice_and_nothing_on_nodes_that_are_not_usable(view in world()) {
        let plan = plan(&view, &Limits::default());
        prop_assert_eq!(check_no_overcommit(&view, &plan).err(), None);
    }

    #[test]
    fn every_placement_is_what_was_asked_for(view in world()) {
        let plan = plan(&view, &Limits::default());
        for placement in &plan.placements {
            let job = view.jobs.iter().find(|job| job.uid == placement.uid).unwrap();
            let request = &view.shapes[job.shape as usize].request;
            let nodes = &placement.allocation.as_ref().unwrap().nodes;
            prop_assert!(nodes.len() as u32 >= request.min_nodes);
            prop_assert!(request.max_nodes == 0 || nodes.len() as u32 <= request.max_nodes);
            prop_assert!(nodes.iter().map(|share| share.tasks).sum::<u32>() >= request.ntasks);
            prop_assert!(nodes.iter().all(|share| share.cpus >= share.tasks * request.cpus_per_task));
            prop_assert!(nodes.windows(2).all(|pair| pair[0].node < pair[1].node));
        }
    }

    #[test]
    fn the_same_view_gives_the_same_plan(view in world()) {
        prop_assert_eq!(plan(&view, &Limits::default()), plan(&view.clone(), &Limits::default()));
    }

    #[test]
    fn who_comes_later_changes_nothing_for_who_comes_first(view in world()) {
        let full = plan(&view, &Limits::default());
        let order = crate::sched::order::order(&view);
        let first_try = |job: usize| order.iter().position(|one| one.job == job);
        let last = (0..view.jobs.len()).max_by_key(|job| first_try(*job)).unwrap();
        let mut without = view.clone();
        let uid = without.jobs.remove(last).uid;
        let plan = plan(&without, &Limits::default());
        let others = |plan: &muster_proto::durable::CommitPlan| {
            plan.verdicts.iter().filter(|v| v.uid != uid).cloned().collect::<Vec<_>>()
        };
        prop_assert_eq!(others(&full), others(&plan));
    }

    #[test]
    fn the_first_to_wait_starts_no_later_than_it_was_promised(view in world()) {
        let limits = Limits::default();
        let first = crate::sched::order::order(&view).first().map(|one| view.jobs[one.job].uid).unwrap();
        let mut now = view.clone();
        let promised = plan(&view, &limits).verdicts.iter().find(|v| v.uid == first).map_or(0, |v| v.estimated_start_ms);
        if promised == 0 {
            return Ok(());
        }
        for _ in 0..200 {
            let next = plan(&now, &limits);
            if next.placements.iter().any(|p| p.uid == first) {
                return Ok(());
            }
            prop_assert!(now.now_ms < promised, "job {} promised for +{} s", first, (promised - NOW_MS) / 1_000);
            let started = later(&now, &next, now.now_ms);
            let end_ms = started.running.iter().map(|job| job.end_ms).min().unwrap();
            now = later(&started, &muster_proto::durable::CommitPlan::default(), end_ms);
        }
    }
}
