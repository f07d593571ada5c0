//! From flags and slurm.conf to the settings of a node daemon.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use muster_channel::{Credentials, Munge, NoAuth, Outside};
use muster_dialect::conf::{self, Config, NodeConf, Severity};
use muster_model::agent::AgentOptions;
use muster_noded::journal::{FileJournal, MemoryJournal};
use muster_noded::real::{self, Hooks, Spool, StepSettings};
use muster_noded::{JournalStore, Settings};
use tracing::warn;

use super::flags::Flags;

const CONFIG_DEFAULT: &str = "/etc/slurm/slurm.conf";
/// How long srun has to attach to a step, and to come back to it, milliseconds.
const ATTACH_WAIT_MS: u64 = 60_000;
const RESUME_WAIT_MS: u64 = 30_000;

/// All that the daemon runs with.
pub(crate) struct Configured {
    pub(crate) config: Config,
    pub(crate) path: PathBuf,
    pub(crate) node: NodeConf,
    pub(crate) spool: PathBuf,
    pub(crate) pid_file: PathBuf,
    pub(crate) log: Option<PathBuf>,
    pub(crate) warnings: Vec<String>,
    conf_hash: u64,
}

impl Configured {
    /// Reads the configuration and finds this node in it.
    pub(crate) fn read(flags: &Flags) -> Result<Self> {
        let Found { config, path, warnings, conf_hash } = read_config(flags.config.as_deref())?;
        let node = find_node(&config, flags.node_name.as_deref())?.clone();
        let fill = |pattern: &str| PathBuf::from(pattern.replace("%n", &node.name).replace("%h", &node.hostname));
        let spool = flags.spool.clone().unwrap_or_else(|| fill(&config.slurmd_spool_dir));
        let pid_file = flags.pid_file.clone().unwrap_or_else(|| fill(&config.slurmd_pid_file));
        let log = flags.log.clone().or_else(|| config.slurmd_log_file.as_deref().map(fill));
        Ok(Self { config, path, node, spool, pid_file, log, warnings, conf_hash })
    }

    /// What of `newer` this daemon cannot take on while it runs.
    pub(crate) fn needs_restart(&self, newer: &Self, flags: &Flags) -> Vec<&'static str> {
        let (old, new) = (&self.config, &newer.config);
        let changed = [
            ("ClusterName", old.cluster_name != new.cluster_name),
            ("NodeName", self.node.name != newer.node.name),
            ("NodeAddr or Port", self.listen(flags) != newer.listen(flags)),
            ("SlurmctldHost or SlurmctldPort", self.controllers(flags) != newer.controllers(flags)),
            ("SlurmdSpoolDir", self.spool != newer.spool),
            ("SlurmdPidFile", self.pid_file != newer.pid_file),
            ("SlurmdLogFile", self.log != newer.log),
            ("SlurmdDebug", old.slurmd_debug != new.slurmd_debug),
            ("SlurmUser", old.slurm_user != new.slurm_user),
            ("TmpFS", old.tmp_fs != new.tmp_fs),
            ("AuthType", old.auth_type != new.auth_type),
            ("AuthInfo", old.auth_info != new.auth_info),
            ("TLSType", old.tls_type != new.tls_type),
            ("TLSParameters", old.tls_parameters != new.tls_parameters),
        ];
        changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
    }

    /// What the agent follows.
    pub(crate) fn agent_options(&self) -> AgentOptions {
        let config = &self.config;
        AgentOptions {
            kill_wait_s: config.kill_wait_s,
            over_time_limit_s: config.over_time_limit_min.map_or(0, |minutes| minutes.saturating_mul(60)),
            prolog: !config.scripts.prolog.is_empty(),
            epilog: !config.scripts.epilog.is_empty(),
        }
    }

    /// The fingerprint of slurm.conf as it was read.
    pub(crate) fn conf_hash(&self) -> u64 {
        self.conf_hash
    }

    /// What munge or its absence needs.
    pub(crate) fn credentials(&self, listen: &str) -> Result<Arc<dyn Credentials>> {
        match self.config.auth_type.as_str() {
            "auth/munge" => {
                let socket = self.config.auth_info.get("socket").map(Path::new);
                Ok(Arc::new(Munge::load(socket)?))
            }
            "auth/none" => {
                if !is_loopback(listen) {
                    bail!("AuthType=auth/none is for loopback only, and this node listens on {listen}");
                }
                let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
                Ok(Arc::new(NoAuth::new(uid, gid)))
            }
            other => bail!("AuthType={other} is not supported by this version (auth/munge, auth/none)"),
        }
    }

    pub(crate) fn listen(&self, flags: &Flags) -> String {
        flags.listen.clone().unwrap_or_else(|| format!("{}:{}", self.node.addr, self.node.port))
    }

    /// A node that listens everywhere is reached at its configured address.
    fn advertise(&self, listen: &str) -> Option<String> {
        let (host, port) = listen.rsplit_once(':')?;
        let host = host.trim_matches(['[', ']']);
        let everywhere = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_unspecified());
        everywhere.then(|| format!("{}:{port}", self.node.addr))
    }

    fn controllers(&self, flags: &Flags) -> Vec<String> {
        if !flags.controllers.is_empty() {
            return flags.controllers.clone();
        }
        let port = self.config.slurmctld_ports.0;
        let with_port = |addr: &str| {
            let has_port = addr.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
            if has_port { addr.to_owned() } else { format!("{addr}:{port}") }
        };
        self.config.slurmctld_hosts.iter().map(|host| with_port(&host.addr)).collect()
    }

    pub(crate) fn settings(&self, flags: &Flags, spool: &Spool) -> Result<Settings> {
        let config = &self.config;
        let mut admins = vec![0, rustix::process::geteuid().as_raw()];
        if let Ok(Some(user)) = nix::unistd::User::from_name(&config.slurm_user) {
            admins.push(user.uid.as_raw());
        }
        Ok(Settings {
            cluster: config.cluster_name.clone(),
            node_name: self.node.name.clone(),
            controllers: self.controllers(flags),
            listen: self.listen(flags),
            advertise: self.advertise(&self.listen(flags)),
            machine: real::machine_hash(&spool.key, &self.node.name),
            boot_id: real::boot_id(),
            spool_id: spool.id.clone(),
            journal_complete: !spool.fresh && !flags.clean_start,
            hardware: real::discover(&config.tmp_fs),
            boot_ms: real::boot_ms(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            conf_hash: self.conf_hash,
            agent: self.agent_options(),
            config_store: config_store(&spool.config()),
            admins,
            boot_clock_ms: real::boot_clock(),
        })
    }

    pub(crate) fn step_settings(&self) -> Result<StepSettings> {
        let scripts = &self.config.scripts;
        let hooks = Hooks {
            prolog: scripts.prolog.clone(),
            epilog: scripts.epilog.clone(),
            prolog_timeout_s: scripts.prolog_timeout_s,
            epilog_timeout_s: scripts.epilog_timeout_s,
            task_prolog: scripts.task_prolog.clone(),
            task_epilog: scripts.task_epilog.clone(),
        };
        Ok(StepSettings {
            node_name: self.node.name.clone(),
            slurm_conf: self.path.to_string_lossy().into_owned(),
            program: std::env::current_exe().context("cannot find this program's own file")?,
            hooks,
            attach_wait_ms: ATTACH_WAIT_MS,
            resume_wait_ms: RESUME_WAIT_MS,
            unkillable_s: self.config.unkillable_step_timeout_s,
        })
    }
}

