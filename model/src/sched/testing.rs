//! Worlds for tests: a site from configuration text, jobs from the flags that a user would type.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_dialect::state::PartitionState;
use muster_proto::durable::{ConfigFile, ConfigFiles, NodeShare, Request, Sharing, TaskRange};

use super::ask::Ask;
use super::licences::{self, LicencesFree};
use super::site::{Site, SiteNode};
use super::view::{Job, Running, Shape, Shapes, View};
use crate::cluster::config::{InForce, NodeLine, Partition};
use crate::cluster::resources::NodeFree;

/// Four nodes of four processors, two of them with two devices: where the recorded outputs of Slurm come from.
pub(crate) const GOLDEN: &str = "
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
Licenses=matlab:4,ansys:2
GresTypes=gpu
DefMemPerCPU=100
NodeName=n[1-2] Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=4000 Features=fast,intel Gres=gpu:2
NodeName=n[3-4] Sockets=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=4000 Features=slow,amd
";

/// When tests take place, in ms.
pub(crate) const NOW_MS: u64 = 1_800_000_000_000;

pub(crate) struct World {
    pub(crate) view: View,
    shapes: Shapes,
    numbers: BTreeMap<Vec<u8>, u64>,
}

impl World {
    /// Partitions are `name Nodes=… [MaxTime=s] [Tier=n] …`, one a string; `debug` has all nodes and is always there.
    pub(crate) fn of(conf: &str, partitions: &[&str]) -> Self {
        let file =
            ConfigFile { path: "slurm.conf".into(), text: format!("ClusterName=test\nSlurmctldHost=c1\n{conf}") };
        let config = InForce::parse(1, &ConfigFiles { files: vec![file] }).unwrap();
        let lines: Vec<NodeLine> = config.node_lines().collect();
        let index: BTreeMap<String, u32> = (0..).zip(&lines).map(|(i, line)| (line.name.clone(), i)).collect();
        let nodes = (0..).zip(&lines).map(|(index, line)| {
            let node = SiteNode { index, name: line.name.clone(), class: 0, weight: line.weight };
            (node, line.total.clone(), line.features.as_str())
        });
        let all = std::iter::once("debug Nodes=ALL").chain(partitions.iter().copied());
        let partitions: Vec<Partition> = all.map(|text| partition(text, &index)).collect();
        let site = Site::new(&config, nodes, partitions.into_iter());
        let free = site.nodes.iter().map(|n| site.classes[n.class as usize].total.free()).collect();
        let view = View {
            index: 7,
            now_ms: NOW_MS,
            usable: vec![true; site.nodes.len()],
            licences: LicencesFree(site.licences.clone()),
            site: Arc::new(site),
            free,
            ..View::default()
        };
        Self { view, shapes: Shapes::default(), numbers: BTreeMap::new() }
    }

    pub(crate) fn golden() -> Self {
        Self::of(GOLDEN, &[])
    }

    fn number(&mut self, shape: Shape) -> u32 {
        let next = self.numbers.len() as u64;
        let number = *self.numbers.entry(shape.key()).or_insert(next);
        self.shapes.place(number, &Arc::new(shape))
    }

    /// A pending job; uids are also the order of submission.
    pub(crate) fn job(&mut self, uid: u64, priority: u32, flags: &str) -> &mut Job {
        let shape = self.number(shape(flags));
        self.view.jobs.push(Job { uid, priority, shape, array_room: u32::MAX, ..Job::default() });
        self.view.jobs.last_mut().unwrap()
    }

    pub(crate) fn array(&mut self, uid: u64, priority: u32, flags: &str, tasks: u32, room: u32) {
        let job = self.job(uid, priority, flags);
        job.tasks = Some(vec![TaskRange { first: 1, last: tasks, step: 1 }]);
        job.array_room = room;
    }

