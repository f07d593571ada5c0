//! What the doors keep out.

use std::time::Duration;

use muster_channel::{Outside, dial, seal};
use muster_proto::durable::{ConfigFile, ConfigFiles, JobSpec, UpdateNode};
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::replica_client::ReplicaClient;
use muster_proto::wire::{
    Claim, InitCluster, ListJobs, OpenReplica, Ping, RaftFrame, Reconfigure, Reply, Request, Signed, Submit, reply,
    request, to_node,
};
use muster_raft_store::MemoryDisk;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::transport::Channel;

use crate::stage::{
    ALICE, BOB, FakeNode, batch, call, client, conf, found, jobs, keeper, one, refused, registration, soon, start,
    submit,
};

/// A request as one try sends it, with the id and claim that the test wants.
async fn signed(uid: u32, id: [u8; 16], body: request::Body, claim: impl FnOnce(&mut Claim)) -> Signed {
    let now = (Outside::real().wall_ms)();
    let request = Request {
        request_id: id.to_vec().into(),
        valid_until_ms: now + 60_000,
        body: Some(body),
        ..Request::default()
    };
    let mut sealed = Claim {
        cluster: "test".into(),
        request_id: id.to_vec().into(),
        audience: "controller".into(),
        sender: "client".into(),
        ..Claim::default()
    };
    claim(&mut sealed);
    seal(&keeper(uid), request.encode_to_vec(), sealed).await.unwrap()
}

fn channel(address: &str) -> Channel {
    dial(&Outside::real(), address, Duration::from_secs(5))
}

async fn send(address: &str, signed: Signed) -> Reply {
    soon(ControllerClient::new(channel(address)).call(signed)).await.unwrap().into_inner()
}

