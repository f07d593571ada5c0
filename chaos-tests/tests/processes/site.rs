//! A private cluster of real processes in a temporary directory; all of it ends with this value.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest wait for anything: these machines may be busy.
const PATIENCE: Duration = Duration::from_secs(60);
const PROGRAMS: [&str; 3] = ["muster-controller", "muster-noded", "muster"];
const COMMANDS: [&str; 6] = ["sbatch", "squeue", "sinfo", "scontrol", "scancel", "sacct"];

/// See the module.
pub(crate) struct Site {
    dir: TempDir,
    processes: BTreeMap<String, Child>,
    mounted: Option<PathBuf>,
}

/// Polls until `is_so`.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

impl Site {
    /// `None`: this test cannot be tried here, and the reason was printed.
    pub(crate) fn start(controllers: usize, nodes: usize) -> Option<Self> {
        Self::with_state_of(controllers, nodes, None)
    }

    /// `state_size`: the controllers' state stands on a file system of its own of this size.
    pub(crate) fn with_state_of(controllers: usize, nodes: usize, state_size: Option<&str>) -> Option<Self> {
        let programs = find_programs()?;
        let dir = tempfile::tempdir().expect("a temporary directory");
        for folder in ["bin", "state", "spool", "log"] {
            fs::create_dir(dir.path().join(folder)).expect("the temporary directory is ours");
        }
        let mut site = Self { dir, processes: BTreeMap::new(), mounted: None };
        site.link(&programs);
        if let Some(size) = state_size {
            site.mount(size)?;
        }
        site.configure("slurm.conf", controllers, "spool");
        site.configure("impostor.conf", controllers, "impostor");
        for number in 1..=controllers {
            site.start_controller(&format!("c{number}"));
        }
        eventually("the cluster is founded", || site.try_run("muster", &["init"]).is_ok() || site.leads());
        eventually("every controller votes", || site.voters() == controllers);
        for number in 1..=nodes {
            site.start_node(&format!("n{number}"));
        }
        eventually("every node is idle", || {
            nodes == 0
                || site.run("sinfo", &["-h", "-N", "-o", "%t"]).lines().filter(|state| *state == "idle").count()
                    == nodes
        });
        Some(site)
    }

