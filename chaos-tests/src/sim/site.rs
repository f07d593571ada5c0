//! The simulated site: its size, names, configuration file and users.

use super::changes::Changes;
use super::stories::Story;
use muster_controller::{Group, User, UserTable};
use muster_proto::durable::{ConfigFile, ConfigFiles, Hardware};

/// `ClusterName`.
pub(crate) const CLUSTER: &str = "sim";
/// The client door of every controller.
pub(crate) const CLIENT_PORT: u16 = 6817;
/// Its replica door.
pub(crate) const REPLICA_PORT: u16 = 6819;
/// A node's own door.
pub(crate) const NODE_PORT: u16 = 6818;
/// The host of all clients.
pub(crate) const LOGIN: &str = "login";
/// `SlurmUser`.
pub(crate) const SLURM_UID: u32 = 500;
/// The first of the users who submit; their names are u1, u2 …
pub(crate) const FIRST_UID: u32 = 1_001;
/// Cores of each node.
pub(crate) const CORES: u32 = 8;
/// `SlurmdTimeout`: short, so that a partition of a few seconds loses a node.
pub(crate) const SLURMD_TIMEOUT_S: u32 = 2;

/// `LeaseSec`: a partition of a few seconds ends it, an election does not. Longer than a node is silent before it is lost, so that a
/// leader which did not wait for it would be wrong.
const LEASE_S: u32 = 3;
/// `MinJobAge` at first: longer than a run.
const MIN_JOB_AGE_S: u32 = 3_600;
/// Controllers that may be added to those that found a cluster.
const SPARES: usize = 2;

/// How big a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Controllers: 1, 3 or 5.
    pub replicas: usize,
    /// Nodes.
    pub nodes: usize,
    /// Clients that submit, each as a user of its own.
    pub submitters: usize,
    /// Submits of each.
    pub submits: usize,
    /// Clients that list jobs.
    pub readers: usize,
    /// Whether anything fails.
    pub faults: bool,
    /// How long faults happen, virtual ms.
    pub safety_ms: u64,
    /// What happens instead of the seed's own faults.
    pub story: Option<&'static Story>,
    /// Whether nodes can be fenced: the site has a fence.conf.
    pub fencing: bool,
    /// Whether nodes keep leases, whose end is proof.
    pub leases: bool,
    /// Whether replicas come and go, disks and clocks fail, slurm.conf is edited and programs are upgraded meanwhile.
    pub changes: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            replicas: 3,
            nodes: 4,
            submitters: 3,
            submits: 14,
            readers: 2,
            faults: true,
            safety_ms: 14_000,
            story: None,
            fencing: false,
            leases: false,
            changes: false,
        }
    }
}

impl Shape {
    /// Of a story.
    pub fn of(story: &'static Story) -> Self {
        let (replicas, fencing, leases) = (story.replicas, story.devices.is_some(), story.leases);
        Self { replicas, fencing, leases, story: Some(story), ..Self::default() }
    }

    /// Whether programs are of two versions: the cluster is founded by the older one.
    pub(crate) fn upgrades(&self) -> bool {
        self.changes || self.story.is_some_and(|story| story.upgrades)
    }

    /// Names of the controllers: c1, c2 …
    pub(crate) fn controllers(&self) -> Vec<String> {
        (1..=self.replicas).map(|number| format!("c{number}")).collect()
    }

    /// Names of the controllers that may be added later.
    pub(crate) fn spares(&self) -> Vec<String> {
        let count = if self.changes { SPARES } else { 0 };
        (self.replicas + 1..=self.replicas + count).map(|number| format!("c{number}")).collect()
    }

    /// Names of the nodes: n1, n2 …
    pub(crate) fn node_names(&self) -> Vec<String> {
        (1..=self.nodes).map(|number| format!("n{number}")).collect()
    }

