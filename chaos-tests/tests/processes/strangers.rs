//! Real munge, at the doors of nodes and replicas: what was said before, and replicas that are not this cluster's.

use std::fs;
use std::time::Duration;

use muster_channel::{Outside, dial, seal};
use muster_proto::wire::node_client::NodeClient;
use muster_proto::wire::replica_client::ReplicaClient;
use muster_proto::wire::{Claim, NodePing, NodeRequest, OpenReplica, ReplicaOpened, Signed, node_reply, node_request};
use prost::Message;
use tonic::{Code, Status};

use crate::munge::{keeper, prepared, with_munge};
use crate::places::is_root;
use crate::site::{Site, eventually, finish};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(20);

#[test]
fn a_replayed_or_borrowed_credential_is_refused_at_the_node_door_and_at_the_replica_door() {
    if !is_root() {
        return;
    }
    let site = with_munge(1);
    let cluster_id = cluster_id(&site);
    in_a_runtime(async {
        let ping = NodeRequest { body: Some(node_request::Body::Ping(NodePing {})) }.encode_to_vec();
        let first = sealed(&site, "node:n1", ping.clone()).await;
        let answer = ask_node(&site, first.clone()).await.expect("the node answers").body;
        assert!(matches!(answer, Some(node_reply::Body::Pong(_))));
        let borrowed = Signed { request: b"other"[..].into(), ..sealed(&site, "node:n1", ping.clone()).await };
        for (signed, why) in [
            (first, "replayed"),
            (borrowed, "another request"),
            (sealed(&site, "controller", ping).await, "another receiver"),
        ] {
            let status = ask_node(&site, signed).await.expect_err(why);
            assert!(status.code() == Code::Unauthenticated && status.message().contains(why), "{why}: {status:?}");
        }

        let open = |to| OpenReplica {
            cluster_id: cluster_id.clone().into(),
            generation: 1,
            from: 2,
            to,
            ..Default::default()
        };
        let request = open(1).encode_to_vec();
        let first = sealed(&site, "replica:1", request.clone()).await;
        let opened = open_replica(&site, first.clone()).await;
        assert!(opened.failure.is_none() && !opened.token.is_empty(), "{opened:?}");
        let borrowed =
            Signed { request: open(3).encode_to_vec().into(), ..sealed(&site, "replica:1", request.clone()).await };
        for (signed, why) in [
            (first, "replayed"),
            (borrowed, "another request"),
            (sealed(&site, "node:n1", request).await, "another receiver"),
        ] {
            let refused = open_replica(&site, signed).await;
            assert!(refused.token.is_empty());
            assert!(
                refused.failure.as_ref().is_some_and(|failure| failure.message.contains(why)),
                "{why}: {refused:?}"
            );
        }
    });
}

#[test]
fn a_replica_of_another_cluster_of_the_same_name_neither_votes_nor_takes_a_place() {
    if !is_root() {
        return;
    }
    let mut site = prepared(3);
    site.bring_up(3, 0);
    for name in ["c1", "c2", "c3"] {
        site.kill(name);
    }
    move_store(&site, "state", "foreign");
    site.bring_up(3, 1);
    let id = site.run("sbatch", &["--parsable", "-H", "--wrap", "true"]);
    site.kill("c3");
    let foreign = site.path("foreign/proc/c3").display().to_string();
    site.start_controller_with("c3", &["--state-dir", &foreign]);
    // It was refused as a replica, and when it asked whether it had been removed.
    site.daemon("c3").says("credential is bound to another cluster");
    let status = site.run("muster", &["status"]);
    assert!(status.contains("of another cluster") && site.voters() == 2, "it does not vote: {status}");
    assert!(site.run("squeue", &["-h", "-o", "%i"]).contains(id.trim()), "the others serve what they have");
    site.kill("c3");
    site.start_controller("c3");
    eventually("its own place waited for the right one", || site.voters() == 3);
}

#[test]
fn a_stale_replica_that_was_replaced_meanwhile_is_refused_and_ends() {
    if !is_root() {
        return;
    }
    let mut site = with_munge(3);
    site.kill("c3");
    fs::create_dir_all(site.path("stale/proc")).expect("the temporary directory is ours");
    fs::rename(site.path("state/proc/c3"), site.path("stale/proc/c3")).expect("the site is ours");
    site.start_controller("c3");
    site.daemon("c3").says("admitted to the cluster");
    eventually("the one that was admitted votes", || site.voters() == 3);
    site.run("sbatch", &["-H", "-J", "meanwhile", "--wrap", "true"]);
    site.kill("c3");
    let stale = site.path("stale/proc/c3").display().to_string();
    site.start_controller_with("c3", &["--state-dir", &stale]);
    let status = site.daemon("c3").ends();
    let said = site.daemon("c3").said();
    assert!(!status.success() && said.contains("its store is not admitted again"), "{said}");
    site.start_controller("c3");
    eventually("and again", || site.voters() == 3);
    assert_eq!(site.run("squeue", &["-h", "-o", "%j"]), "meanwhile\n");
}

/// All of it, with its owner; an empty one takes its place.
fn move_store(site: &Site, from: &str, to: &str) {
    let (from, to) = (site.path(from), site.path(to));
    fs::rename(&from, to).expect("the site is ours");
    fs::create_dir(&from).expect("the site is ours");
    finish(std::process::Command::new("chown").arg(crate::munge::SLURM_USER).arg(&from)).expect("root may");
}

fn in_a_runtime(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work);
}

async fn sealed(site: &Site, audience: &str, request: Vec<u8>) -> Signed {
    let claim = Claim { cluster: "proc".into(), audience: audience.into(), ..Claim::default() };
    seal(&keeper(site), request, claim).await.expect("munged answers")
}

async fn ask_node(site: &Site, signed: Signed) -> Result<muster_proto::wire::NodeReply, Status> {
    let channel = dial(&Outside::real(), &format!("127.0.0.1:{}", written(site, " Port=")), CONNECT);
    NodeClient::new(channel).call(signed).await.map(tonic::Response::into_inner)
}

async fn open_replica(site: &Site, signed: Signed) -> ReplicaOpened {
    let channel = dial(&Outside::real(), &format!("127.0.0.1:{}", written(site, "muster_replica_port=")), CONNECT);
    ReplicaClient::new(channel).open(signed).await.expect("it answers").into_inner()
}

/// The word that slurm.conf has behind `key`.
fn written(site: &Site, key: &str) -> String {
    let conf = fs::read_to_string(site.path("slurm.conf")).expect("it was written");
    let (_, behind) = conf.split_once(key).expect("it is there");
    behind.split_whitespace().next().expect("it has a value").to_owned()
}

fn cluster_id(site: &Site) -> Vec<u8> {
    let status = site.run("muster", &["status", "--json"]);
    let (_, behind) = status.split_once(r#""cluster_id": ""#).expect("it is said");
    let text = &behind[..32];
    (0..16).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect()
}
