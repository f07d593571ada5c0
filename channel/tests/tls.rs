//! Who gets through TLS, and what is said to who does not.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

#[path = "tls/authority.rs"]
mod authority;
#[path = "tls/door.rs"]
mod door;

use std::path::Path;
use std::sync::Arc;

use authority::{Authority, load};
use door::{ask, open};
use muster_channel::tls::{Tls, Wanted};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const C1: &str = "muster://c/replica/c1";
const N1: &str = "muster://c/node/n1";
const LONG: i32 = 2049;
const CLEAR: &str =
    "this door wants TLS, and the connection is in the clear: does TLSType differ between slurm.conf files?";

/// A directory with files of controller c1, node n1 and user ann.
fn site(authority: &Authority) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    authority.publish(dir.path());
    authority.issue(dir.path(), "ctld", C1, LONG);
    authority.issue(dir.path(), "slurmd", N1, LONG);
    dir
}

fn replica(dir: &Path) -> Arc<Tls> {
    load(dir, C1, "").unwrap()
}

fn node(dir: &Path) -> Arc<Tls> {
    load(dir, N1, "").unwrap()
}

#[tokio::test]
async fn a_node_with_its_certificate_is_that_node_and_no_other_and_no_replica() {
    let dir = site(&Authority::new());
    let address = open(Some(replica(dir.path()))).await;
    let said = ask(Some(node(dir.path())), &Wanted::replica("c1"), &address).await.unwrap();
    assert_eq!(said, ["ok", "the certificate is of muster://c/node/n1, not of replica", "ok"]);
    let authority = Authority::new();
    let dir = site(&authority);
    authority.issue(dir.path(), "slurmd", "muster://c/node/n2", LONG);
    let address = open(Some(replica(dir.path()))).await;
    let n2 = load(dir.path(), "muster://c/node/n2", "").unwrap();
    let said = ask(Some(n2), &Wanted::any_replica(), &address).await.unwrap();
    assert_eq!(said[0], "the certificate is of muster://c/node/n2, not of node n1");
}

#[tokio::test]
async fn a_server_that_is_not_whom_one_wants_is_left() {
    let dir = site(&Authority::new());
    let address = open(Some(replica(dir.path()))).await;
    let why = ask(Some(node(dir.path())), &Wanted::replica("c2"), &address).await.unwrap_err();
    assert_eq!(why, "TLS failed: the server's certificate is of muster://c/replica/c1, and replica c2 is wanted");
    let why = ask(Some(node(dir.path())), &Wanted::node("c1"), &address).await.unwrap_err();
    assert!(why.contains("node c1 is wanted"), "{why}");
}

#[tokio::test]
async fn a_server_of_another_authority_is_not_believed() {
    let (ours, theirs) = (site(&Authority::new()), site(&Authority::new()));
    let address = open(Some(replica(ours.path()))).await;
    let why = ask(Some(node(theirs.path())), &Wanted::any_replica(), &address).await.unwrap_err();
    assert_eq!(why, "TLS failed: invalid peer certificate: UnknownIssuer");
}

#[tokio::test]
async fn a_certificate_that_the_server_refuses_is_told_at_connect() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let (dir, foreign) = (site(&ours), site(&theirs));
    let address = open(Some(replica(dir.path()))).await;
    // It believes both authorities; the server only its own.
    let both = std::fs::read_to_string(dir.path().join("ca_cert.pem")).unwrap()
        + &std::fs::read_to_string(foreign.path().join("ca_cert.pem")).unwrap();
    std::fs::write(foreign.path().join("ca_cert.pem"), both).unwrap();
    let why = ask(Some(node(foreign.path())), &Wanted::any_replica(), &address).await.unwrap_err();
    assert_eq!(why, "TLS failed: the peer refuses this certificate (UnknownCA); its log says why");
}

#[tokio::test]
async fn a_cluster_of_the_same_authority_is_another_cluster() {
    let authority = Authority::new();
    let dir = site(&authority);
    let address = open(Some(replica(dir.path()))).await;
    authority.issue(dir.path(), "slurmd", "muster://other/node/n1", LONG);
    let other = load(dir.path(), "muster://other/node/n1", "").unwrap();
    let why = ask(Some(other), &Wanted::any_replica(), &address).await.unwrap_err();
    assert_eq!(why, "TLS failed: the certificate is of muster://c/replica/c1, and this cluster is other");
}

