//! Whether a caller's certificate and its credential are of one user.

use muster_channel::{Peer, Speaker};
use nix::unistd::User;
use tonic::Status;

/// Refuses a connection that shows less than this site asks of clients, and a certificate of another user.
pub(super) async fn check(peer: &Peer, speaker: &Speaker) -> Result<(), Status> {
    let shown = peer.check_client().map_err(|why| Status::unauthenticated(why.to_string()))?;
    let Some(name) = shown.map(str::to_owned) else { return Ok(()) };
    let uid = speaker.uid;
    let why = format!("the certificate is of user {name}, who is not uid {uid} here");
    // A name service may be slow.
    let found = tokio::task::spawn_blocking(move || User::from_name(&name)).await;
    match found {
        Ok(Ok(Some(user))) if user.uid.as_raw() == uid => Ok(()),
        _ => Err(Status::unauthenticated(why)),
    }
}