/// The configuration, where it came from, and what there is to warn of.
struct Found {
    config: Config,
    path: PathBuf,
    warnings: Vec<String>,
    conf_hash: u64,
}

fn read_config(flag: Option<&Path>) -> Result<Found> {
    let path = flag.map(Path::to_owned);
    let path = path.or_else(|| std::env::var_os("SLURM_CONF").map(PathBuf::from));
    let path = std::path::absolute(path.unwrap_or_else(|| CONFIG_DEFAULT.into()))?;
    let name = path.to_str().ok_or_else(|| anyhow!("the path of the configuration is not UTF-8"))?;
    let read = |path: &str| std::fs::read_to_string(path).map_err(|e| e.to_string());
    let parsed = conf::parse(&read, name);
    let of = |severity: Severity| {
        let found = parsed.diagnostics.iter().filter(move |found| found.severity == severity);
        found.map(ToString::to_string).collect::<Vec<_>>()
    };
    let config = parsed.config.ok_or_else(|| anyhow!("{}", of(Severity::Error).join("\n")))?;
    let warnings = parsed.diagnostics.iter().filter(|found| found.severity == Severity::Warning);
    let warnings = warnings.map(ToString::to_string).collect();
    let files = parsed.files.iter().map(|(path, text)| (&path[..], &text[..]));
    Ok(Found { config, path, warnings, conf_hash: conf::fingerprint(files) })
}

/// What it holds can be had again: a damaged file is begun anew, and without a disk it is held for as long as this daemon runs.
fn config_store(path: &Path) -> Arc<dyn JournalStore> {
    let opened = FileJournal::open(path).or_else(|_| {
        std::fs::remove_file(path)?;
        FileJournal::open(path)
    });
    match opened {
        Ok(file) => Arc::new(file),
        Err(e) => {
            warn!("the configuration of the cluster is not kept in {}: {e}", path.display());
            Arc::new(MemoryJournal::default())
        }
    }
}

fn find_node<'a>(config: &'a Config, name: Option<&str>) -> Result<&'a NodeConf> {
    if let Some(name) = name {
        return config
            .node(name)
            .ok_or_else(|| anyhow!("Unable to determine this slurmd's NodeName: no NodeName={name}"));
    }
    let full = host_name();
    let short = short_host_name();
    let found = config.node(&full).or_else(|| config.node(&short));
    let found = found.or_else(|| config.nodes.iter().find(|node| node.hostname == short || node.hostname == full));
    found.ok_or_else(|| anyhow!("Unable to determine this slurmd's NodeName (no node of host {short}; say -N NAME)"))
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

pub(crate) fn short_host_name() -> String {
    host_name().split('.').next().unwrap_or_default().to_owned()
}

fn is_loopback(listen: &str) -> bool {
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host).trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A real outside.
pub(crate) fn outside() -> Outside {
    Outside::real()
}
