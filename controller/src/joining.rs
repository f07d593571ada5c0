//! A controller with an empty store asks to be admitted, until a leader does; a member whose addresses changed says so; a
//! member that was removed finds out, and ends, as does one whose program is too old.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use muster_channel::{MESSAGE_BYTES_MAX, dial, seal};
use muster_dialect::errno;
use muster_model::cluster::Cluster;
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Claim, JoinCluster, Joined, Reply, Request, reply, request};
use muster_raft_store::Identity;
use prost::Message;
use tokio::time::timeout;

use crate::enter::enter;
use crate::member::Member;
use crate::seat::Seat;

/// Of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Longest wait for one controller.
const ONE_TRY: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(2);
/// Redirects that are followed in one round.
const REDIRECTS_MAX: usize = 3;

/// Asks until this controller is a member, by admission or because it was founded here.
pub(crate) async fn ask_until_member(seat: Arc<Seat>) {
    let mut told = String::new();
    loop {
        tokio::time::sleep(seat.settings.timers.ask_to_join).await;
        if seat.member().is_some() {
            return;
        }
        let Some(joined) = ask_all(&seat, &mut told).await else { continue };
        if let Err(why) = become_member(&seat, joined).await {
            seat.fail(why);
            return;
        }
    }
}

/// Tells the cluster where this member is, and what its program knows, when that is not what the state says.
pub(crate) async fn tell_address(seat: Arc<Seat>, member: Arc<Member>) {
    let mut told = String::new();
    loop {
        let row = member.core.read(|cluster| cluster.replica(member.core.identity.replica).cloned());
        let known = row.is_some_and(|row| {
            (&row.address, &row.client_address) == (&seat.replica_address, &seat.client_address)
                && (row.feature_level, &row.version[..]) == (seat.settings.feature_level(), VERSION)
        });
        if known || ask_all(&seat, &mut told).await.is_some() {
            return;
        }
        tokio::time::sleep(seat.settings.timers.ask_to_join).await;
    }
}

/// Ends this controller once it was removed: nobody speaks to it any more, and its store is never admitted again. The
/// leader says so, after the others went on without this vote.
pub(crate) async fn leave_when_removed(seat: Arc<Seat>, member: Arc<Member>) {
    let own = member.core.identity.replica;
    let (mut apart, mut told) = (false, String::new());
    loop {
        tokio::time::sleep(seat.settings.timers.look_again).await;
        let before = apart;
        let retired = member.core.read(|cluster| cluster.replica(own).is_some_and(|row| row.retired));
        // In a configuration without it, it never stands for election, and goes on believing in the leader that made it.
        let outside = !member.core.replica.is_member(own);
        apart = retired || outside || member.core.leadership().leader.is_none();
        // After a restart the leader that the vote names may be long gone: whoever refuses this replica knows more.
        let refused = member.transport.take_refused();
        if ((before && apart) || refused) && ask_all(&seat, &mut told).await.is_some_and(|joined| joined.retired) {
            let name = seat.name();
            seat.fail(format!(
                "replica {name} was removed from the cluster, and its store is not admitted again: to let {name} come back, \
                 empty its directory under StateSaveLocation and start it"
            ));
            return;
        }
    }
}

async fn become_member(seat: &Arc<Seat>, joined: Joined) -> Result<(), String> {
    let _becoming = seat.becoming.lock().await;
    if seat.member().is_some() {
        return Ok(());
    }
    let cluster_id =
        joined.cluster_id[..].try_into().map_err(|_| "a leader answered without a cluster id".to_owned())?;
    let identity = Identity {
        cluster_id,
        generation: joined.generation,
        replica: joined.replica,
        store_id: seat.store_id,
        name: seat.name().to_owned(),
    };
    tracing::info!(replica = joined.replica, name = seat.name(), "admitted to the cluster");
    let member = enter(seat, identity).await.map_err(|why| why.to_string())?;
    seat.seat_member(member);
    Ok(())
}

/// Client doors of the configuration, and of the replicas that this one knows; its own, since it may lead.
fn controllers(seat: &Seat) -> BTreeSet<String> {
    let mut found: BTreeSet<String> = seat.settings.controllers.iter().cloned().collect();
    found.insert(seat.client_address.clone());
    if let Some(member) = seat.member() {
        let known = |cluster: &Cluster| -> Vec<String> {
            cluster.replicas().filter(|row| !row.retired).map(|row| row.client_address.clone()).collect()
        };
        found.extend(member.core.read(known));
    }
    found
}

/// The answer of the first leader that is found. One that finds this program too old ends the controller: asking again
/// would not make it younger, and a leader that was not told where it is now cannot send it what it would stop at.
/// `told` is what the log has of the last refusal: it is asked for every second, perhaps for days.
async fn ask_all(seat: &Seat, told: &mut String) -> Option<Joined> {
    for address in controllers(seat) {
        let mut at = address.clone();
        for _ in 0..REDIRECTS_MAX {
            let Some(answer) = timeout(ONE_TRY, ask(seat, &at)).await.ok().flatten() else { break };
            match answer {
                reply::Body::Joined(joined) => return Some(joined),
                reply::Body::NotLeader(hint) if !hint.leader_address.is_empty() => at = hint.leader_address,
                reply::Body::Failure(failure) if failure.error == errno::SLURM_PROTOCOL_VERSION_ERROR.code => {
                    let name = seat.name();
                    seat.fail(format!(
                        "{}: install on {name} what the others run, and start it again",
                        failure.message
                    ));
                    return None;
                }
                reply::Body::Failure(failure) => {
                    if *told != failure.message {
                        tracing::warn!(at, why = failure.message, "not admitted");
                        *told = failure.message;
                    }
                    break;
                }
                _ => break,
            }
        }
    }
    None
}

async fn ask(seat: &Seat, address: &str) -> Option<reply::Body> {
    let id = seat.outside.random.id().to_vec();
    let join = JoinCluster {
        name: seat.name().to_owned(),
        address: seat.replica_address.clone(),
        store_id: seat.store_id.to_vec().into(),
        client_address: seat.client_address.clone(),
        feature_level: seat.settings.feature_level(),
        version: VERSION.to_owned(),
    };
    let request = Request {
        request_id: id.clone().into(),
        host: seat.name().to_owned(),
        program: "muster-controller".to_owned(),
        body: Some(request::Body::JoinCluster(join)),
        ..Request::default()
    };
    let claim = Claim {
        cluster: seat.cluster().to_owned(),
        // A member speaks to its own cluster: another one of the same name would give it somebody's place.
        cluster_id: seat.member().map(|member| member.core.identity.cluster_id.to_vec().into()).unwrap_or_default(),
        request_id: id.into(),
        audience: "controller".to_owned(),
        sender: format!("replica:{}", seat.name()),
        ..Claim::default()
    };
    let signed = match seal(&seat.keeper, request.encode_to_vec(), claim).await {
        Ok(signed) => signed,
        Err(why) => {
            tracing::warn!(%why, "cannot ask to be admitted");
            return None;
        }
    };
    let channel = dial(&seat.outside, address, CONNECT);
    let mut client = ControllerClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let reply: Reply = client.call(signed).await.ok()?.into_inner();
    reply.body
}
