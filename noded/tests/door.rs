//! sbcast, listpids, prologs and epilogs.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use muster_channel::{Outside, dial};
use muster_proto::durable::EndCause;
use muster_proto::wire::node_client::NodeClient;
use muster_proto::wire::*;
use prost::Message;
use support::*;
use tokio_stream::iter;

fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

fn client(node: &Node) -> NodeClient<tonic::transport::Channel> {
    NodeClient::new(dial(&Outside::real(), &node.noded.address, PATIENCE))
}

async fn broadcast(node: &Node, uid: u32, path: &Path, force: bool, text: &str) -> BroadcastDone {
    let start = BroadcastStart {
        uid: 100,
        attempt: 1,
        path: path.to_str().unwrap().into(),
        mode: 0o751,
        size: text.len() as u64,
        force,
        ..BroadcastStart::default()
    };
    let signed = sealed(node, uid, start.encode_to_vec()).await;
    let (first, rest) = text.as_bytes().split_at(text.len() / 2);
    let chunks = vec![
        BroadcastChunk { start: Some(signed), data: first.to_vec().into(), last: false },
        BroadcastChunk { start: None, data: rest.to_vec().into(), last: true },
    ];
    client(node).broadcast(iter(chunks)).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_broadcast_file_is_written_once_unless_forced() {
    let place = Place::new();
    let (_leader, node) = held(&place).await;
    let path = place.work().join("program");
    let done = broadcast(&node, me(), &path, false, "first text").await;
    assert_eq!(done, BroadcastDone { error: 0, message: String::new(), bytes: 10 });
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o751);
    let done = broadcast(&node, me(), &path, false, "second").await;
    assert_eq!((done.error, &done.message[..]), (17, "File exists"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "first text");
    assert_eq!(broadcast(&node, me(), &path, true, "second").await.error, 0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "second");
    assert_eq!(fs::read_dir(place.work()).unwrap().count(), 1, "nothing is left beside it");
    node.stop().await;
}

#[tokio::test]
async fn a_broadcast_needs_a_place_and_a_right() {
    let place = Place::new();
    let (_leader, node) = held(&place).await;
    let done = broadcast(&node, me(), &place.work().join("no/such"), false, "text").await;
    assert_eq!((done.error, &done.message[..]), (2, "No such file or directory"));
    let done = broadcast(&node, 54_321, &place.work().join("other"), false, "text").await;
    assert_eq!(done.message, "Access/permission denied");
    node.stop().await;
}

async fn call(node: &Node, body: node_request::Body) -> node_reply::Body {
    let request = NodeRequest { body: Some(body) };
    let signed = sealed(node, me(), request.encode_to_vec()).await;
    client(node).call(signed).await.unwrap().into_inner().body.unwrap()
}

#[tokio::test]
async fn a_node_says_its_name_and_the_processes_of_a_job() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let pong = call(&node, node_request::Body::Ping(NodePing {})).await;
    assert!(matches!(pong, node_reply::Body::Pong(pong) if pong.name == "n1"));
    let script = "#!/bin/sh\nsleep 1000 & wait\n";
    leader.order(100, 1, order::Body::LaunchStep(batch(&place.work(), script))).await;
    leader.started().await;
    let mut pids = Vec::new();
    while pids.len() < 2 {
        match call(&node, node_request::Body::ListPids(ListPids { job_id: 12, step_id: None })).await {
            node_reply::Body::Pids(list) => pids = list.pids,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pids.iter().filter(|pid| pid.task).count(), 1);
    assert!(pids.iter().all(|pid| (pid.job_id, pid.step_id) == (12, BATCH)));
    let none = call(&node, node_request::Body::ListPids(ListPids { job_id: 99, step_id: None })).await;
    assert!(matches!(none, node_reply::Body::Failure(failure) if failure.error == 2017));
    leader.order(100, 1, order::Body::EndAttempt(EndAttempt::default())).await;
    leader.exit().await;
    node.stop().await;
}

fn program(path: &Path, text: &str) -> String {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    path.to_str().unwrap().into()
}

#[tokio::test]
async fn prolog_and_epilog_run_around_the_job_with_its_names() {
    let mut place = Place::new();
    let told = place.work().join("told");
    let line = |what: &str| {
        format!("#!/bin/sh\necho {what} $SLURM_JOB_ID $SLURM_JOB_USER $SLURM_SCRIPT_CONTEXT >>{}\n", told.display())
    };
    place.hooks.prolog.push(program(&place.dir.path().join("prolog"), &line("before")));
    place.hooks.epilog.push(program(&place.dir.path().join("epilog"), &line("after")));
    let (mut leader, node) = held(&place).await;
    let end = EndAttempt { cause: EndCause::Exited as i32, ..EndAttempt::default() };
    leader.order(100, 1, order::Body::EndAttempt(end)).await;
    assert_eq!(leader.released().await.drain_reason, "");
    let text = fs::read_to_string(told).unwrap();
    assert_eq!(text, "before 12 me prolog_slurmd\nafter 12 me epilog_slurmd\n");
    node.stop().await;
}

#[tokio::test]
async fn a_prolog_that_fails_refuses_the_attempt() {
    let mut place = Place::new();
    place.hooks.prolog.push(program(&place.dir.path().join("prolog"), "#!/bin/sh\nexit 1\n"));
    let mut leader = Leader::start().await;
    let node = place.start(&leader).await;
    leader.order(100, 1, hold(&place.work())).await;
    let report::Body::Refused(refused) = leader.report().await else { panic!("not refused") };
    assert_eq!((refused.prolog_failed, &refused.why[..]), (true, "Prolog error"));
    node.stop().await;
}

#[tokio::test]
async fn a_prolog_that_hangs_is_killed_after_its_time() {
    let mut place = Place::new();
    place.hooks.prolog.push(program(&place.dir.path().join("prolog"), "#!/bin/sh\nsleep 1000\n"));
    place.hooks.prolog_timeout_s = Some(0);
    let mut leader = Leader::start().await;
    let node = place.start(&leader).await;
    leader.order(100, 1, hold(&place.work())).await;
    let report::Body::Refused(refused) = leader.report().await else { panic!("not refused") };
    assert!(refused.prolog_failed);
    node.stop().await;
}

#[tokio::test]
async fn an_epilog_that_fails_asks_for_a_drain() {
    let mut place = Place::new();
    place.hooks.epilog.push(program(&place.dir.path().join("epilog"), "#!/bin/sh\nexit 1\n"));
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::EndAttempt(EndAttempt::default())).await;
    assert_eq!(leader.released().await.drain_reason, "Epilog error");
    node.stop().await;
}

