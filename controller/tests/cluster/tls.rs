//! Controllers that speak TLS: what their doors ask, and that certificates are renewed under them.

#[path = "../../../channel/tests/tls/authority.rs"]
mod authority;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use authority::{Authority, load};
use muster_channel::{CallError, Client, ClientOptions, NoAuth, Outside};
use muster_controller::{Controller, Settings, Timers};
use muster_proto::wire::{InitCluster, ListJobs, ListReplicas, Ping, reply, request};
use muster_raft_store::MemoryDisk;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::stage::{ALICE, SLURM, call, client, jobs, keeper, settings, soon, submit, users};

const NAMES: [&str; 3] = ["a", "b", "c"];
const LONG: i32 = 2049;

fn directory(authority: &Authority) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    authority.publish(dir.path());
    dir
}

fn issue(authority: &Authority, dir: &Path, name: &str) {
    authority.issue(dir, "ctld", &format!("muster://test/replica/{name}"), LONG);
}

/// The network of whoever has files in `dir`.
fn outside(dir: &Path, uri: &str) -> Outside {
    Outside::real().with_tls(Some(&load(dir, uri, "").unwrap()))
}

async fn start(name: &str, dir: &Path, disk: &MemoryDisk, known: Vec<String>) -> Controller {
    let outside = outside(dir, &format!("muster://test/replica/{name}"));
    let keeper = Arc::new(NoAuth::new(SLURM, SLURM));
    let settings = settings(name, disk, known);
    // Handshakes are made on this one thread here, unoptimised, and take longer than an election of the usual timers.
    let raft = muster_raft_store::Timers { election_min_ms: 1_000, election_max_ms: 2_000, ..settings.timers.raft };
    let settings = Settings { timers: Timers { raft, ..settings.timers }, ..settings };
    let started = Controller::start(settings, outside, keeper, Arc::new(users())).await;
    started.expect("a controller starts")
}

/// A command of `uid` that believes the authorities in `dir`.
fn tls_client(uid: u32, dir: &Path, controllers: Vec<String>) -> Client {
    let options = ClientOptions {
        cluster: "test".into(),
        controllers,
        host: "login".into(),
        program: "test".into(),
        one_try: Duration::from_secs(10),
        give_up: Duration::from_secs(25),
    };
    Client::new(outside(dir, "muster://test/client/ann"), keeper(uid), options)
}

/// `GET path` at `controller`, with the certificate in `dir`.
async fn get(controller: &Controller, dir: &Path, path: &str) -> String {
    let net = outside(dir, "muster://test/client/ann").net;
    let mut stream = soon(net.connect(controller.client_address())).await.expect("the door is open");
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the door reads");
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("the door answers");
    answer
}

/// How often `controller` and the replica `name` refused each other, as it tells.
async fn refusals(controller: &Controller, dir: &Path, name: &str) -> u64 {
    let page = get(controller, dir, "/metrics").await;
    let line = format!("muster_raft_replica_refusals_total{{replica=\"{name}\"}} ");
    let count = page.lines().find_map(|it| it.strip_prefix(&line)).unwrap_or_else(|| panic!("no {line} in {page}"));
    count.parse::<f64>().expect("a number") as u64
}

