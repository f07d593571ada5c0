//! The cluster as this host knows it: its configuration, and how to reach its controllers.
//!
//! `SLURM_CONF` names the configuration, else `/etc/slurm/slurm.conf`. Includes and sister files are read from disk here;
//! what they say is `dialect`'s.

mod client;
mod stale;
mod tls;

use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use muster_channel::tls::TlsError;
use muster_channel::{ClientOptions, CredentialError, Credentials, Munge, NoAuth, Outside};
use muster_dialect::conf::{self, Config, Severity};
use thiserror::Error;
use tokio::runtime::Runtime;

use crate::refusal::{GIVE_UP, GIVE_UP_OTHERS, ONE_TRY};
use crate::say::{Voice, os_error};

pub(crate) use client::Client;

const DEFAULT_PATH: &str = "/etc/slurm/slurm.conf";

/// Why there is no cluster to talk to.
#[derive(Debug, Error)]
pub(crate) enum SiteError {
    /// No file, or unreadable.
    #[error("cannot read {path}: {why}")]
    Unreadable { path: String, why: String },
    /// What the configuration's reader says, one a line.
    #[error("{0}")]
    Invalid(String),
    /// munge cannot be used.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Certificates cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Slurm has it, this version does not.
    #[error("AuthType={0}: not supported by this version")]
    Auth(String),
}

impl SiteError {
    /// Tells the user as Slurm does, and gives the exit code.
    pub(crate) fn report(&self, voice: Voice) -> u8 {
        voice.error(&self.to_string());
        match self {
            Self::Unreadable { .. } => voice.fatal("Could not establish a configuration source"),
            Self::Invalid(_) => voice.fatal("Unable to process configuration file"),
            Self::Credential(_) | Self::Tls(_) | Self::Auth(_) => {}
        }
        1
    }
}

/// The configuration, with the text of its files.
#[derive(Debug)]
pub(crate) struct Site {
    pub config: Config,
    /// Path and text: slurm.conf first, includes and, where all was read, sister files after it.
    pub files: Vec<(String, String)>,
}

/// Reads files from disk for `dialect`.
struct Disk;

impl conf::Source for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| os_error(&error))
    }

    fn read_if_present(&self, path: &str) -> Result<Option<String>, String> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(os_error(&error)),
        }
    }
}

impl Site {
    /// Reads what most commands need of this host's configuration: everything but nodes, partitions and sister files,
    /// which the cluster is asked about.
    ///
    /// # Errors
    /// There is none, or it has errors.
    pub(crate) fn read() -> Result<Self, SiteError> {
        Self::read_from(&Self::path(), conf::parse_globals)
    }

    /// Reads all of this host's configuration.
    ///
    /// # Errors
    /// There is none, or it has errors.
    pub(crate) fn read_all() -> Result<Self, SiteError> {
        Self::read_from(&Self::path(), conf::parse)
    }

    fn path() -> String {
        let path = std::env::var("SLURM_CONF").ok().filter(|path| !path.is_empty());
        path.unwrap_or_else(|| DEFAULT_PATH.to_owned())
    }

    fn read_from(path: &str, parse: impl Fn(&dyn conf::Source, &str) -> conf::Parsed) -> Result<Self, SiteError> {
        if let Err(error) = std::fs::File::open(path) {
            return Err(SiteError::Unreadable { path: path.to_owned(), why: os_error(&error) });
        }
        let parsed = parse(&Disk, path);
        let errors = parsed.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let text = errors.map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let config = parsed.config.ok_or(SiteError::Invalid(text))?;
        Ok(Self { config, files: parsed.files })
    }

    /// Client doors of the controllers, in the order of the configuration: name, `host:port`.
    #[must_use]
    pub(crate) fn controllers(&self) -> Vec<(String, String)> {
        let port = self.config.slurmctld_ports.0;
        let hosts = self.config.slurmctld_hosts.iter();
        hosts.map(|host| (host.name.clone(), address(&host.addr, port))).collect()
    }

