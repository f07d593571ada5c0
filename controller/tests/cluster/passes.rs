//! Clients that prove once who they are, and send many requests.

use muster_channel::{Client, Outside, PassKey, seal_for};
use muster_controller::Controller;
use muster_proto::durable::CancelFence;
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Claim, GetPass, ListJobs, PassGiven, PassProof, Reply, Request, Signed, reply, request};
use prost::Message;

use crate::http::get;
use crate::replicas::Three;
use crate::stage::{ALICE, BOB, SLURM, client, client_of, jobs, keeper, one, soon, submit};

const KEY: [u8; 32] = [9; 32];

fn request_of(body: request::Body) -> (Vec<u8>, Vec<u8>) {
    let outside = Outside::real();
    let id = outside.random.id().to_vec();
    let valid_until_ms = (outside.wall_ms)() + 60_000;
    let request = Request { request_id: id.clone().into(), valid_until_ms, body: Some(body), ..Request::default() };
    (id, request.encode_to_vec())
}

async fn send(controller: &Controller, signed: Signed) -> Reply {
    let channel =
        muster_channel::dial(&Outside::real(), controller.client_address(), std::time::Duration::from_secs(5));
    soon(ControllerClient::new(channel).call(signed)).await.unwrap().into_inner()
}

/// A pass of `uid` with [`KEY`].
async fn pass(controller: &Controller, uid: u32) -> PassGiven {
    let (id, bytes) = request_of(request::Body::GetPass(GetPass {}));
    let claim = Claim {
        cluster: "test".into(),
        request_id: id.into(),
        audience: "controller".into(),
        sender: "client".into(),
        pass_key: KEY.to_vec().into(),
        ..Claim::default()
    };
    let signed = seal_for(&keeper(uid), bytes, claim, SLURM).await.unwrap();
    match send(controller, signed).await.body {
        Some(reply::Body::PassGiven(given)) => given,
        other => panic!("no pass: {other:?}"),
    }
}

fn proven(given: &PassGiven, number: u64, bytes: Vec<u8>) -> Signed {
    let mac = PassKey::new(&KEY).unwrap().prove(&given.pass, number, &bytes);
    let proof = PassProof { pass: given.pass.clone(), number, mac: mac.into() };
    Signed { credential: Default::default(), request: bytes.into(), pass: Some(proof) }
}

fn is_void(reply: &Reply) -> bool {
    matches!(&reply.body, Some(reply::Body::Failure(failure)) if failure.pass_is_void && failure.retry)
}

fn list() -> Vec<u8> {
    request_of(request::Body::ListJobs(ListJobs::default())).1
}

fn passing(uid: u32, controller: &Controller) -> Client {
    client(uid, controller).with_passes(SLURM)
}

#[tokio::test]
async fn a_proof_counts_once_and_a_changed_request_never() {
    let controller = one().await;
    let given = pass(&controller, ALICE).await;
    let signed = proven(&given, 1, list());
    assert!(matches!(send(&controller, signed.clone()).await.body, Some(reply::Body::Jobs(_))));
    assert!(is_void(&send(&controller, signed.clone()).await), "the same again");
    let altered = Signed { request: list().into(), ..proven(&given, 2, list()) };
    assert!(is_void(&send(&controller, altered).await), "other bytes");
    let renumbered = PassProof { number: 3, ..signed.pass.clone().unwrap() };
    assert!(is_void(&send(&controller, Signed { pass: Some(renumbered), ..signed }).await), "another number");
    controller.stop().await;
}

#[tokio::test]
async fn the_holder_of_a_pass_is_who_the_credential_named() {
    let controller = one().await;
    submit(&passing(ALICE, &controller), "of alice").await;
    let listed = jobs(&passing(BOB, &controller)).await;
    assert_eq!(listed[0].row.as_ref().unwrap().spec.as_ref().unwrap().uid, ALICE);
    // Nor does it make anybody an administrator.
    let given = pass(&controller, BOB).await;
    let (_, bytes) =
        request_of(request::Body::CancelFence(CancelFence { name: "n1".into(), ..CancelFence::default() }));
    let refused = send(&controller, proven(&given, 1, bytes)).await;
    assert!(matches!(refused.body, Some(reply::Body::Failure(failure)) if !failure.retry), "not refused");
    controller.stop().await;
}

#[tokio::test]
async fn one_credential_serves_many_requests() {
    let controller = one().await;
    let alice = passing(ALICE, &controller);
    futures::future::join_all((0..50).map(|_| submit(&alice, "many"))).await;
    assert_eq!(jobs(&alice).await.len(), 50);
    let page = get(&controller, "/metrics").await.1;
    assert!(page.contains("muster_rpcs_total{kind=\"MUSTER_GET_PASS\"} 1.0"), "{page}");
    controller.stop().await;
}

#[tokio::test]
async fn a_controller_that_does_not_know_the_pass_gives_another_and_nothing_is_done_twice() {
    let mut three = Three::start().await;
    let alice = client_of(ALICE, three.addresses()).with_passes(SLURM);
    submit(&alice, "before").await;
    let leader = three.leader().await;
    three.controllers.remove(leader).stop().await;
    submit(&alice, "after").await;
    assert_eq!(jobs(&alice).await.len(), 2);
    three.stop().await;
}
