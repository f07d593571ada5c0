//! What a node's door and a supervisor's socket keep out.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod support;

use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;

use muster_channel::{Outside, dial, seal};
use muster_noded::stepd::wire::{Pids, ToStep, from_step, to_step};
use muster_noded::{FRAME_BYTES_MAX, read_frame, write_frame};
use muster_proto::wire::node_client::NodeClient;
use muster_proto::wire::*;
use prost::Message;
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_stream::iter;
use tonic::Code;
use tonic::transport::Channel;

fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

fn client(node: &Node) -> NodeClient<Channel> {
    NodeClient::new(dial(&Outside::real(), &node.noded.address, PATIENCE))
}

fn ping() -> Vec<u8> {
    NodeRequest { body: Some(node_request::Body::Ping(NodePing {})) }.encode_to_vec()
}

async fn serves(node: &Node) {
    let signed = sealed(node, me(), ping()).await;
    let answer = client(node).call(signed).await.expect("the node answers").into_inner();
    assert!(matches!(answer.body, Some(node_reply::Body::Pong(pong)) if pong.name == "n1"));
}

#[tokio::test]
async fn bytes_that_mean_nothing_end_their_connection_and_nothing_else() {
    let place = Place::new();
    let (_leader, node) = held(&place).await;
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    // A frame that says it has 16 MiB, and one of a stream that nobody opened.
    let large = [&http2[..], b"\0\0\0\x04\0\0\0\0\0", b"\xff\xff\xff\0\0\0\0\0\x01"].concat();
    let stray = [&http2[..], b"\0\0\0\x04\0\0\0\0\0", b"\0\0\x04\0\0\0\0\0\x63none"].concat();
    for noise in
        [&b"GET / HTTP/1.0\r\n\r\n"[..], &[0xff; 4096], b"\x16\x03\x01\x02\0\x01\0\x01\xfc", &large, &stray, b""]
    {
        let mut stream = TcpStream::connect(&node.noded.address).await.unwrap();
        stream.write_all(noise).await.unwrap();
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "it is closed: {noise:?}");
    }
    serves(&node).await;
    node.stop().await;
}

#[tokio::test]
async fn what_is_not_signed_for_this_node_is_refused_on_every_call() {
    let place = Place::new();
    let (_leader, node) = held(&place).await;
    let bound = async |claim: Claim| seal(&keeper_of(me()), ping(), claim).await.unwrap();
    let right = || Claim { cluster: "test".into(), audience: "node:n1".into(), ..Claim::default() };
    let other_request = Signed { request: b"other"[..].into(), ..bound(right()).await };
    for (signed, word) in [
        (Signed { credential: vec![1; 100].into(), request: vec![0xff; 100].into(), pass: None }, "invalid credential"),
        (Signed { credential: vec![b'x'; 100_000].into(), request: ping().into(), pass: None }, "bytes long"),
        (other_request, "another request"),
        (bound(Claim { audience: "node:n2".into(), ..right() }).await, "another receiver"),
        (bound(Claim { audience: "controller".into(), ..right() }).await, "another receiver"),
        (bound(Claim { cluster: "other".into(), ..right() }).await, "another cluster"),
        (bound(Claim { cluster_id: vec![8; 16].into(), ..right() }).await, "another cluster"),
    ] {
        let attach = ToTasks { body: Some(to_tasks::Body::Attach(signed.clone())) };
        let chunk = BroadcastChunk { start: Some(signed.clone()), data: b"data"[..].into(), last: true };
        let refused = [
            client(&node).call(signed).await.unwrap_err(),
            client(&node).attach(iter([attach])).await.unwrap_err(),
            client(&node).broadcast(iter([chunk])).await.unwrap_err(),
        ];
        for status in refused {
            assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
            assert!(status.message().contains(word), "{word}: {status:?}");
        }
    }
    serves(&node).await;
    node.stop().await;
}

