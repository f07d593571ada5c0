//! Prolog and epilog: the site's programs around a job on this node, as the daemon's user.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use muster_dialect::hostlist;
use muster_proto::wire::Hold;
use tokio::process::Command;
use tracing::{info, warn};

use super::children;

/// Programs that one pattern may stand for.
const PROGRAMS_MAX: usize = 100;

/// What the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    /// `Prolog`: paths, or patterns of paths, in the order of their lines.
    pub prolog: Vec<String>,
    /// `Epilog`.
    pub epilog: Vec<String>,
    /// `PrologTimeout`.
    pub prolog_timeout_s: Option<u32>,
    /// `EpilogTimeout`.
    pub epilog_timeout_s: Option<u32>,
    /// `TaskProlog`.
    pub task_prolog: Option<String>,
    /// `TaskEpilog`.
    pub task_epilog: Option<String>,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hook {
    Prolog,
    Epilog,
}

/// What is the same for all jobs.
pub(crate) struct Site<'a> {
    pub(crate) hooks: &'a Hooks,
    pub(crate) node_name: &'a str,
    pub(crate) slurm_conf: &'a str,
}

impl Site<'_> {
    /// Runs the programs line by line, those of one pattern in order of their names; the first failure ends it, in words.
    pub(crate) async fn run(&self, hook: Hook, hold: &Hold) -> Result<(), String> {
        let (patterns, timeout_s, name) = match hook {
            Hook::Prolog => (&self.hooks.prolog, self.hooks.prolog_timeout_s, "Prolog"),
            Hook::Epilog => (&self.hooks.epilog, self.hooks.epilog_timeout_s, "Epilog"),
        };
        for program in patterns.iter().flat_map(|pattern| programs(pattern)) {
            let limit = timeout_s.map(|seconds| Duration::from_secs(u64::from(seconds)));
            if let Err(why) = self.run_one(hook, &program, hold, limit).await {
                warn!("{name} {}: {why}", program.display());
                return Err(format!("{name} error"));
            }
        }
        Ok(())
    }

    async fn run_one(&self, hook: Hook, program: &Path, hold: &Hold, limit: Option<Duration>) -> Result<(), String> {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment(hook, hold)).current_dir("/");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).kill_on_drop(true);
        let spawned = children::start(|| command.spawn(), |child| child.id().map(|pid| pid as i32));
        let mut child = spawned.map_err(|e| e.to_string())?;
        let group = child.id();
        let waiting = child.wait();
        let status = match limit {
            None => waiting.await,
            Some(limit) => match tokio::time::timeout(limit, waiting).await {
                Ok(status) => status,
                Err(_) => {
                    kill_group(group);
                    let _ = child.wait().await;
                    children::ended(group.unwrap_or(0) as i32);
                    return Err(format!("still running after {limit:?}: killed"));
                }
            },
        };
        children::ended(group.unwrap_or(0) as i32);
        match status {
            Ok(status) if status.success() => {
                info!("{} ran", program.display());
                Ok(())
            }
            Ok(status) => Err(status.to_string()),
            Err(e) => Err(e.to_string()),
        }
    }

    fn environment(&self, hook: Hook, hold: &Hold) -> Vec<(&'static str, String)> {
        let spec = hold.spec.clone().unwrap_or_default();
        let facts = hold.facts.clone().unwrap_or_default();
        let context = if hook == Hook::Prolog { "prolog_slurmd" } else { "epilog_slurmd" };
        let id = facts.job_id.to_string();
        let mut env = vec![
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("SLURM_SCRIPT_CONTEXT", context.to_owned()),
            ("SLURM_CLUSTER_NAME", facts.cluster.clone()),
            ("SLURM_CONF", self.slurm_conf.to_owned()),
            ("SLURMD_NODENAME", self.node_name.to_owned()),
            ("SLURM_JOB_ID", id.clone()),
            ("SLURM_JOBID", id),
            ("SLURM_JOB_NAME", spec.name.clone()),
            ("SLURM_JOB_UID", spec.uid.to_string()),
            ("SLURM_UID", spec.uid.to_string()),
            ("SLURM_JOB_GID", spec.gid.to_string()),
            ("SLURM_JOB_USER", spec.user_name.clone()),
            ("SLURM_JOB_GROUP", spec.group_name.clone()),
            ("SLURM_JOB_ACCOUNT", spec.account.clone()),
            ("SLURM_JOB_PARTITION", facts.partition.clone()),
            ("SLURM_JOB_NODELIST", hostlist::fold(&facts.nodes)),
            ("SLURM_NODELIST", hostlist::fold(&facts.nodes)),
            ("SLURM_JOB_WORK_DIR", spec.work_dir.clone()),
            ("SLURM_JOB_COMMENT", spec.comment.clone()),
        ];
        if let Some(task) = facts.array_task {
            env.push(("SLURM_ARRAY_JOB_ID", facts.array_job_id.to_string()));
            env.push(("SLURM_ARRAY_TASK_ID", task.to_string()));
        }
        let gres = facts.gres.get(facts.node_position as usize);
        let gpus = gres.and_then(|gres| gres.split(';').find_map(|kind| kind.strip_prefix("gpu:")));
        if let Some(gpus) = gpus {
            env.push(("SLURM_JOB_GPUS", gpus.to_owned()));
            env.push(("CUDA_VISIBLE_DEVICES", gpus.to_owned()));
        }
        env
    }
}

fn kill_group(group: Option<u32>) {
    use nix::sys::signal::{Signal, killpg};
    if let Some(group) = group {
        let _ = killpg(nix::unistd::Pid::from_raw(group as i32), Signal::SIGKILL);
    }
}

/// The paths that `Prolog=/etc/slurm/prolog.d/*` stands for, sorted; a plain path is itself.
fn programs(pattern: &str) -> Vec<PathBuf> {
    let path = Path::new(pattern);
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((before, after)) = name.split_once('*') else { return vec![path.to_owned()] };
    let Ok(entries) = std::fs::read_dir(path.parent().unwrap_or(Path::new("/"))) else { return Vec::new() };
    let matches = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after) && path.is_file()
    };
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(matches).collect();
    found.sort();
    found.truncate(PROGRAMS_MAX);
    found
}