#[tokio::test]
async fn a_task_prolog_exports_and_prints() {
    let mut place = Place::new();
    let text = "#!/bin/sh\necho export FROM_PROLOG=yes\necho print hello\necho unset HOME\n";
    place.hooks.task_prolog = Some(program(&place.dir.path().join("task_prolog"), text));
    let (mut leader, node) = held(&place).await;
    let script = "#!/bin/sh\necho $FROM_PROLOG ${HOME-none}\n";
    leader.order(100, 1, order::Body::LaunchStep(batch(&place.work(), script))).await;
    leader.exit().await;
    assert_eq!(fs::read_to_string(place.work().join("slurm-12.out")).unwrap(), "hello\nyes none\n");
    node.stop().await;
}

#[tokio::test]
async fn a_jobs_environment_is_slurms() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let mut launch =
        batch(&place.work(), "#!/bin/sh\nenv | grep -E '^(SLURM|CUDA|GPU|TMPDIR|HOSTNAME|ENVIR)' | sort\n");
    launch.environment = b"PATH=/usr/bin:/bin\0SLURM_SUBMIT_DIR=/sub\0"[..].into();
    let facts = launch.facts.as_mut().unwrap();
    facts.nodes = vec!["n1".into(), "n2".into()];
    (facts.cpus, facts.tasks) = (vec![3, 1], vec![3, 1]);
    let job = launch.job.as_mut().unwrap();
    (job.account, job.qos, job.alloc_host) = ("root".into(), "normal".into(), "vm".into());
    let request = muster_proto::durable::Request {
        ntasks: 4,
        ntasks_set: true,
        mem_per_cpu_mib: Some(100),
        ..Default::default()
    };
    job.request = Some(request);
    let (uid, gid) = (job.uid, job.gid);
    leader.order(100, 1, order::Body::LaunchStep(launch)).await;
    leader.exit().await;
    let text = fs::read_to_string(place.work().join("slurm-12.out")).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("SLURM_TASK_PID=")).collect();
    let expected = format!(
        "ENVIRONMENT=BATCH\nHOSTNAME=n1\nSLURMD_NODENAME=n1\nSLURM_CLUSTER_NAME=test\nSLURM_CONF=/etc/slurm/slurm.conf\n\
         SLURM_CPUS_ON_NODE=3\nSLURM_GTIDS=0\nSLURM_JOBID=12\nSLURM_JOB_ACCOUNT=root\nSLURM_JOB_CPUS_PER_NODE=3,1\n\
         SLURM_JOB_GID={gid}\nSLURM_JOB_ID=12\nSLURM_JOB_NAME=job\nSLURM_JOB_NODELIST=n[1-2]\nSLURM_JOB_NUM_NODES=2\n\
         SLURM_JOB_PARTITION=debug\nSLURM_JOB_QOS=normal\nSLURM_JOB_UID={uid}\nSLURM_JOB_USER=me\nSLURM_LOCALID=0\n\
         SLURM_MEM_PER_CPU=100\nSLURM_NNODES=2\nSLURM_NODEID=0\nSLURM_NODELIST=n[1-2]\nSLURM_NODE_ALIASES=(null)\n\
         SLURM_NPROCS=4\nSLURM_NTASKS=4\nSLURM_PRIO_PROCESS=0\nSLURM_PROCID=0\nSLURM_SUBMIT_DIR=/sub\n\
         SLURM_SUBMIT_HOST=vm\nSLURM_TASKS_PER_NODE=3,1\nSLURM_TOPOLOGY_ADDR=n1\nSLURM_TOPOLOGY_ADDR_PATTERN=node\n\
         TMPDIR=/tmp"
    );
    assert_eq!(lines.join("\n"), expected);
    node.stop().await;
}