#[tokio::test]
async fn signed_bytes_that_are_no_request_are_refused() {
    let place = Place::new();
    let (_leader, node) = held(&place).await;
    let nonsense = sealed(&node, me(), vec![0xff; 100]).await;
    assert_eq!(client(&node).call(nonsense.clone()).await.unwrap_err().code(), Code::InvalidArgument);
    let empty = sealed(&node, me(), Vec::new()).await;
    let answer = client(&node).call(empty).await.unwrap().into_inner();
    assert!(matches!(answer.body, Some(node_reply::Body::Failure(_))));
    let attach = ToTasks { body: Some(to_tasks::Body::Attach(nonsense.clone())) };
    assert_eq!(client(&node).attach(iter([attach])).await.unwrap_err().code(), Code::InvalidArgument);
    let input = ToTasks { body: Some(to_tasks::Body::Input(Input::default())) };
    assert_eq!(client(&node).attach(iter([input])).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(client(&node).attach(iter([])).await.unwrap_err().code(), Code::InvalidArgument);
    for start in [None, Some(nonsense)] {
        let chunk = BroadcastChunk { start, data: b"data"[..].into(), last: true };
        assert_eq!(client(&node).broadcast(iter([chunk])).await.unwrap_err().code(), Code::InvalidArgument);
    }
    serves(&node).await;
    node.stop().await;
}

#[tokio::test]
async fn a_message_above_the_limit_is_refused_before_it_is_read() {
    let place = Place::new();
    let (_leader, node) = held(&place).await;
    let huge = || Signed { credential: b"x"[..].into(), request: vec![0; 5 * 1024 * 1024].into(), pass: None };
    assert_eq!(client(&node).call(huge()).await.unwrap_err().code(), Code::OutOfRange);
    let attach = ToTasks { body: Some(to_tasks::Body::Attach(huge())) };
    assert_eq!(client(&node).attach(iter([attach])).await.unwrap_err().code(), Code::OutOfRange);
    serves(&node).await;
    node.stop().await;
}

#[tokio::test]
async fn a_broadcast_of_another_size_than_announced_leaves_no_file() {
    let place = Place::new();
    let (_leader, node) = held(&place).await;
    let path = place.work().join("program");
    let start = |size: u64| BroadcastStart {
        uid: 100,
        attempt: 1,
        path: path.to_str().unwrap().into(),
        mode: 0o755,
        size,
        ..BroadcastStart::default()
    };
    // Less than announced, more, a chunk above its limit, and no last one.
    for (size, chunks, last) in
        [(10, vec![4], true), (4, vec![4, 100], true), (1 << 20, vec![1 << 20], true), (u64::MAX, vec![4], false)]
    {
        let signed = sealed(&node, me(), start(size).encode_to_vec()).await;
        let count = chunks.len();
        let chunks = chunks.into_iter().enumerate().map(|(at, bytes)| BroadcastChunk {
            start: (at == 0).then(|| signed.clone()),
            data: vec![b'x'; bytes].into(),
            last: last && at + 1 == count,
        });
        let done = client(&node).broadcast(iter(chunks.collect::<Vec<_>>())).await;
        assert!(done.is_err() || done.is_ok_and(|done| done.into_inner().error != 0), "{size}");
        assert_eq!(std::fs::read_dir(place.work()).unwrap().count(), 0, "{size}: nothing is left");
    }
    serves(&node).await;
    node.stop().await;
}

/// The socket of the attempt's one step.
fn socket(place: &Place) -> PathBuf {
    let steps = std::fs::read_dir(place.spool().join("steps")).unwrap();
    let sockets = steps.map(|step| step.unwrap().path().join("socket"));
    sockets.filter(|socket| StdUnixStream::connect(socket).is_ok()).last().expect("a supervisor listens")
}

#[tokio::test]
async fn noise_on_a_supervisors_socket_does_not_reach_its_step() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let script = "#!/bin/sh\nsleep 1000 & wait\n";
    leader.order(100, 1, order::Body::LaunchStep(batch(&place.work(), script))).await;
    leader.started().await;
    let socket = socket(&place);
    let too_large = (FRAME_BYTES_MAX as u32 + 1).to_be_bytes();
    let cut_off = [&100u32.to_be_bytes()[..], b"cut off"].concat();
    let not_a_message = [&8u32.to_be_bytes()[..], &[0xff; 8]].concat();
    let silent: Vec<_> = (0..30).map(|_| StdUnixStream::connect(&socket).unwrap()).collect();
    for noise in [&b"GET / HTTP/1.0\r\n\r\n"[..], &[0xff; 4096], &too_large, &cut_off, &not_a_message, &[0; 4], b""] {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        // It may be closed before all is written.
        let _ = stream.write_all(noise).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it is closed");
        assert!(answer.is_empty(), "{noise:?}: {answer:?}");
    }
    // Frames that only a later one may be, or that end in the middle of a conversation.
    for first in [to_step::Body::Kill(true), to_step::Body::Tasks(ToTasks::default())] {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        write_frame(&mut stream, &ToStep { body: Some(first) }).await.unwrap();
        assert_eq!(read_frame::<ToStep>(&mut stream).await.unwrap(), None, "it is closed");
    }
    let mut watch = UnixStream::connect(&socket).await.unwrap();
    write_frame(&mut watch, &ToStep { body: Some(to_step::Body::Watch(true)) }).await.unwrap();
    watch.write_all(&too_large).await.unwrap();
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, watch.read_to_end(&mut rest)).await.expect("it is closed").unwrap();

    assert_eq!(pids(&socket).await.pids.iter().filter(|pid| pid.task).count(), 1, "the task lives");
    drop(silent);
    leader.order(100, 1, order::Body::EndAttempt(EndAttempt::default())).await;
    leader.exit().await;
    node.stop().await;
}

async fn pids(socket: &std::path::Path) -> Pids {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    write_frame(&mut stream, &ToStep { body: Some(to_step::Body::ListPids(true)) }).await.unwrap();
    let answer = read_frame::<muster_noded::stepd::wire::FromStep>(&mut stream).await.unwrap();
    match answer.and_then(|frame| frame.body) {
        Some(from_step::Body::Pids(pids)) => pids,
        other => panic!("{other:?}"),
    }
}
