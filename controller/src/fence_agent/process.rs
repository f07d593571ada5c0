//! Fence agents as processes, by the interface of the ClusterLabs agents (`fence_ipmilan`, `fence_redfish`, …): `key=value`
//! lines on standard input, the answer in the exit status.
//!
//! | action | exit status 0 | 2 | any other |
//! |---|---|---|---|
//! | status | on | off | unknown |
//! | off, on | taken | failed | failed |
//!
//! An agent has a process group of its own, which SIGKILL ends at the deadline: by this process, and by timeout(1) where this
//! process is no more. Secrets go over standard input alone: never on a command line, in the environment or into a log.

use std::os::unix::fs::PermissionsExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use muster_channel::BoxFuture;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use super::{FenceAction, FenceAgents, FenceCall, FenceSaid};

/// Of what an agent prints, so much is looked at, bytes.
const OUTPUT_BYTES_MAX: u64 = 4_096;
/// Longest password, bytes.
const PASSWORD_BYTES_MAX: u64 = 1_024;
/// Where agents look for the programs that they call.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Ends an agent although the controller died.
const TIMEOUT: &str = "timeout";

/// Starts the agents that fence.conf names.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProcessAgents;

impl FenceAgents for ProcessAgents {
    fn call(&self, call: &FenceCall, limit: Duration) -> BoxFuture<'_, Result<FenceSaid, String>> {
        let call = call.clone();
        Box::pin(async move {
            let agent = call.device.agent.clone();
            match tokio::time::timeout(limit, run(&call, limit)).await {
                Ok(said) => said.map_err(|why| format!("{agent} {}: {why}", call.action.word())),
                Err(_) => Err(format!("{agent} {}: no answer within {} s", call.action.word(), limit.as_secs())),
            }
        })
    }
}

async fn run(call: &FenceCall, limit: Duration) -> Result<FenceSaid, String> {
    let password = match &call.device.password_file {
        Some(path) => Some(password(path).await?),
        None => None,
    };
    let mut child = command(call, limit).spawn().map_err(|why| format!("cannot be started: {why}"))?;
    let group = Group::of(&child);
    let input = input(call, password.as_deref());
    let mut stdin = child.stdin.take().ok_or("no standard input")?;
    // An agent that does not read its input says so by its exit status.
    let told = async move {
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let ((), out, err, status) = tokio::join!(told, printed(stdout), printed(stderr), child.wait());
    drop(group);
    let status = status.map_err(|why| why.to_string())?;
    said(call.action, status).ok_or_else(|| {
        let text = if err.trim().is_empty() { out } else { err };
        let text = last_line(&text);
        let text = password.filter(|word| !word.is_empty()).map_or(text.clone(), |word| text.replace(&word, "***"));
        format!("{status}: {text}")
    })
}

fn command(call: &FenceCall, limit: Duration) -> Command {
    let seconds = limit.as_secs().max(1);
    let mut command = Command::new(TIMEOUT);
    command.args(["-s", "KILL", &seconds.to_string(), &call.device.agent]);
    command.env_clear().env("PATH", PATH).env("LANG", "C").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.process_group(0).kill_on_drop(true);
    command
}

fn input(call: &FenceCall, password: Option<&str>) -> String {
    let mut text = format!("action={}\nnodename={}\n", call.action.word(), call.node);
    for (name, value) in call.parameters() {
        text.push_str(&format!("{name}={value}\n"));
    }
    if let Some(password) = password {
        text.push_str(&format!("password={password}\n"));
    }
    text
}

/// The first line of a file that others may not read.
async fn password(path: &str) -> Result<String, String> {
    let failed = |why: std::io::Error| format!("PasswordFile {path}: {why}");
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mode = file.metadata().await.map_err(failed)?.permissions().mode();
    if mode & 0o007 != 0 {
        return Err(format!("PasswordFile {path}: everybody may read or change it (mode {:o})", mode & 0o777));
    }
    let mut text = String::new();
    file.take(PASSWORD_BYTES_MAX).read_to_string(&mut text).await.map_err(failed)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The beginning of what it prints; the rest is read, so that it does not wait for a reader.
async fn printed(from: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut from) = from else { return String::new() };
    let mut bytes = Vec::new();
    let _ = (&mut from).take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn said(action: FenceAction, status: ExitStatus) -> Option<FenceSaid> {
    match (action, status.code()) {
        (FenceAction::Status, Some(0)) => Some(FenceSaid::IsOn),
        (FenceAction::Status, Some(2)) => Some(FenceSaid::IsOff),
        (FenceAction::Off | FenceAction::On, Some(0)) => Some(FenceSaid::Acknowledged),
        (FenceAction::Status | FenceAction::Off | FenceAction::On, _) => None,
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.chars().filter(|c| !c.is_control()).collect()
}

/// Whatever an agent started ends with its call.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Nobody left in it is what is wanted.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}