    /// In the site's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a daemon printed.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(&format!("log/{name}"))).unwrap_or_default()
    }

    pub(crate) fn start_controller(&mut self, name: &str) {
        let mut command = self.command("muster-controller");
        command.args(["-D", "--name", name, "--pidfile"]).arg(self.path(&format!("log/{name}.pid")));
        self.spawn(name, command);
    }

    pub(crate) fn start_node(&mut self, name: &str) {
        let mut command = self.command("muster-noded");
        command.args(["-D", "-N", name, "-f"]).arg(self.path("slurm.conf"));
        self.spawn(name, command);
    }

    /// A node daemon with a spool, and so a key, of its own.
    pub(crate) fn start_impostor(&mut self, name: &str) {
        let mut command = self.command("muster-noded");
        command.args(["-D", "-N", name, "-f"]).arg(self.path("impostor.conf"));
        self.spawn("impostor", command);
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, name: &str) {
        let mut child = self.processes.remove(name).expect("it was started");
        child.kill().expect("it is ours");
        child.wait().expect("it was killed");
    }

    /// Whether a daemon ended by itself.
    pub(crate) fn has_ended(&mut self, name: &str) -> bool {
        let child = self.processes.get_mut(name).expect("it was started");
        child.try_wait().expect("it is ours").is_some()
    }

    /// Whoever leads.
    pub(crate) fn leader(&self) -> String {
        let mut found = String::new();
        eventually("somebody leads", || {
            let status = self.try_run("muster", &["status"]).unwrap_or_default();
            let mut leading = status
                .lines()
                .filter(|line| line.contains("leader"))
                .filter_map(|line| line.split_whitespace().find(|word| self.processes.contains_key(*word)));
            found = leading.next().unwrap_or_default().to_owned();
            !found.is_empty()
        });
        found
    }

    /// Runs a command to its success; its standard output.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> String {
        self.try_run(program, arguments).unwrap_or_else(|said| panic!("{program} {arguments:?}: {said}"))
    }

    /// Standard output of success, or standard error.
    pub(crate) fn try_run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(program).args(arguments).output().expect("it can be started");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(said) }
    }

    /// Runs a command that must fail; its standard error.
    pub(crate) fn fails(&self, program: &str, arguments: &[&str]) -> String {
        self.try_run(program, arguments).expect_err("it must fail")
    }

    fn leads(&self) -> bool {
        self.try_run("muster", &["status"]).is_ok()
    }

    fn voters(&self) -> usize {
        let status = self.try_run("muster", &["status"]).unwrap_or_default();
        status.lines().filter(|line| line.contains("leader") || line.contains("follower")).count()
    }

    fn command(&self, program: &str) -> Command {
        let own = self.path("bin").join(program);
        let mut command = Command::new(if own.exists() { own } else { program.into() });
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("SLURM_CONF", self.path("slurm.conf")).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn spawn(&mut self, name: &str, mut command: Command) {
        let log = File::options().create(true).append(true).open(self.path(&format!("log/{name}")));
        let log = log.expect("the temporary directory is ours");
        command.stdout(log.try_clone().expect("a file can be cloned")).stderr(log);
        self.processes.insert(name.to_owned(), command.spawn().expect("it can be started"));
    }

    fn link(&self, programs: &Path) {
        let link = |name: &str, target: &str| {
            let made = std::os::unix::fs::symlink(programs.join(target), self.path("bin").join(name));
            made.expect("the temporary directory is ours");
        };
        PROGRAMS.iter().for_each(|program| link(program, program));
        COMMANDS.iter().for_each(|command| link(command, "muster"));
    }

    fn configure(&self, name: &str, controllers: usize, spool: &str) {
        // The impostor reaches the same controllers, and listens elsewhere.
        let known = fs::read_to_string(self.path("slurm.conf")).unwrap_or_default();
        let of_controllers = known.lines().find_map(|line| line.strip_prefix("SlurmctldPort=")?.parse().ok());
        let port: u16 = of_controllers.unwrap_or_else(|| free_ports(controllers));
        let (replica_port, node_port, dir) = (port + 1, free_ports(1), self.dir.path().display());
        let hosts: String =
            (1..=controllers).map(|number| format!("SlurmctldHost=c{number}(127.0.0.{number})\n")).collect();
        let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name);
        let user = user.unwrap_or_else(|| "root".to_owned());
        let text = format!(
            "ClusterName=proc\n{hosts}SlurmUser={user}\nSlurmdUser={user}\nSlurmctldPort={port}\n\
             SlurmctldParameters=muster_replica_port={replica_port}\nAuthType=auth/none\nCredType=cred/none\n\
             StateSaveLocation={dir}/state\nSlurmdSpoolDir={dir}/{spool}/%n\nSlurmdPidFile={dir}/log/{spool}-%n.pid\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\nMpiDefault=none\nReturnToService=2\nMinJobAge=3600\n\
             SlurmdParameters=config_overrides\n\
             NodeName=n1 NodeAddr=127.0.0.1 Port={node_port} CPUs=4 State=UNKNOWN\n\
             PartitionName=debug Nodes=n1 Default=YES MaxTime=INFINITE State=UP\n"
        );
        fs::write(self.path(name), text).expect("the temporary directory is ours");
    }

    fn mount(&mut self, size: &str) -> Option<()> {
        let target = self.path("state");
        let options = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&target).output();
        if !done.is_ok_and(|output| output.status.success()) {
            eprintln!("not tried: a small file system cannot be mounted here (that needs root)");
            return None;
        }
        self.mounted = Some(target);
        Some(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // Steps outlive their node daemon: they are asked to end first.
        if self.processes.contains_key("n1") {
            let _ = self.try_run("scancel", &["--me"]);
        }
        for child in self.processes.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(mounted) = &self.mounted {
            let _ = Command::new("umount").arg("-l").arg(mounted).status();
        }
    }
}

/// Where the built programs are: beside this test's own target directory, of its profile or another.
fn find_programs() -> Option<PathBuf> {
    let chosen = std::env::var_os("MUSTER_BIN_DIR").map(PathBuf::from);
    let own = std::env::current_exe().expect("a test has a path");
    let target = own.ancestors().nth(3).expect("target/PROFILE/deps/TEST").to_owned();
    let of_profiles = ["debug", "release", "sim"].map(|profile| target.join(profile));
    let found = chosen.into_iter().chain(of_profiles).find(|dir| PROGRAMS.iter().all(|name| dir.join(name).exists()));
    if found.is_none() {
        eprintln!(
            "not tried: build the programs first: cargo build -p muster-controller -p muster-noded -p muster-cli"
        );
    }
    found
}

/// The first of two successive ports that are free on every controller's address.
fn free_ports(addresses: usize) -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = first.local_addr().expect("it listens").port();
        drop(first);
        let all = (1..=addresses).flat_map(|number| [(number, port), (number, port.saturating_add(1))]);
        if all.into_iter().all(|(number, port)| TcpListener::bind(format!("127.0.0.{number}:{port}")).is_ok()) {
            return port;
        }
    }
}