fn failure(reply: Reply) -> (u32, String) {
    match reply.body {
        Some(reply::Body::Failure(failure)) => (failure.error, failure.message),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_repeated_request_is_carried_out_once_and_answers_the_same() {
    let controller = one().await;
    let at = controller.client_address();
    let sent = signed(ALICE, [1; 16], batch("once"), |_| {}).await;
    let first = send(at, sent.clone()).await;
    assert_eq!(first, send(at, sent.clone()).await);
    assert!(matches!(first.body, Some(reply::Body::Submitted(_))));
    assert_eq!(jobs(&client(ALICE, &controller)).await.len(), 1);
    let other = Request { host: "x".into(), ..Request::decode(&sent.request[..]).unwrap() };
    let claim = Claim {
        cluster: "test".into(),
        request_id: vec![1; 16].into(),
        audience: "controller".into(),
        ..Claim::default()
    };
    let other = seal(&keeper(ALICE), other.encode_to_vec(), claim).await.unwrap();
    assert!(failure(send(at, other).await).1.contains("used before, with other content"));
    assert_eq!(jobs(&client(ALICE, &controller)).await.len(), 1);
    controller.stop().await;
}

#[tokio::test]
async fn a_credential_bound_to_something_else_is_refused() {
    let controller = one().await;
    let at = controller.client_address();
    let list = || request::Body::ListJobs(ListJobs::default());
    for (claim, word) in [
        ((|claim: &mut Claim| claim.request_id = vec![9; 16].into()) as fn(&mut Claim), "another request"),
        (|claim| claim.cluster = "other".into(), "another cluster"),
        (|claim| claim.cluster_id = vec![9; 16].into(), "another cluster"),
        (|claim| claim.audience = "node:n1".into(), "another receiver"),
    ] {
        let (error, message) = failure(send(at, signed(ALICE, [2; 16], list(), claim).await).await);
        assert_eq!(error, 6000);
        assert!(message.contains(word), "{message}");
    }
    let mut swapped = signed(ALICE, [3; 16], list(), |_| {}).await;
    swapped.request = signed(ALICE, [3; 16], batch("x"), |_| {}).await.request;
    assert!(failure(send(at, swapped).await).1.contains("another request"));
    controller.stop().await;
}

#[tokio::test]
async fn nobody_can_submit_for_another_user_but_root() {
    let controller = one().await;
    let as_bob = || {
        let request::Body::Submit(submit) = batch("b") else { unreachable!() };
        let spec = JobSpec { uid: BOB, ..submit.spec.unwrap() };
        request::Body::Submit(Submit { spec: Some(spec), ..submit })
    };
    assert_eq!(refused(&client(ALICE, &controller), as_bob()).await.1, "Invalid user id");
    call(&client(0, &controller), as_bob()).await;
    let listed = jobs(&client(ALICE, &controller)).await;
    let spec = listed[0].row.as_ref().unwrap().spec.as_ref().unwrap();
    assert_eq!((spec.uid, spec.user_name.as_str(), spec.gid), (BOB, "bob", BOB));
    controller.stop().await;
}

#[tokio::test]
async fn what_only_administrators_may_is_refused_to_others() {
    let controller = one().await;
    let drain = || {
        let update =
            UpdateNode { names: "n1".into(), state: "DRAIN".into(), reason: Some("x".into()), ..UpdateNode::default() };
        request::Body::UpdateNode(update)
    };
    assert_eq!(refused(&client(ALICE, &controller), drain()).await.1, "Invalid user id");
    call(&client(0, &controller), drain()).await;
    let empty = start("b", &MemoryDisk::new(8), Vec::new()).await;
    let init = || request::Body::InitCluster(InitCluster::default());
    assert_eq!(refused(&client(ALICE, &empty), init()).await.1, "Access/permission denied");
    assert!(empty.cluster_id().is_none());
    empty.stop().await;
    controller.stop().await;
}

#[tokio::test]
async fn a_cluster_is_founded_once_and_a_repeat_answers_the_same() {
    let controller = start("a", &MemoryDisk::new(7), Vec::new()).await;
    let init = signed(0, [4; 16], request::Body::InitCluster(InitCluster::default()), |_| {}).await;
    let first = send(controller.client_address(), init.clone()).await;
    assert!(matches!(&first.body, Some(reply::Body::Joined(joined)) if joined.cluster_id[..] == [4; 16]));
    assert_eq!(first, send(controller.client_address(), init).await);
    let another = signed(0, [5; 16], request::Body::InitCluster(InitCluster::default()), |_| {}).await;
    let why = failure(send(controller.client_address(), another).await).1;
    assert_eq!(why, "this controller belongs to a cluster already");
    controller.stop().await;
}

#[tokio::test]
async fn a_node_cannot_claim_anothers_name_and_users_are_no_nodes() {
    let controller = one().await;
    let at = controller.client_address();
    let why = |body: to_node::Body| match body {
        to_node::Body::Refused(refused) => (refused.why, refused.r#final),
        other => panic!("not refused: {other:?}"),
    };
    let posing = FakeNode::open_as(at, crate::stage::SLURM, "node:n2", registration("n1")).await.err().unwrap();
    assert_eq!(why(posing), ("the credential is of another node".to_owned(), true));
    let user = FakeNode::open_as(at, ALICE, "node:n1", registration("n1")).await.err().unwrap();
    assert_eq!(why(user), ("only root, SlurmUser and SlurmdUser speak for a node".to_owned(), true));
    FakeNode::open(&controller, "n1").await.unwrap();
    let mut machine = registration("n1");
    machine.machine = vec![99; 32].into();
    let other = FakeNode::open_as(at, crate::stage::SLURM, "node:n1", machine).await.err().unwrap();
    assert!(why(other).1, "another machine under the same name is refused for good");
    controller.stop().await;
}

#[tokio::test]
async fn garbage_on_every_port_hurts_nobody() {
    let controller = one().await;
    for address in [controller.client_address(), controller.replica_address()] {
        for garbage in
            [&b"GET / HTTP/1.0\r\n\r\n"[..], &[0xff; 4096], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0garbage", b""]
        {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(garbage).await.unwrap();
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = soon(stream.read_to_end(&mut answer)).await;
        }
    }
    let at = controller.client_address();
    let nonsense = Signed { credential: vec![1; 100].into(), request: vec![0xff; 100].into(), pass: None };
    assert_eq!(failure(send(at, nonsense).await).0, 6000);
    let claim = Claim { cluster: "test".into(), audience: "controller".into(), ..Claim::default() };
    let no_request = seal(&keeper(ALICE), vec![0xff; 100], claim.clone()).await.unwrap();
    assert!(failure(send(at, no_request).await).1.contains("not a request"));
    let no_id = seal(&keeper(ALICE), Request::default().encode_to_vec(), claim).await.unwrap();
    assert!(failure(send(at, no_id).await).1.contains("16 bytes"));
    submit(&client(ALICE, &controller), "still alive").await;
    controller.stop().await;
}

#[tokio::test]
async fn oversize_requests_are_refused_before_they_are_read() {
    let controller = one().await;
    let huge = Signed { credential: vec![0; 10].into(), request: vec![0; 5 * 1024 * 1024].into(), pass: None };
    let mut client_side = ControllerClient::new(channel(controller.client_address()));
    let status = soon(client_side.call(huge)).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::OutOfRange);
    let request::Body::Submit(submit) = batch("large") else { unreachable!() };
    let environment = vec![b'x'; 2 * 1024 * 1024 + 1].into();
    let large = request::Body::Submit(Submit { environment, ..submit });
    assert!(refused(&client(ALICE, &controller), large).await.1.contains("larger than 2 MiB"));
    controller.stop().await;
}

#[tokio::test]
async fn a_script_larger_than_a_log_entry_goes_ahead_in_chunks() {
    let controller = one().await;
    let alice = client(ALICE, &controller);
    let script: Vec<u8> = b"#!/bin/sh\n".iter().copied().chain(std::iter::repeat_n(b'#', 1_500_000)).collect();
    let request::Body::Submit(submit) = batch("long") else { unreachable!() };
    call(&alice, request::Body::Submit(Submit { script: script.clone().into(), ..submit })).await;
    let target = Some(muster_proto::durable::JobTarget { job_id: 1, ..Default::default() });
    let read = request::Body::ReadScript(muster_proto::wire::ReadScript { target });
    let reply::Body::Script(read) = call(&alice, read).await else { panic!("no script") };
    assert_eq!(read.text, script);
    controller.stop().await;
}

#[tokio::test]
async fn only_replicas_of_this_cluster_pass_the_replica_door() {
    let controller = one().await;
    let cluster_id = controller.cluster_id().unwrap();
    let open = async |uid: u32, open: OpenReplica| {
        let claim = Claim { cluster: "test".into(), audience: "replica:1".into(), ..Claim::default() };
        let signed = seal(&keeper(uid), open.encode_to_vec(), claim).await.unwrap();
        let mut door = ReplicaClient::new(channel(controller.replica_address()));
        let opened = soon(door.open(signed)).await.unwrap().into_inner();
        opened.failure.map(|failure| failure.message)
    };
    let good =
        OpenReplica { cluster_id: cluster_id.to_vec().into(), generation: 1, from: 2, to: 1, ..Default::default() };
    let other_cluster = OpenReplica { cluster_id: vec![9; 16].into(), ..good.clone() };
    let posing = OpenReplica { from: 1, store_id: vec![9; 16].into(), ..good.clone() };
    assert_eq!(open(ALICE, good.clone()).await.unwrap(), "only root and SlurmUser speak for a replica");
    assert_eq!(open(0, other_cluster).await.unwrap(), "a replica of another cluster");
    assert_eq!(open(0, posing).await.unwrap(), "its store is not the one that was admitted");
    assert_eq!(open(0, OpenReplica { to: 7, ..good.clone() }).await.unwrap(), "meant for another replica");
    assert_eq!(open(0, OpenReplica { generation: 2, ..good }).await.unwrap(), "generation 2, here it is 1");
    let frame = RaftFrame {
        kind: 1,
        from: 2,
        to: 1,
        cluster_id: cluster_id.to_vec().into(),
        generation: 1,
        ..Default::default()
    };
    let mut door = ReplicaClient::new(channel(controller.replica_address()));
    let answer = soon(door.raft(frame)).await.unwrap().into_inner();
    assert_eq!(answer.failure.unwrap().message, "unknown token");
    controller.stop().await;
}

#[tokio::test]
async fn a_ping_says_who_leads() {
    let controller = start("a", &MemoryDisk::new(9), Vec::new()).await;
    found(&controller).await;
    let reply::Body::Pong(pong) = call(&client(ALICE, &controller), request::Body::Ping(Ping {})).await else {
        panic!("no pong")
    };
    assert_eq!((pong.name.as_str(), pong.leader_name.as_str(), pong.leader), ("a", "a", true));
    controller.stop().await;
}

#[tokio::test]
async fn a_slurm_user_that_does_not_exist_is_refused_before_no_controller_starts_again() {
    let controller = one().await;
    let changed = |text: String| {
        let files = vec![ConfigFile { path: "/e/slurm.conf".into(), text }];
        request::Body::Reconfigure(Reconfigure { files: Some(ConfigFiles { files }) })
    };
    let (_, why) =
        refused(&client(0, &controller), changed(conf().replace("SlurmUser=slurm", "SlurmUser=nosuch"))).await;
    assert_eq!(why, "SlurmUser=nosuch does not exist on the leader's host: no controller would start again");
    call(&client(0, &controller), changed(conf().replace("SlurmUser=slurm", "SlurmUser=bob"))).await;
    controller.stop().await;
}
