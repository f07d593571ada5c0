//! A cluster to measure: Muster's demo cluster, or Debian's Slurm, each in a directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

/// A running cluster; ends with this value.
pub(super) struct Site {
    pub(super) name: &'static str,
    pub(super) directory: PathBuf,
    path: String,
    stop: Vec<String>,
}

impl Site {
    /// Three controllers, four nodes of 64 CPUs, by `deploy/demo up`.
    pub(super) fn muster() -> Result<Self> {
        Self::muster_with(&[])
    }

    /// The same, with some of the variables that `deploy/demo` knows.
    pub(super) fn muster_with(variables: &[(&str, String)]) -> Result<Self> {
        let directory = fresh_directory("muster-bench")?;
        let script = deploy("demo");
        let mut start = Command::new(&script);
        start.arg("up").env("MUSTER_DEMO_DIR", &directory).env("MUSTER_DEMO_CPUS", "64");
        start.envs(variables.iter().map(|(name, value)| (name, value)));
        eprintln!("starting Muster in {}", directory.display());
        ensure!(start.stdout(std::io::stderr()).status()?.success(), "deploy/demo up failed");
        let path = format!("{}:{}", directory.join("bin").display(), std::env::var("PATH").unwrap_or_default());
        Ok(Self { name: "muster", directory, path, stop: vec![script, "stop".into()] })
    }

    /// One slurmctld, four nodes of the same shape, by `deploy/peer`.
    pub(super) fn slurm() -> Result<Self> {
        let directory = fresh_directory("slurm-bench")?;
        let script = deploy("peer");
        eprintln!("starting Slurm in {}", directory.display());
        let status = Command::new(&script).arg("start").arg(&directory).stdout(std::io::stderr()).status()?;
        ensure!(status.success(), "deploy/peer start failed");
        let path = std::env::var("PATH").unwrap_or_default();
        let stop = vec![script, "stop".into(), directory.display().to_string()];
        Ok(Self { name: "slurm", directory, path, stop })
    }

    /// A command of this cluster: by name, in its scratch folder, with its environment alone.
    pub(super) fn command(&self, program: &str) -> Command {
        let found = self.path.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.exists());
        let mut command = Command::new(found.unwrap_or_else(|| program.into()));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SLURM_")) {
            command.env_remove(name);
        }
        command.env("PATH", &self.path).env("SLURM_CONF", self.directory.join("etc/slurm.conf"));
        command.env("MUSTER_DEMO_DIR", &self.directory).current_dir(&self.directory);
        command
    }

    /// Runs it to its end; fails with what it said when it fails.
    pub(super) fn run(&self, program: &str, arguments: &[&str]) -> Result<String> {
        let output: Output = self.command(program).args(arguments).output().with_context(|| program.to_owned())?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} {program} {arguments:?}: {said}", self.name);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The process of a daemon.
    pub(super) fn pid(&self, daemon: &str) -> Result<String> {
        let path = self.directory.join(format!("run/{daemon}.pid"));
        Ok(std::fs::read_to_string(&path).with_context(|| path.display().to_string())?.trim().to_owned())
    }

    /// Cancels everything and waits until nothing is left.
    pub(super) fn clear(&self) -> Result<()> {
        let user = self.run("id", &["-un"])?;
        self.run("scancel", &["-u", user.trim()])?;
        self.wait_empty()
    }

    /// Waits until no job waits, runs or completes.
    pub(super) fn wait_empty(&self) -> Result<()> {
        while !self.run("squeue", &["-h"])?.trim().is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = Command::new(&self.stop[0]).args(&self.stop[1..]).env("MUSTER_DEMO_DIR", &self.directory).status();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// A script of deploy/.
pub(super) fn deploy(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask stands in the workspace");
    root.join("deploy").join(name).display().to_string()
}

fn fresh_directory(name: &str) -> Result<PathBuf> {
    let directory = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir(&directory).with_context(|| format!("{}", directory.display()))?;
    Ok(directory)
}