#[tokio::test]
async fn what_has_ended_is_refused_in_both_directions() {
    let authority = Authority::new();
    let dir = site(&authority);
    let address = open(Some(replica(dir.path()))).await;
    authority.issue(dir.path(), "slurmd", N1, 2021);
    let ended = node(dir.path());
    assert!(ended.warnings(1_795_317_300)[0].contains("has ended: peers refuse it until it is renewed"));
    let why = ask(Some(ended), &Wanted::any_replica(), &address).await.unwrap_err();
    assert_eq!(why, "TLS failed: the peer refuses this certificate (CertificateExpired); its log says why");
    authority.issue(dir.path(), "slurmd", N1, LONG);
    authority.issue(dir.path(), "ctld", C1, 2021);
    let why = ask(Some(node(dir.path())), &Wanted::any_replica(), &address).await.unwrap_err();
    assert!(why.contains("certificate expired"), "{why}");
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_half_a_renewal_is_not() {
    let authority = Authority::new();
    let dir = site(&authority);
    authority.issue(dir.path(), "ctld", C1, 2021);
    let (server, client) = (replica(dir.path()), node(dir.path()));
    let address = open(Some(server)).await;
    assert!(ask(Some(client.clone()), &Wanted::any_replica(), &address).await.is_err());
    authority.issue(dir.path(), "ctld", C1, LONG);
    assert!(ask(Some(client.clone()), &Wanted::any_replica(), &address).await.is_ok());
    // A key that is not the certificate's: what was read before goes on.
    std::fs::copy(dir.path().join("slurmd_cert_key.pem"), dir.path().join("ctld_cert_key.pem")).unwrap();
    assert!(ask(Some(client), &Wanted::any_replica(), &address).await.is_ok());
}

#[tokio::test]
async fn who_shows_nothing_gets_as_far_as_the_site_lets_clients() {
    let dir = site(&Authority::new());
    for (words, third) in [
        ("muster_clients=plain", "ok"),
        ("", "ok"),
        ("muster_clients=mutual", "this door wants a certificate, and none was shown"),
    ] {
        let address = open(Some(load(dir.path(), C1, words).unwrap())).await;
        let ann = load(dir.path(), "muster://c/client/ann", "").unwrap();
        let said = ask(Some(ann), &Wanted::any_replica(), &address).await.unwrap();
        assert_eq!(said[0], "this door wants a certificate, and none was shown");
        assert_eq!(said[2], third, "{words}");
    }
}

#[tokio::test]
async fn a_client_with_a_certificate_is_that_user() {
    let authority = Authority::new();
    let dir = site(&authority);
    authority.issue(dir.path(), "ann", "muster://c/client/ann", LONG);
    let words = "muster_client_cert_file=%n_cert.pem muster_client_cert_key_file=%n_cert_key.pem";
    let address = open(Some(load(dir.path(), C1, "muster_clients=mutual").unwrap())).await;
    let ann = load(dir.path(), "muster://c/client/ann", words).unwrap();
    let said = ask(Some(ann), &Wanted::any_replica(), &address).await.unwrap();
    assert_eq!((said[0].contains("client/ann"), said[2].as_str()), (true, "ann"));
}

#[tokio::test]
async fn plain_at_a_door_with_tls_and_tls_at_a_plain_door_are_told_so() {
    let dir = site(&Authority::new());
    let strict = open(Some(replica(dir.path()))).await;
    let said = ask(None, &Wanted::any_replica(), &strict).await.unwrap();
    assert_eq!(said, [CLEAR, CLEAR, CLEAR]);
    let plain = open(None).await;
    let why = ask(Some(node(dir.path())), &Wanted::any_replica(), &plain).await.unwrap_err();
    assert_eq!(why, "TLS failed: the peer does not speak TLS (does TLSType differ between slurm.conf files?)");
}

#[tokio::test]
async fn on_the_way_to_tls_both_are_taken() {
    let dir = site(&Authority::new());
    let accepts = load(dir.path(), C1, "muster_migrate=accept").unwrap();
    let address = open(Some(accepts.clone())).await;
    assert_eq!(ask(None, &Wanted::any_replica(), &address).await.unwrap(), ["ok", "ok", "ok"]);
    assert_eq!(ask(Some(accepts), &Wanted::any_replica(), &address).await.unwrap(), ["ok", "ok", "ok"]);
    let dials = load(dir.path(), N1, "muster_migrate=dial").unwrap();
    let said = ask(Some(dials), &Wanted::any_replica(), &address).await.unwrap();
    assert!(said[1].contains("not of replica"), "{said:?}");
}

#[tokio::test]
async fn garbage_and_silence_cost_their_own_connection_alone() {
    let dir = site(&Authority::new());
    let address = open(Some(replica(dir.path()))).await;
    let _silent = tokio::net::TcpStream::connect(&address).await.unwrap();
    for bytes in [&b"GET / HTTP/1.0\r\n\r\n"[..], b"\x16\x03\x01\xff\xff\xff\xff", b"\x16\x03\x01\0\x02hi", b"\0"] {
        let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let _closed = stream.read_to_end(&mut Vec::new()).await;
    }
    assert!(ask(Some(node(dir.path())), &Wanted::any_replica(), &address).await.is_ok());
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let authority = Authority::new();
    let dir = site(&authority);
    let why = |uri: &str| load(dir.path(), uri, "").err().expect("an error").to_string();
    assert!(why("muster://c/node/n2").ends_with("it is of muster://c/node/n1, and this is muster://c/node/n2"));
    Authority::new().issue(dir.path(), "slurmd", N1, LONG);
    assert!(why(N1).contains("not of an authority in ca_cert_file"));
    std::fs::write(dir.path().join("slurmd_cert.pem"), "no PEM").unwrap();
    assert!(why(N1).ends_with("slurmd_cert.pem: no certificate (PEM) inside"));
    std::fs::remove_file(dir.path().join("ctld_cert_key.pem")).unwrap();
    assert!(why(C1).ends_with("ctld_cert_key.pem: No such file or directory (os error 2)"));
}

#[test]
fn an_end_that_is_near_is_warned_of() {
    let dir = site(&Authority::new());
    let tls = replica(dir.path());
    let end_2049 = 2_524_521_600; // 31 December 2049
    assert!(tls.warnings(end_2049 - 31 * 86_400).is_empty());
    let warnings = tls.warnings(end_2049 - 3 * 86_400);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].ends_with("ctld_cert.pem ends in 3 days: muster pki renew"), "{}", warnings[0]);
}

#[tokio::test]
async fn handshakes_are_made_on_the_runtime_that_was_named() {
    let dir = site(&Authority::new());
    let (server, elsewhere) = (replica(dir.path()), tokio::runtime::Builder::new_multi_thread().build().unwrap());
    server.handshakes_on(elsewhere.handle().clone());
    let address = open(Some(server)).await;
    assert!(ask(Some(node(dir.path())), &Wanted::any_replica(), &address).await.is_ok());
    elsewhere.shutdown_background();
    assert!(ask(Some(node(dir.path())), &Wanted::any_replica(), &address).await.is_err());
}