    /// This host's address as the cluster sees it: that of the way to the first controller that has one.
    pub(crate) fn own_address(&self) -> Option<String> {
        let towards = |address: &str, any: &str| {
            let socket = std::net::UdpSocket::bind(any).ok()?;
            // Nothing is sent: this asks for the route.
            socket.connect(address).ok()?;
            Some(socket.local_addr().ok()?.ip().to_string())
        };
        let controllers = self.controllers();
        controllers.iter().find_map(|(_, address)| towards(address, "0.0.0.0:0").or_else(|| towards(address, "[::]:0")))
    }

    /// How to speak to this cluster.
    ///
    /// # Errors
    /// The site's authentication does not work here.
    pub(crate) fn reach(&self, program: &'static str) -> Result<Reach, SiteError> {
        let outside = tls::outside(self)?;
        let keeper = self.keeper()?;
        let options = ClientOptions {
            cluster: self.config.cluster_name.clone(),
            controllers: self.controllers().into_iter().map(|(_, address)| address).collect(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            program: program.to_owned(),
            one_try: ONE_TRY,
            give_up: give_up(program),
        };
        let cluster = self.config.cluster_name.clone();
        let client = Client::new(&outside, keeper.clone(), options);
        Ok(Reach { outside, keeper, client, cluster })
    }

    fn keeper(&self) -> Result<Arc<dyn Credentials>, SiteError> {
        match self.config.auth_type.as_str() {
            "auth/munge" => {
                let socket = self.config.auth_info.get("socket").map(Path::new);
                Ok(Arc::new(Munge::for_command(socket)))
            }
            "auth/none" => {
                let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
                Ok(Arc::new(NoAuth::new(uid, gid)))
            }
            other => Err(SiteError::Auth(other.to_owned())),
        }
    }

    /// A word of `SchedulerParameters` that is a number.
    #[must_use]
    pub(crate) fn scheduler_number(&self, word: &str) -> Option<u64> {
        self.config.scheduler_parameters.get(word).and_then(|value| value.parse().ok())
    }
}

/// What makes jobs is repeated until its outcome is known or hopeless; others are asked again by their user.
fn give_up(program: &str) -> Duration {
    if ["sbatch", "salloc", "srun"].contains(&program) { GIVE_UP } else { GIVE_UP_OTHERS }
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// What it takes to speak to controllers and nodes.
#[derive(Clone)]
pub(crate) struct Reach {
    pub outside: Outside,
    pub keeper: Arc<dyn Credentials>,
    pub client: Client,
    pub cluster: String,
}

/// Runs `work` on this thread. Commands are short: more threads would only cost time to start. The runtime is never taken
/// down: the kernel closes and frees a process faster than it does so itself.
///
/// # Panics
/// When the kernel gives no event queue, without which nothing can be done.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("the kernel gives every process an event queue")
    });
    RUNTIME.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named() {
        let error = Site::read_from("/no/such/slurm.conf", conf::parse).expect_err("there is none");
        assert_eq!(error.to_string(), "cannot read /no/such/slurm.conf: No such file or directory");
    }

    #[test]
    fn controllers_are_reached_at_their_address_and_port() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("slurm.conf");
        let text = "ClusterName=c\nSlurmctldHost=a(127.0.0.1)\nSlurmctldHost=b\nSlurmctldPort=7001\nAuthType=auth/none\n\
                    NodeName=n1\nPartitionName=p Nodes=n1 Default=YES\n";
        std::fs::write(&path, text).expect("writable");
        let site = Site::read_from(&path.to_string_lossy(), conf::parse_globals).expect("it is valid");
        let expected = [("a".to_owned(), "127.0.0.1:7001".to_owned()), ("b".to_owned(), "b:7001".to_owned())];
        assert_eq!(site.controllers(), expected);
        assert_eq!(site.own_address(), Some("127.0.0.1".to_owned()));
        assert_eq!(site.files.len(), 1);
    }
}
