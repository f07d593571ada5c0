//! A private cluster of real processes in a temporary directory; all of it ends with this value.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use tempfile::TempDir;

use crate::daemon::{Daemon, PATIENCE};
use crate::places::{self, Mount};

const COMMANDS: [&str; 7] = ["sbatch", "srun", "squeue", "sinfo", "scontrol", "scancel", "sacct"];

/// See the module.
pub(crate) struct Site {
    // First: daemons end while their directories are there.
    daemons: BTreeMap<String, Daemon>,
    mounts: Vec<Mount>,
    dir: TempDir,
}

/// Asks until `is_so`: for what the cluster says only when it is asked.
pub(crate) fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

impl Site {
    /// A founded cluster with `auth/none`.
    pub(crate) fn start(controllers: usize, nodes: usize) -> Self {
        let mut site = Self::empty();
        site.configure("slurm.conf", controllers, "spool", NO_AUTH);
        site.configure("impostor.conf", controllers, "impostor", NO_AUTH);
        site.bring_up(controllers, nodes);
        site
    }

    /// Directories and commands; nothing is configured, and nothing runs.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        // SlurmUser and users come in.
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        for folder in ["bin", "state", "spool", "log"] {
            fs::create_dir(dir.path().join(folder)).expect("the temporary directory is ours");
        }
        let site = Self { daemons: BTreeMap::new(), mounts: Vec::new(), dir };
        site.link(&places::programs());
        site
    }

    /// Starts what slurm.conf describes, founds it, and waits until all of it serves.
    pub(crate) fn bring_up(&mut self, controllers: usize, nodes: usize) {
        for number in 1..=controllers {
            self.start_controller(&format!("c{number}"));
        }
        self.found(controllers);
        for number in 1..=nodes {
            self.start_node(&format!("n{number}"));
        }
        let idle =
            |site: &Self| site.run("sinfo", &["-h", "-N", "-o", "%t"]).lines().filter(|it| *it == "idle").count();
        eventually("every node is idle", || nodes == 0 || idle(self) == nodes);
    }

    /// `muster init`, until `controllers` vote.
    pub(crate) fn found(&self, controllers: usize) {
        let leads = || self.try_run("muster", &["status"]).is_ok();
        eventually("the cluster is founded", || self.try_run("muster", &["init"]).is_ok() || leads());
        eventually("every controller votes", || self.voters() == controllers);
    }

    /// In the site's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file in it.
    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the temporary directory is ours");
    }

    /// A file system of its own at `folder`; `None`: it cannot be had.
    pub(crate) fn mount(&mut self, folder: &str, size: &str) -> Option<()> {
        self.mounts.push(Mount::of_size(&self.path(folder), size)?);
        Some(())
    }

    /// The file system mounted last gets room.
    pub(crate) fn grow(&self, size: &str) {
        self.mounts.last().expect("one was mounted").grow(size);
    }

    pub(crate) fn daemon(&mut self, name: &str) -> &mut Daemon {
        self.daemons.get_mut(name).unwrap_or_else(|| panic!("{name} was not started"))
    }

    pub(crate) fn start_controller(&mut self, name: &str) {
        self.start_controller_with(name, &[]);
    }

    pub(crate) fn start_controller_with(&mut self, name: &str, flags: &[&str]) {
        let mut command = self.command("muster-controller");
        command.args(["-D", "--name", name, "--pidfile"]).arg(self.path(&format!("log/{name}.pid"))).args(flags);
        self.spawn(name, command);
    }

    pub(crate) fn start_node(&mut self, name: &str) {
        self.start_node_with(name, &[]);
    }

    pub(crate) fn start_node_with(&mut self, name: &str, flags: &[&str]) {
        self.start_node_as(name, name, flags);
    }

    /// A node daemon under a name that a controller of the site has already.
    pub(crate) fn start_node_as(&mut self, daemon: &str, node: &str, flags: &[&str]) {
        let mut command = self.command("muster-noded");
        command.args(["-D", "-N", node]).args(flags);
        self.spawn(daemon, command);
    }

    /// A node daemon with a spool, and so a key, of its own.
    pub(crate) fn start_impostor(&mut self, name: &str) {
        let mut command = self.command("muster-noded");
        command.args(["-D", "-N", name, "-f"]).arg(self.path("impostor.conf"));
        self.spawn("impostor", command);
    }

    /// Any program, ended with the site.
    pub(crate) fn spawn(&mut self, name: &str, command: Command) {
        self.daemons.insert(name.to_owned(), Daemon::start(command));
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self, name: &str) {
        self.daemons.remove(name).unwrap_or_else(|| panic!("{name} was not started")).kill();
    }

    /// SIGTERM, and its end.
    pub(crate) fn stop(&mut self, name: &str) {
        let process = nix::unistd::Pid::from_raw(self.daemon(name).child.id() as i32);
        nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM).expect("it is ours");
        assert!(self.daemon(name).ends().success(), "{}", self.daemon(name).said());
        self.daemons.remove(name);
    }

    /// Whoever leads.
    pub(crate) fn leader(&self) -> String {
        let mut found = String::new();
        eventually("somebody leads", || {
            let status = self.try_run("muster", &["status"]).unwrap_or_default();
            let leading = status.lines().find(|line| line.contains("leader"));
            let name = leading.and_then(|line| line.split_whitespace().find(|word| self.daemons.contains_key(*word)));
            found = name.unwrap_or_default().to_owned();
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
        finish(self.command(program).args(arguments))
    }

    /// Runs a command that must fail; its standard error.
    pub(crate) fn fails(&self, program: &str, arguments: &[&str]) -> String {
        self.try_run(program, arguments).expect_err("it must fail")
    }

    pub(crate) fn voters(&self) -> usize {
        let status = self.try_run("muster", &["status", "--json"]).unwrap_or_default();
        let votes = |line: &&str| line.contains(r#""role": "leader""#) || line.contains(r#""role": "follower""#);
        status.lines().filter(votes).count()
    }

    /// A program of the site or of the machine, at home here.
    pub(crate) fn command(&self, program: &str) -> Command {
        let own = self.path("bin").join(program);
        let mut command = Command::new(if own.exists() { own } else { program.into() });
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("SLURM_CONF", self.path("slurm.conf")).current_dir(self.dir.path()).stdin(Stdio::null());
        command
    }

    fn link(&self, programs: &Path) {
        let link = |name: &str, target: &str| {
            let made = std::os::unix::fs::symlink(programs.join(target), self.path("bin").join(name));
            made.expect("the temporary directory is ours");
        };
        places::PROGRAMS.iter().for_each(|program| link(program, program));
        COMMANDS.iter().for_each(|command| link(command, "muster"));
    }

    /// `controllers` of them on loopback, one node, and `more` lines.
    pub(crate) fn configure(&self, name: &str, controllers: usize, spool: &str, more: &str) {
        // The impostor reaches the same controllers, and listens elsewhere.
        let known = fs::read_to_string(self.path("slurm.conf")).unwrap_or_default();
        let of_controllers = known.lines().find_map(|line| line.strip_prefix("SlurmctldPort=")?.parse().ok());
        let port: u16 = of_controllers.unwrap_or_else(|| places::free_ports(controllers));
        let (replica_port, node_port, dir) = (port + 1, places::free_ports(1), self.dir.path().display());
        let hosts: String =
            (1..=controllers).map(|number| format!("SlurmctldHost=c{number}(127.0.0.{number})\n")).collect();
        let user = if more.contains("SlurmUser=") {
            String::new()
        } else {
            let user = own_user();
            format!("SlurmUser={user}\nSlurmdUser={user}\n")
        };
        let text = format!(
            "ClusterName=proc\n{hosts}{user}{more}SlurmctldPort={port}\n\
             SlurmctldParameters=muster_replica_port={replica_port}\n\
             StateSaveLocation={dir}/state\nSlurmdSpoolDir={dir}/{spool}/%n\nSlurmdPidFile={dir}/log/{spool}-%n.pid\n\
             SelectType=select/cons_tres\nSelectTypeParameters=CR_Core\nProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\nMpiDefault=none\nReturnToService=2\nMinJobAge=3600\n\
             SlurmdParameters=config_overrides\n\
             NodeName=n1 NodeAddr=127.0.0.1 Port={node_port} CPUs=4 State=UNKNOWN\n\
             PartitionName=debug Nodes=n1 Default=YES MaxTime=INFINITE State=UP\n"
        );
        self.write(name, &text);
    }
}

/// Everybody may be anybody.
const NO_AUTH: &str = "AuthType=auth/none\nCredType=cred/none\n";

/// Standard output of success, or standard error.
pub(crate) fn finish(command: &mut Command) -> Result<String, String> {
    let output = command.output().unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() { Ok(String::from_utf8_lossy(&output.stdout).into_owned()) } else { Err(said) }
}

/// The name of whoever runs this test.
pub(crate) fn own_user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten();
    user.map_or_else(|| "root".to_owned(), |user| user.name)
}

impl Drop for Site {
    fn drop(&mut self) {
        // Steps outlive their node daemon: they are asked to end first.
        if self.daemons.contains_key("n1") {
            let _ = self.try_run("timeout", &["20", "scancel", "--me"]);
        }
    }
}
