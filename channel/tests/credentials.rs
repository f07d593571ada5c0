//! What a credential binds, with munge and without.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use muster_channel::{CredentialError, Credentials, Expect, Munge, NoAuth, seal, verify};
use muster_proto::wire::Claim;

/// A munged of this test's own; ends with it.
struct Munged {
    child: Child,
    directory: tempfile::TempDir,
}

impl Munged {
    fn start() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        std::fs::write(at("key"), [7u8; 128]).expect("the key is written");
        set_mode(&at("key"), 0o600);
        let mut child = Command::new("munged")
            .args(["--foreground", "--force"])
            .arg(format!("--key-file={}", at("key").display()))
            .arg(format!("--socket={}", at("socket").display()))
            .arg(format!("--pid-file={}", at("pid").display()))
            .arg(format!("--log-file={}", at("log").display()))
            .arg(format!("--seed-file={}", at("seed").display()))
            .stderr(Stdio::null())
            .spawn()
            .expect("munged is installed by deploy/test");
        let munge = Munge::load(Some(&at("socket"))).expect("libmunge is installed by deploy/test");
        // Ready when it answers: asking is the wait.
        while munge.wrap(b"").is_err() {
            assert!(child.try_wait().expect("the child is ours").is_none(), "munged ended");
            std::thread::yield_now();
        }
        Self { child, directory }
    }

    fn keeper(&self) -> Arc<dyn Credentials> {
        Arc::new(Munge::load(Some(&self.directory.path().join("socket"))).expect("libmunge loads"))
    }
}

impl Drop for Munged {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("our own file");
}

fn claim() -> Claim {
    Claim { cluster: "c".into(), audience: "controller".into(), request_id: vec![1; 16].into(), ..Claim::default() }
}

const EXPECT: Expect<'static> = Expect { cluster: "c", cluster_id: b"0123456789abcdef", audience: "controller" };

#[tokio::test]
async fn munge_tells_who_sealed_it_and_refuses_the_replay() {
    let munged = Munged::start();
    let keeper = munged.keeper();
    let signed = seal(&keeper, b"request".to_vec(), claim()).await.expect("sealed");
    let speaker = verify(&keeper, &signed, EXPECT).await.expect("believed");
    let (uid, gid) = (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    assert_eq!((speaker.uid, speaker.gid), (uid, gid));
    assert_eq!(speaker.claim.request_id[..], [1; 16]);
    assert_eq!(verify(&keeper, &signed, EXPECT).await, Err(CredentialError::Replayed));
}

#[tokio::test]
async fn what_a_command_seals_is_believed_as_what_the_library_seals() {
    let munged = Munged::start();
    let command: Arc<dyn Credentials> = Arc::new(Munge::for_command(Some(&munged.directory.path().join("socket"))));
    assert!(!command.blocks(), "a command has one thread");
    let signed = seal(&command, b"request".to_vec(), claim()).await.expect("sealed");
    let speaker = verify(&munged.keeper(), &signed, EXPECT).await.expect("believed");
    assert_eq!(speaker.uid, nix::unistd::geteuid().as_raw());
}

#[tokio::test]
async fn munge_refuses_a_forged_credential() {
    let munged = Munged::start();
    let keeper = munged.keeper();
    let mut signed = seal(&keeper, b"request".to_vec(), claim()).await.expect("sealed");
    let mut forged = signed.credential.to_vec();
    forged[40] ^= 1;
    signed.credential = forged.into();
    assert!(matches!(verify(&keeper, &signed, EXPECT).await, Err(CredentialError::Invalid(_))));
}

#[tokio::test]
async fn a_munged_that_is_not_there_is_named() {
    let nowhere = Some(Path::new("/nonexistent/socket"));
    for munge in [Munge::load(nowhere).expect("libmunge loads"), Munge::for_command(nowhere)] {
        let CredentialError::Unavailable(why) = munge.wrap(b"").expect_err("nobody answers") else {
            panic!("another kind of error");
        };
        assert!(why.contains("/nonexistent/socket"), "{why}");
    }
}

#[tokio::test]
async fn a_credential_is_bound_to_request_cluster_and_receiver() {
    let keeper: Arc<dyn Credentials> = Arc::new(NoAuth::new(1000, 1000));
    let signed = seal(&keeper, b"request".to_vec(), claim()).await.expect("sealed");

    let mut other = signed.clone();
    other.request = b"Request".to_vec().into();
    assert_eq!(verify(&keeper, &other, EXPECT).await, Err(CredentialError::Bound("request")));

    let elsewhere = Expect { cluster: "d", ..EXPECT };
    assert_eq!(verify(&keeper, &signed, elsewhere).await, Err(CredentialError::Bound("cluster")));

    let namesake = Claim { cluster_id: b"another cluster!".to_vec().into(), ..claim() };
    let namesake = seal(&keeper, b"request".to_vec(), namesake).await.expect("sealed");
    assert_eq!(verify(&keeper, &namesake, EXPECT).await, Err(CredentialError::Bound("cluster")));

    let node = Expect { audience: "node:n1", ..EXPECT };
    assert_eq!(verify(&keeper, &signed, node).await, Err(CredentialError::Bound("receiver")));
}

#[tokio::test]
async fn garbage_is_invalid_not_a_panic() {
    let keeper: Arc<dyn Credentials> = Arc::new(NoAuth::new(0, 0));
    let mut signed = seal(&keeper, Vec::new(), claim()).await.expect("sealed");
    for credential in [&b""[..], b"none:", b"none:1234567", b"none:12345678\xff\xff", &[b'x'; 20_000]] {
        signed.credential = credential.to_vec().into();
        assert!(matches!(verify(&keeper, &signed, EXPECT).await, Err(CredentialError::Invalid(_))));
    }
}

#[test]
fn a_secret_is_opened_by_whom_it_is_for_and_nobody_else() {
    let munged = Munged::start();
    let keeper = munged.keeper();
    let own = nix::unistd::geteuid().as_raw();
    let secret = keeper.wrap_for(b"the key", own).unwrap();
    assert_eq!(keeper.unwrap(&secret).unwrap(), (b"the key".to_vec(), own, nix::unistd::getegid().as_raw()));
    let of_other = keeper.wrap_for(b"the key", own + 1).unwrap();
    assert!(matches!(keeper.unwrap(&of_other), Err(CredentialError::Invalid(_))));
}

#[tokio::test]
async fn a_thousand_who_seal_at_once_wait_for_their_turn() {
    let munged = Munged::start();
    let keeper = munged.keeper();
    let sealing = (0..1_000).map(|_| seal(&keeper, b"request".to_vec(), claim()));
    assert!(futures::future::join_all(sealing).await.iter().all(Result::is_ok));
}
