//! Fencing with agents that are real processes: small scripts in a directory of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_controller::{Controller, FenceAction, FenceAgents, FenceCall, FenceSaid, ProcessAgents, Settings};
use muster_dialect::conf::{FenceDevice, Stored, parse};
use muster_dialect::state::JobState;
use muster_proto::durable::{ConfigFile, ConfigFiles, RequestFence, UpdateNode};
use muster_proto::wire::{ListFences, PlanFence, order, reply, request};
use muster_raft_store::MemoryDisk;
use tempfile::TempDir;

use crate::stage::{
    ALICE, FakeNode, call, client, conf, found, refused, restarted, settings, soon, start_with, submit, until_job,
};

const SECRET: &str = "hunter2";

/// Notes what it is told, switches a file between "on" and "off", and answers as the agents of ClusterLabs do.
const AGENT: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
action=
while IFS='=' read -r key value; do
    echo "$key=$value" >>told
    [ "$key" = action ] && action=$value
done
echo "$0 $*" >>argv
env >>env
case $action in
status) [ "$(cat power)" = off ] && exit 2; exit 0 ;;
off | on) echo "$action" >power ;;
*) exit 1 ;;
esac
"#;

fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn secret(dir: &Path, mode: u32) -> String {
    let path = dir.join("secret");
    fs::write(&path, format!("{SECRET}\nnot this\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// The device of a line of fence.conf.
fn device(line: &str) -> FenceDevice {
    let files = [("/e/slurm.conf".to_owned(), conf()), ("/e/fence.conf".to_owned(), line.to_owned())];
    let parsed = parse(&Stored(&files), "/e/slurm.conf");
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.diagnostics)).fence.devices.remove(0)
}

async fn ask(device: &FenceDevice, action: FenceAction, limit: Duration) -> Result<FenceSaid, String> {
    let call = FenceCall { node: "n1".to_owned(), device: device.clone(), action };
    soon(ProcessAgents.call(&call, limit)).await
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_agent_reads_its_orders_and_secrets_from_standard_input_alone() {
    let dir = TempDir::new().unwrap();
    let agent = script(dir.path(), "agent", AGENT);
    fs::write(dir.path().join("power"), "on").unwrap();
    let secret = secret(dir.path(), 0o600);
    let line = format!("NodeName=n1 Agent={} Parameters=\"ip=bmc-%n plug=7\" PasswordFile={secret}", agent.display());
    let device = device(&line);
    assert_eq!(ask(&device, FenceAction::Status, LONG).await, Ok(FenceSaid::IsOn));
    assert_eq!(ask(&device, FenceAction::Off, LONG).await, Ok(FenceSaid::Acknowledged));
    assert_eq!(ask(&device, FenceAction::Status, LONG).await, Ok(FenceSaid::IsOff));
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let told = read("told");
    let first: Vec<&str> = told.lines().take(5).collect();
    assert_eq!(first, ["action=status", "nodename=n1", "ip=bmc-n1", "plug=7", "password=hunter2"]);
    assert!(!read("argv").contains(SECRET) && !read("env").contains(SECRET));
}

#[tokio::test]
async fn what_an_agent_says_of_its_failure_holds_no_secret() {
    let dir = TempDir::new().unwrap();
    let agent = script(dir.path(), "agent", "#!/bin/sh\ncat >&2\necho \"login with hunter2 failed\" >&2\nexit 1\n");
    let secret = secret(dir.path(), 0o600);
    let device = device(&format!("NodeName=n1 Agent={} PasswordFile={secret}", agent.display()));
    let why = ask(&device, FenceAction::Off, LONG).await.unwrap_err();
    assert!(why.ends_with("off: exit status: 1: login with *** failed"), "{why}");
}

#[tokio::test]
async fn a_password_that_everybody_may_read_is_not_used() {
    let dir = TempDir::new().unwrap();
    let agent = script(dir.path(), "agent", AGENT);
    let secret = secret(dir.path(), 0o604);
    let device = device(&format!("NodeName=n1 Agent={} PasswordFile={secret}", agent.display()));
    let why = ask(&device, FenceAction::Off, LONG).await.unwrap_err();
    assert!(why.contains("everybody may read or change it (mode 604)"), "{why}");
    assert!(!dir.path().join("told").exists(), "the agent was not started");
}

#[tokio::test]
async fn an_agent_that_hangs_ends_at_its_deadline_with_all_that_it_started() {
    let dir = TempDir::new().unwrap();
    let text = "#!/bin/sh\ncd \"$(dirname \"$0\")\"\nsleep 1000 &\necho $! >child\nwait\n";
    let agent = script(dir.path(), "agent", text);
    let device = device(&format!("NodeName=n1 Agent={}", agent.display()));
    let began = Instant::now();
    let why = ask(&device, FenceAction::Off, Duration::from_secs(1)).await.unwrap_err();
    assert!(why.contains("no answer within 1 s") || why.contains("signal: 9"), "{why}");
    assert!(began.elapsed() < LONG);
    let child: i32 = fs::read_to_string(dir.path().join("child")).unwrap().trim().parse().unwrap();
    soon(async {
        while is_alive(child) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// A zombie that init has not reaped yet is dead.
fn is_alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_said_to_be_missing() {
    let why = ask(&device("NodeName=n1 Agent=/nowhere/agent"), FenceAction::Off, LONG).await.unwrap_err();
    assert!(why.contains("exit status: 127"), "{why}");
}

/// slurm.conf of a site whose nodes are lost after a second, on hosts other than the controllers'; and its fence.conf.
fn site(fence: &str) -> ConfigFiles {
    let slurm =
        conf().replace("NodeAddr=127.0.0.1", "NodeAddr=127.0.0.2").replace("AuthType", "SlurmdTimeout=1\nAuthType");
    let file = |path: &str, text: String| ConfigFile { path: path.into(), text };
    ConfigFiles { files: vec![file("/e/slurm.conf", slurm), file("/e/fence.conf", fence.to_owned())] }
}

async fn fenced_cluster(fence: &str) -> Controller {
    let files = site(fence);
    let base = settings("a", &MemoryDisk::new(1), Vec::new());
    let timers = muster_controller::Timers { look_again: Duration::from_millis(50), ..base.timers.clone() };
    let controller = start_with(Settings { files, fence_agents: Arc::new(ProcessAgents), timers, ..base }).await;
    found(&controller).await;
    controller
}

#[tokio::test]
async fn a_lost_node_is_fenced_by_an_agent_and_its_job_is_requeued() {
    let dir = TempDir::new().unwrap();
    let agent = script(dir.path(), "agent", AGENT);
    fs::write(dir.path().join("power"), "on").unwrap();
    let fence = format!("FenceDelay=0 MaxFences=1\nNodeName=n[1-2] Agent={} Timeout=20\n", agent.display());
    let controller = fenced_cluster(&fence).await;
    submit(&client(ALICE, &controller), "job").await;
    let mut node = FakeNode::open(&controller, "n1").await.unwrap();
    node.obey(0, |order| matches!(order.body, Some(order::Body::Hold(_)))).await;
    drop(node);
    let job = until_job(&controller, restarted).await;
    assert_eq!(job.row.unwrap().state, JobState::Pending.code());
    assert_eq!(fs::read_to_string(dir.path().join("power")).unwrap(), "off\n");
    controller.stop().await;
}

#[tokio::test]
async fn an_operator_looks_first_and_then_fences_a_node_that_is_down() {
    let dir = TempDir::new().unwrap();
    let agent = script(dir.path(), "agent", AGENT);
    fs::write(dir.path().join("power"), "on").unwrap();
    let secret = secret(dir.path(), 0o600);
    let fence = format!("FenceAuto=no\nNodeName=n1 Agent={} PasswordFile={secret}\n", agent.display());
    let controller = fenced_cluster(&fence).await;
    let (root, alice) = (client(0, &controller), client(ALICE, &controller));
    let node = FakeNode::open(&controller, "n1").await.unwrap();
    let plan = |force| request::Body::PlanFence(PlanFence { name: "n1".into(), force });
    let reply::Body::FencePlan(up) = call(&root, plan(false)).await else { panic!("no plan") };
    assert_eq!(up.obstacle, "n1 is not DOWN: set it DOWN first");
    assert_eq!((up.steps[0].state.as_str(), up.steps[0].password), ("on", true));
    assert!(!format!("{up:?}").contains(SECRET));
    let down =
        UpdateNode { names: "n1".into(), state: "DOWN".into(), reason: Some("smoke".into()), ..Default::default() };
    call(&root, request::Body::UpdateNode(down)).await;
    let reply::Body::FencePlan(ready) = call(&root, plan(false)).await else { panic!("no plan") };
    assert_eq!(ready.obstacle, "");
    assert_eq!(fs::read_to_string(dir.path().join("power")).unwrap(), "on", "a dry run does nothing");
    let fence =
        || request::Body::RequestFence(RequestFence { name: "n1".into(), why: "smoke".into(), ..Default::default() });
    assert_eq!(refused(&alice, fence()).await.0, 2010);
    assert_eq!(refused(&alice, request::Body::ListFences(ListFences::default())).await.0, 2002);
    call(&root, fence()).await;
    let row = soon(async {
        loop {
            let all = request::Body::ListFences(ListFences { history: true });
            let reply::Body::Fences(list) = call(&root, all).await else { panic!("no list") };
            if let Some(row) = list.fences.iter().find(|row| row.off_ms != 0) {
                return row.clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!((row.by_name.as_str(), row.why.as_str(), row.call), ("root", "smoke", 1));
    drop(node);
    controller.stop().await;
}

#[tokio::test]
async fn an_agent_that_acknowledges_and_does_nothing_frees_nothing_and_the_next_level_is_tried() {
    let dir = TempDir::new().unwrap();
    let liar = script(dir.path(), "liar", "#!/bin/sh\ncat >/dev/null\nexit 0\n");
    let agent = script(dir.path(), "agent", AGENT);
    fs::write(dir.path().join("power"), "on").unwrap();
    let (liar, agent) = (liar.display(), agent.display());
    let fence = format!(
        "FenceDelay=0 MaxFences=1\nNodeName=n1 Agent={liar} Timeout=2\nNodeName=n1 Level=2 Agent={agent} Timeout=20\n"
    );
    let controller = fenced_cluster(&fence).await;
    submit(&client(ALICE, &controller), "job").await;
    let mut node = FakeNode::open(&controller, "n1").await.unwrap();
    node.obey(0, |order| matches!(order.body, Some(order::Body::Hold(_)))).await;
    drop(node);
    until_job(&controller, |job| job.lost_nodes == "n1").await;
    let job = until_job(&controller, restarted).await;
    assert_eq!(job.row.unwrap().state, JobState::Pending.code());
    assert_eq!(fs::read_to_string(dir.path().join("power")).unwrap(), "off\n", "only then was it off");
    controller.stop().await;
}