async fn until_three_vote(client: &Client) {
    soon(async {
        loop {
            let answer = call(client, request::Body::ListReplicas(ListReplicas {})).await;
            let reply::Body::Replicas(list) = answer else { panic!("no list of replicas") };
            if list.replicas.iter().filter(|it| it.role == "leader" || it.role == "follower").count() == 3 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Three voters, each with its files, and where clients reach them.
struct Three {
    controllers: Vec<Controller>,
    disks: Vec<MemoryDisk>,
    dirs: Vec<TempDir>,
}

impl Three {
    async fn start(authority: &Authority) -> Self {
        let disks: Vec<MemoryDisk> = (1..=3).map(MemoryDisk::new).collect();
        let dirs: Vec<TempDir> = NAMES.iter().map(|_| directory(authority)).collect();
        for (dir, name) in dirs.iter().zip(NAMES) {
            issue(authority, dir.path(), name);
        }
        let a = start("a", dirs[0].path(), &disks[0], Vec::new()).await;
        let known = vec![a.client_address().to_owned()];
        let root = tls_client(0, dirs[0].path(), known.clone());
        call(&root, request::Body::InitCluster(InitCluster::default())).await;
        let mut controllers = vec![a];
        for at in [1, 2] {
            controllers.push(start(NAMES[at], dirs[at].path(), &disks[at], known.clone()).await);
            soon(controllers[at].until_member()).await;
        }
        until_three_vote(&root).await;
        Self { controllers, disks, dirs }
    }

    fn addresses(&self) -> Vec<String> {
        self.controllers.iter().map(|it| it.client_address().to_owned()).collect()
    }

    async fn stop(self) {
        for controller in self.controllers {
            controller.stop().await;
        }
    }
}

#[tokio::test]
async fn an_authority_and_all_its_certificates_are_replaced_under_a_running_cluster() {
    let (older, newer) = (Authority::new(), Authority::new());
    let (of_older, of_newer) = (directory(&older), directory(&newer));
    let mut three = Three::start(&older).await;
    let before = tls_client(ALICE, of_older.path(), three.addresses());
    submit(&before, "before").await;
    for (dir, name) in three.dirs.iter().zip(NAMES) {
        newer.publish(dir.path());
        issue(&newer, dir.path(), name);
    }
    // Whoever comes now is shown the new certificates.
    let after = tls_client(ALICE, of_newer.path(), three.addresses());
    submit(&after, "after").await;
    let stranger = tls_client(ALICE, of_older.path(), three.addresses());
    let refused = soon(stranger.call_one(&three.addresses()[0], request::Body::Ping(Ping {}))).await;
    assert!(matches!(refused, Err(CallError::Unreachable)), "{refused:?}");
    // A replica that starts anew has nothing but new connections.
    three.controllers.remove(1).stop().await;
    let known = three.addresses();
    let again = start("b", three.dirs[1].path(), &three.disks[1], known).await;
    three.controllers.insert(1, again);
    until_three_vote(&tls_client(0, of_newer.path(), three.addresses())).await;
    let own = tls_client(ALICE, of_newer.path(), vec![three.controllers[1].client_address().to_owned()]);
    assert_eq!(jobs(&own).await.len(), 2);
    three.stop().await;
}

#[tokio::test]
async fn a_controller_tells_when_its_certificates_end_and_takes_nobody_in_the_clear() {
    let authority = Authority::new();
    let dir = directory(&authority);
    authority.issue(dir.path(), "ctld", "muster://test/replica/a", 2048);
    let controller = start("a", dir.path(), &MemoryDisk::new(1), Vec::new()).await;
    let address = vec![controller.client_address().to_owned()];
    let reply::Body::Pong(pong) = call(&tls_client(ALICE, dir.path(), address), request::Body::Ping(Ping {})).await
    else {
        panic!("no pong")
    };
    // 31 December 2048.
    assert_eq!(pong.certificates_end_s, 2_492_985_600);
    let (plain, list) = (client(ALICE, &controller), request::Body::ListJobs(ListJobs::default()));
    let Err(CallError::Refused(failure)) = soon(plain.call_one(controller.client_address(), list)).await else {
        panic!("taken in the clear")
    };
    assert!(failure.message.contains("this door wants TLS"), "{}", failure.message);
    controller.stop().await;
}

#[tokio::test]
async fn a_replica_whose_certificate_is_refused_is_dialled_seldom_and_is_back_soon_after_it_is_mended() {
    let (ours, others) = (Authority::new(), Authority::new());
    let mut three = Three::start(&ours).await;
    // b comes back with files of another authority: nobody believes it, and it believes nobody.
    three.controllers.remove(1).stop().await;
    others.publish(three.dirs[1].path());
    issue(&others, three.dirs[1].path(), "b");
    let begun = Instant::now();
    let stranger = start("b", three.dirs[1].path(), &three.disks[1], three.addresses()).await;
    soon(async {
        while refusals(&three.controllers[0], three.dirs[0].path(), "b").await < 4 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let (count, took) = (refusals(&three.controllers[0], three.dirs[0].path(), "b").await, begun.elapsed());
    // At 0, 50, 150, 350, 750, 1250 ms and so on at the earliest, also where the refusal is no more than a closed connection.
    let least: u64 = (1..count).map(|nth| (25 << nth.min(5)).min(500)).sum();
    assert!(took >= Duration::from_millis(least), "{count} tries in {took:?}");
    ours.publish(three.dirs[1].path());
    issue(&ours, three.dirs[1].path(), "b");
    three.controllers.insert(1, stranger);
    until_three_vote(&tls_client(0, three.dirs[0].path(), three.addresses())).await;
    three.stop().await;
}