    /// A running job that holds `cores` of `node` until `end_s` seconds from now.
    pub(crate) fn runs(&mut self, uid: u64, node: &str, cores: u8, end_s: u64) {
        let slot = self.view.site.slots[node];
        let bits = vec![cores];
        let cpus = cores.count_ones() * self.view.site.class(slot).total.cpus_per_core();
        let share =
            NodeShare { node: slot, cores: bits.into(), cpus, mem_mib: u64::from(cpus) * 100, ..NodeShare::default() };
        self.view.free[slot as usize].take(&share);
        let end_ms = NOW_MS + end_s * 1_000;
        let job = Running { uid, partition: "debug".into(), end_ms, shares: vec![(slot, share)], ..Running::default() };
        self.view.running.push(job);
    }

    pub(crate) fn down(&mut self, node: &str) {
        let slot = self.view.site.slots[node];
        self.view.usable[slot as usize] = false;
    }

    pub(crate) fn view(self) -> View {
        View { shapes: self.shapes.into_list(), ..self.view }
    }
}

fn partition(text: &str, index: &BTreeMap<String, u32>) -> Partition {
    let (name, keys) = text.split_once(' ').unwrap();
    let keys: BTreeMap<&str, &str> = keys.split(' ').filter_map(|word| word.split_once('=')).collect();
    let nodes = match keys["Nodes"] {
        "ALL" => index.values().copied().collect(),
        list => muster_dialect::hostlist::parse(list).unwrap().iter().map(|n| index[n]).collect(),
    };
    let number = |key: &str| keys.get(key).map(|value| value.parse::<u32>().unwrap());
    Partition {
        name: name.into(),
        order: 0,
        nodes,
        state: keys.get("State").map_or(PartitionState::Up, |s| PartitionState::parse(s).unwrap()),
        default: name == "debug",
        max_time_s: number("MaxTime"),
        default_time_s: number("DefaultTime"),
        min_nodes: number("MinNodes").unwrap_or(0),
        max_nodes: number("MaxNodes"),
        max_cpus_per_node: number("MaxCPUsPerNode"),
        root_only: false,
        disable_root_jobs: false,
        allow_groups: None,
        allow_accounts: keys.get("AllowAccounts").map(|a| vec![a.to_string()]),
        deny_accounts: Vec::new(),
        allow_qos: None,
        deny_qos: Vec::new(),
        priority_tier: number("Tier").unwrap_or(1),
        priority_job_factor: 1,
        whole_nodes: keys.get("OverSubscribe") == Some(&"EXCLUSIVE"),
        oversubscribe: String::new(),
        least_loaded: keys.get("LLN") == Some(&"YES"),
        hidden: false,
        requires_reservation: false,
        over_time_limit_ms: None,
        def_mem_per_node_mib: 0,
        def_mem_per_cpu_mib: 0,
        max_mem_per_node_mib: number("MaxMemPerNode").unwrap_or(0).into(),
        max_mem_per_cpu_mib: number("MaxMemPerCPU").unwrap_or(0).into(),
        conf: None,
        overrides: BTreeMap::new(),
    }
}

/// Of the flags of `sbatch`, as far as tests need them. `-t` is in seconds.
pub(crate) fn shape(flags: &str) -> Shape {
    let mut shape = Shape { partitions: vec!["debug".into()], ..Shape::default() };
    let words: Vec<&str> = flags.split_whitespace().collect();
    let mut at = 0;
    while at < words.len() {
        let (flag, mut value) = match words[at].split_once('=') {
            Some((flag, value)) => (flag, value),
            None if words[at].starts_with("--") => (words[at], ""),
            None => words[at].split_at(2),
        };
        if value.is_empty() && matches!(flag, "-p" | "-w" | "-x" | "-C" | "-L" | "-t") {
            at += 1;
            value = words[at];
        }
        set(&mut shape, flag, value);
        at += 1;
    }
    shape
}

