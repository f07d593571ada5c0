//! Plans meet the state machine: what is planned is accepted, and nothing is said twice.

use muster_proto::durable::{
    Batch, BlobRef, Channel, Command, ConfigFile, ConfigFiles, FoundCluster, Hardware, JobKind, JobSpec, Origin,
    RegisterNode, RequestKey, SubmitJob, command::Body,
};
use proptest::prelude::*;

use super::properties::flags;
use crate::cluster::{Changes, Cluster, Outcome};
use crate::sched::testing::shape;
use crate::sched::{Infeasible, Limits, Site, View, feasible, plan};

const CONF: &str = "ClusterName=base\nSlurmctldHost=vm\nStateSaveLocation=/var/spool/muster\n\
    SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\nGresTypes=gpu\nDefMemPerCPU=100\n\
    NodeName=a[1-2] CPUs=4 CoresPerSocket=4 RealMemory=1000 Gres=gpu:2 Features=x\n\
    NodeName=b1 CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2 RealMemory=2000 Weight=2\n\
    NodeName=c[1-2] CPUs=2 CoresPerSocket=2 RealMemory=500\n\
    PartitionName=debug Nodes=ALL Default=YES\nPartitionName=all Nodes=ALL PriorityTier=2\n";

/// (name, sockets, cores, threads, memory) in the order of the configuration.
const MACHINES: [(&str, u32, u32, u32, u64); 5] =
    [("a1", 1, 4, 1, 1000), ("a2", 1, 4, 1, 1000), ("b1", 2, 2, 2, 2000), ("c1", 1, 2, 1, 500), ("c2", 1, 2, 1, 500)];

struct Scene {
    cluster: Cluster,
    index: u64,
    now_ms: u64,
}

impl Scene {
    fn up() -> Self {
        let mut scene = Self { cluster: Cluster::new(), index: 0, now_ms: 1_000_000 };
        let file = ConfigFile { path: "/etc/slurm/slurm.conf".into(), text: CONF.into() };
        let config = Some(ConfigFiles { files: vec![file] });
        let cluster_id = vec![7; 16].into();
        let found = FoundCluster { cluster_id, cluster_name: "base".into(), generation: 1, config, feature_level: 1 };
        let founded = scene.apply(Channel::Leader, None, Body::FoundCluster(found));
        assert!(matches!(founded, Outcome::Done(_)), "{founded:?}");
        for (at, machine) in (1u8..).zip(MACHINES) {
            let registered = scene.apply(Channel::Node, None, Body::RegisterNode(registration(at, machine)));
            assert!(matches!(registered, Outcome::Done(_)), "{registered:?}");
        }
        scene
    }

    fn apply(&mut self, channel: Channel, request: Option<RequestKey>, body: Body) -> Outcome {
        self.index += 1;
        let origin = Some(Origin { host: "login".into(), channel: channel.into(), ..Origin::default() });
        let commands = vec![Command { origin, request, body: Some(body) }];
        let batch = Batch { stamp_ms: self.now_ms, feature_level: 1, generation: 1, commands };
        self.cluster.apply(self.index, &batch, &mut Changes::default()).remove(0)
    }

    fn submit(&mut self, spec: JobSpec) -> Outcome {
        let id = vec![self.index as u8; 16].into();
        let hash = vec![1; 32].into();
        let key = RequestKey { id, hash, valid_until_ms: self.now_ms + 60_000 };
        let submit = SubmitJob { spec: Some(spec), ..SubmitJob::default() };
        self.apply(Channel::Client, Some(key), Body::SubmitJob(submit))
    }
}

fn registration(at: u8, (name, sockets, cores, threads, memory): (&str, u32, u32, u32, u64)) -> RegisterNode {
    let hardware = Hardware {
        cpus: sockets * cores * threads,
        boards: 1,
        sockets,
        cores_per_socket: cores,
        threads_per_core: threads,
        real_memory_mib: memory,
        gres: if name.starts_with('a') { "gpu:2".into() } else { String::new() },
        ..Hardware::default()
    };
    RegisterNode {
        name: name.into(),
        machine: vec![at; 32].into(),
        boot_id: "boot".into(),
        spool_id: vec![at; 16].into(),
        hardware: Some(hardware),
        address: "127.0.0.1:6818".into(),
        journal_complete: true,
        ..RegisterNode::default()
    }
}

fn spec(flags: &str) -> JobSpec {
    let shape = shape(flags);
    JobSpec {
        kind: JobKind::Alloc.into(),
        name: "job".into(),
        user_name: "root".into(),
        group_name: "root".into(),
        partitions: shape.partitions.join(","),
        time_limit_s: shape.time_limit_s,
        request: Some(shape.request),
        environment: None::<BlobRef>,
        ..JobSpec::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_planned_is_accepted_and_nothing_is_said_twice(jobs in prop::collection::vec(flags(), 1..14)) {
        let mut scene = Scene::up();
        for flags in &jobs {
            scene.submit(spec(flags));
        }
        let first = plan(&View::of(&scene.cluster, scene.index), &Limits::default());
        let placements = first.placements.len() as u32;
        let outcome = scene.apply(Channel::Leader, None, Body::CommitPlan(first));
        prop_assert_eq!(outcome, Outcome::Planned { accepted: placements, refused: Vec::new() });
        // Whose turn it is changes by what has started; after that there is silence.
        let second = plan(&View::of(&scene.cluster, scene.index), &Limits::default());
        prop_assert_eq!(&second.placements, &Vec::new());
        scene.apply(Channel::Leader, None, Body::CommitPlan(second));
        let third = plan(&View::of(&scene.cluster, scene.index), &Limits::default());
        prop_assert_eq!((third.placements, third.verdicts), (Vec::new(), Vec::new()));
        prop_assert!(scene.cluster.check().is_empty());
    }

    #[test]
    fn a_job_alone_starts_if_it_is_feasible(flags in flags()) {
        let mut scene = Scene::up();
        let spec = spec(&flags);
        let possible = feasible(&Site::of(&scene.cluster), &spec);
        if !matches!(scene.submit(spec), Outcome::Done(_)) {
            prop_assert!(possible.is_err(), "{:?}", possible);
            return Ok(());
        }
        let plan = plan(&View::of(&scene.cluster, scene.index), &Limits::default());
        let limited = plan.verdicts.iter().any(|v| v.reason == 12 || v.reason == 11);
        prop_assert_eq!(plan.placements.len() == 1 || limited, possible.is_ok(), "{:?} {:?}", plan, possible);
        prop_assert!(!matches!(possible, Err(Infeasible::Partition | Infeasible::NodeName)));
    }
}