    /// Client doors of all controllers.
    pub(crate) fn client_doors(&self) -> Vec<String> {
        self.controllers().iter().map(|name| format!("{name}:{CLIENT_PORT}")).collect()
    }

    /// A BMC for each node, which may have manners, and an outlet behind it, which works.
    fn fence_conf(&self) -> String {
        let devices = self.story.and_then(|story| story.devices);
        let (nodes, max) = (self.nodes, devices.map_or(3, |devices| devices.max_fences));
        format!(
            "MaxFences={max} FenceWindow=10\nFenceDelay=1 FenceRetry=1 FenceRetryMax=4\n\
             NodeName=n[1-{nodes}] Agent=/sim/bmc Parameters=\"ip=bmc-%n\" Timeout=2 Action=reboot\n\
             NodeName=n[1-{nodes}] Level=2 Agent=/sim/pdu Parameters=\"plug=%n\" Timeout=2\n"
        )
    }

    /// slurm.conf and its sisters.
    pub(crate) fn files(&self, changes: &Changes) -> ConfigFiles {
        let hosts: String = changes.members().iter().map(|name| format!("SlurmctldHost={name}\n")).collect();
        let (nodes, min_job_age_s) = (self.nodes, MIN_JOB_AGE_S + changes.edits());
        let text = format!(
            "ClusterName={CLUSTER}\n{hosts}SlurmUser=slurm\nSlurmdUser=root\nAuthType=auth/none\nCredType=cred/none\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nReturnToService=2\n\
             SlurmdTimeout={SLURMD_TIMEOUT_S}\nKillWait=1\nMinJobAge={min_job_age_s}\nStateSaveLocation=/sim\n\
             NodeName=n[1-{nodes}] CPUs={CORES} Sockets=1 CoresPerSocket={CORES} ThreadsPerCore=1 RealMemory=8000\n\
             PartitionName=debug Nodes=n[1-{nodes}] Default=YES MaxTime=INFINITE State=UP\n"
        );
        let mut files = vec![ConfigFile { path: "slurm.conf".into(), text }];
        let leases = self.leases && changes.has_new_words();
        let words = if leases { format!("ProofOfDeath=lease LeaseSec={LEASE_S}\n") } else { String::new() };
        let fences = if self.fencing { self.fence_conf() } else { String::new() };
        if self.fencing || leases {
            files.push(ConfigFile { path: "fence.conf".into(), text: words + &fences });
        }
        ConfigFiles { files }
    }
}

/// What every node finds.
pub(crate) fn hardware() -> Hardware {
    Hardware {
        cpus: CORES,
        boards: 1,
        sockets: 1,
        cores_per_socket: CORES,
        threads_per_core: 1,
        real_memory_mib: 8_000,
        tmp_disk_mib: 1_000,
        arch: "x86_64".into(),
        os: "Linux".into(),
        gres: String::new(),
    }
}

/// Everybody that the site knows.
pub(crate) fn users(shape: &Shape) -> UserTable {
    let user = |uid: u32, name: String| {
        let groups = vec![Group { gid: uid, name: name.clone() }];
        User { uid, gid: uid, groups, home: format!("/home/{name}"), shell: "/bin/sh".into(), name }
    };
    let mut all = vec![user(0, "root".into()), user(SLURM_UID, "slurm".into())];
    let count = u32::try_from(shape.submitters).expect("a run has few clients");
    all.extend((0..count).map(|at| user(FIRST_UID + at, format!("u{}", at + 1))));
    UserTable(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_no_findings() {
        let shape = Shape { fencing: true, leases: true, ..Shape::default() };
        let stored: Vec<_> =
            shape.files(&Changes::new(&shape)).files.into_iter().map(|file| (file.path, file.text)).collect();
        let parsed = muster_dialect::conf::parse(&muster_dialect::conf::Stored(&stored), "slurm.conf");
        let found: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(parsed.config.map(|config| config.slurmctld_hosts.len()), Some(3));
    }
}