fn set(shape: &mut Shape, flag: &str, value: &str) {
    let number = || value.parse::<u32>().unwrap();
    let request: &mut Request = &mut shape.request;
    match flag {
        "-N" => {
            let (min, max) = value.split_once('-').unwrap_or((value, value));
            (request.min_nodes, request.max_nodes) = (min.parse().unwrap(), max.parse().unwrap());
        }
        "-n" => (request.ntasks, request.ntasks_set) = (number(), true),
        "-c" => request.cpus_per_task = number(),
        "-t" => shape.time_limit_s = Some(number()),
        "-p" => shape.partitions = value.split(',').map(String::from).collect(),
        "-w" => request.required_nodes = value.into(),
        "-x" => request.excluded_nodes = value.into(),
        "-C" => request.features = value.into(),
        "-L" => request.licenses = value.into(),
        "-O" => request.overcommit = true,
        "--mem" => request.mem_per_node_mib = Some(u64::from(number())),
        "--mem-per-cpu" => request.mem_per_cpu_mib = Some(u64::from(number())),
        "--exclusive" if value == "user" => request.set_sharing(Sharing::User),
        "--exclusive" => request.set_sharing(Sharing::Exclusive),
        "--gres" => request.tres_per_node = format!("gres:{value}"),
        "--gpus" => request.tres_per_job = format!("gres:gpu:{value}"),
        "--gpus-per-task" => request.tres_per_task = format!("gres:gpu:{value}"),
        "--ntasks-per-node" => request.ntasks_per_node = number(),
        "--ntasks-per-socket" => request.ntasks_per_socket = number(),
        "--ntasks-per-core" => request.ntasks_per_core = number(),
        "--threads-per-core" => request.threads_per_core = number(),
        "--mincpus" => request.min_cpus_per_node = number(),
        "--contiguous" => request.contiguous = true,
        "--user" => shape.user = number(),
        "--account" => shape.account = value.into(),
        _ => panic!("unknown flag {flag}"),
    }
}

/// What those flags ask of the partition `debug` of the golden site.
pub(crate) fn ask(flags: &str) -> Ask {
    let world = World::golden();
    Ask::of(&shape(flags).request, &world.view.site.partitions["debug"], &world.view.site).unwrap()
}

/// `job: node=cores/tasks …` of each placement, and `job: reason` of each verdict.
pub(crate) fn told(view: &View, plan: &muster_proto::durable::CommitPlan) -> Vec<String> {
    let mut lines = Vec::new();
    for placement in &plan.placements {
        let task = placement.array_task.map_or(String::new(), |task| format!("_{task}"));
        let mark = if placement.backfill { " backfill" } else { "" };
        let nodes = placement.allocation.as_ref().unwrap().nodes.iter().map(|share| {
            let name = &view.site.node(view.site.slot_of(share.node).unwrap()).name;
            format!(" {name}:{}c{}t", share.cpus, share.tasks)
        });
        lines.push(format!("{}{task}:{}{mark}", placement.uid, nodes.collect::<String>()));
    }
    for verdict in &plan.verdicts {
        let reason = muster_dialect::state::Reason::from_code(verdict.reason as u16).unwrap();
        let text = if verdict.detail.is_empty() { reason.text().to_string() } else { verdict.detail.clone() };
        let start = match verdict.estimated_start_ms {
            0 => String::new(),
            at => format!(" +{}s {}", (at - view.now_ms) / 1_000, verdict.estimated_nodes),
        };
        lines.push(format!("{}: {text}{start}", verdict.uid));
    }
    lines
}

/// For property tests: every licence name free.
pub(crate) fn licences(text: &str) -> Vec<(String, u64)> {
    licences::parse(text).unwrap()
}

/// Whether nothing is promised twice: each share fits what the ones before it left.
pub(crate) fn check_no_overcommit(
    view: &View,
    plan: &muster_proto::durable::CommitPlan,
) -> Result<Vec<NodeFree>, String> {
    let mut free = view.free.clone();
    for placement in &plan.placements {
        for share in &placement.allocation.as_ref().unwrap().nodes {
            let slot = view.site.slot_of(share.node).unwrap() as usize;
            if !view.usable[slot] {
                return Err(format!("job {} on unusable slot {slot}", placement.uid));
            }
            free[slot].fits(share, view.site.select.memory).map_err(|m| format!("job {}: {m:?}", placement.uid))?;
            free[slot].take(share);
        }
    }
    Ok(free)
}
