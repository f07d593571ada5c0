//! The first frame of a node: who it is, and its registration.

use std::sync::Arc;
use std::time::Duration;

use muster_channel::Peer;
use muster_channel::tls::Role;
use muster_dialect::conf::{self, Config};
use muster_model::cluster::Outcome;
use muster_proto::durable::{Channel, Command, Origin, command};
use muster_proto::wire::to_node::Body as Down;
use muster_proto::wire::{
    FromNode, HeldConfig, Hello, NodeUp, Registered, SessionRedirect, SessionRefused, Signed, from_node,
};
use muster_raft_store::Identity;
use prost::Message;
use tokio::time::timeout;
use tonic::Streaming;

use crate::member::Member;
use crate::seat::Seat;

/// A stream that does not say hello in time is closed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A node waits so long for somebody to lead, before it is sent on. Less than it has patience for.
const LEADER_WAIT: Duration = Duration::from_secs(2);

/// Heartbeats in a lease: twice as many as a session may miss before its node gives it up.
const BEATS_OF_LEASE: u32 = 8;

/// A node whose registration is committed.
pub(super) struct Greeted {
    pub(super) member: Arc<Member>,
    pub(super) node: u32,
    pub(super) epoch: u64,
    pub(super) name: String,
    /// Of the leader that registered it: the session ends with it.
    pub(super) term: u64,
}

/// Takes the first frame, or says why the session ends.
pub(super) async fn greet(
    seat: &Arc<Seat>,
    peer: &Peer,
    up: &mut Streaming<NodeUp>,
) -> Result<(Greeted, Registered), Down> {
    let first = timeout(PATIENCE, up.message()).await.ok().and_then(Result::ok).flatten();
    let first = first.ok_or_else(|| refused("no Hello came", false))?;
    let signed = match FromNode::decode(&first.frame[..]).map(|frame| frame.body) {
        Ok(Some(from_node::Body::Hello(signed))) => signed,
        _ => return Err(refused("the first frame is not a Hello", true)),
    };
    // First of all: who does not lead spends nothing on a credential, which may still be shown to whoever does.
    let member = seat.member().ok_or_else(|| redirect(String::new()))?;
    let term = lead(&member).await?;
    let hello = believe(seat, peer, &signed).await?;
    member.core.replica.barrier().await.map_err(|_| redirect(String::new()))?;
    // In a crowd the credential may have waited for its turn through an election.
    if !member.core.leads_in(term) {
        return Err(redirect(String::new()));
    }
    register(seat, member, hello, signed, term).await
}

/// Checks credential and certificate: a node speaks for itself alone.
async fn believe(seat: &Seat, peer: &Peer, signed: &Signed) -> Result<Hello, Down> {
    let speaker = seat.verify(signed, "controller").await.map_err(|why| refused(&why.to_string(), false))?;
    if !seat.may_be_node(speaker.uid) {
        return Err(refused("only root, SlurmUser and SlurmdUser speak for a node", true));
    }
    let hello = Hello::decode(&signed.request[..]).map_err(|_| refused("not a Hello", true))?;
    let name = hello.registration.as_ref().map_or("", |registration| registration.name.as_str());
    if speaker.claim.sender != format!("node:{name}") {
        return Err(refused("the credential is of another node", true));
    }
    peer.check(Role::Node, Some(name)).map_err(|why| refused(&why.to_string(), false))?;
    if hello.cluster != seat.cluster() {
        return Err(refused("the node belongs to another cluster", true));
    }
    Ok(hello)
}

/// The term in which this controller leads. Waits for a moment where nobody does: a crowd that lost its leader would ask again
/// and again instead.
async fn lead(member: &Arc<Member>) -> Result<u64, Down> {
    member.until_led(LEADER_WAIT).await;
    let leadership = member.core.leadership();
    if !leadership.leads() {
        let leader = member.leader().filter(|row| row.replica != member.core.identity.replica);
        return Err(redirect(leader.map(|row| row.client_address).unwrap_or_default()));
    }
    Ok(leadership.term)
}

async fn register(
    seat: &Seat,
    member: Arc<Member>,
    hello: Hello,
    signed: Signed,
    term: u64,
) -> Result<(Greeted, Registered), Down> {
    let identity = &member.core.identity;
    let other = !hello.cluster_id.is_empty() && hello.cluster_id[..] != identity.cluster_id;
    let newer = hello.newest.as_ref().is_some_and(|newest| newest.generation > identity.generation);
    if other || newer {
        return Err(refused("the node obeys another cluster, or a newer generation of this one", true));
    }
    let Some(registration) = hello.registration else { return Err(refused("no registration in the Hello", true)) };
    let name = registration.name.clone();
    let conf_hash = hello.conf_hash;
    let held = hello.held_config.unwrap_or_default();
    let origin = Origin { host: name.clone(), channel: Channel::Node.into(), admin: true, ..Origin::default() };
    let body = command::Body::RegisterNode(registration);
    let command = Command { origin: Some(origin), request: None, body: Some(body) };
    drop(signed);
    let promised = member.proposer.promise(command).await.map_err(|_| redirect(String::new()))?;
    match promised.outcome().await {
        Ok(Outcome::Done(answer)) if answer.error == 0 => {}
        Ok(Outcome::Done(answer) | Outcome::Rejected(answer)) => return Err(refused(&answer.message, true)),
        Ok(other) => return Err(refused(&format!("{other:?}"), false)),
        Err(_) => return Err(redirect(String::new())),
    }
    let registered = member.core.read(|cluster| {
        let node = cluster.node_by_name(&name)?;
        let config = cluster.config()?;
        Some(Registered {
            authority: Some(member.core.authority(term)),
            node: node.index(),
            epoch: node.row.epoch,
            config_version: config.version,
            config: (!is_in_force(&held, identity, config.version)).then(|| config.files.clone()),
            heartbeat_ms: heartbeat_ms(seat.settings.timers.heartbeat, &config.conf),
            cluster: seat.cluster().to_owned(),
            lease_ms: node.row.lease_ms,
            lease_wanted_ms: cluster.lease_wanted_ms(),
        })
    });
    let registered = registered.ok_or_else(|| refused("the node is not in the configuration", false))?;
    compare_configurations(seat, &member, &name, conf_hash);
    Ok((Greeted { node: registered.node, epoch: registered.epoch, member, name, term }, registered))
}

/// Whether the node holds these very files. A generation that began anew may have given the same number to others.
fn is_in_force(held: &HeldConfig, identity: &Identity, version: u64) -> bool {
    held.cluster_id[..] == identity.cluster_id && held.generation == identity.generation && held.version == version
}

/// Says so where a node's slurm.conf is not the one in force, as slurmctld does.
fn compare_configurations(seat: &Seat, member: &Member, name: &str, conf_hash: u64) {
    let Some(config) = member.config() else { return };
    let differs = conf_hash != 0 && conf_hash != seat.conf_hashes.of(&config);
    if differs && !config.conf.has_debug_flag("NO_CONF_HASH") {
        tracing::error!(
            "Node {name} appears to have a different slurm.conf than the slurmctld.  This could cause issues with \
             communication and functionality.  Please review both files and make sure they are the same.  If this is \
             expected ignore, and set DebugFlags=NO_CONF_HASH in your slurm.conf."
        );
    }
}

/// Often enough for `SlurmdTimeout`; and for a lease, of which a session that hangs may cost no more than half.
fn heartbeat_ms(at_most: Duration, conf: &Config) -> u32 {
    let of_lease = match conf.fence.lease_s {
        0 => u32::MAX,
        lease_s => lease_s.saturating_mul(1_000) / BEATS_OF_LEASE,
    };
    let at_most = u32::try_from(at_most.as_millis()).unwrap_or(u32::MAX);
    at_most.min(conf::heartbeat_ms(conf.slurmd_timeout_s)).min(of_lease)
}

fn refused(why: &str, is_final: bool) -> Down {
    Down::Refused(SessionRefused { why: why.to_owned(), r#final: is_final })
}

/// To the leader; an empty address means that an election goes on.
pub(super) fn redirect(leader_address: String) -> Down {
    Down::Redirect(SessionRedirect { leader_address })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_speak_often_enough_for_a_short_slurmd_timeout_and_a_short_lease() {
        let beat = |slurmd_timeout: u32, fence: &str| {
            let slurm = format!("ClusterName=c\nSlurmctldHost=h\nNodeName=n1\nSlurmdTimeout={slurmd_timeout}\n");
            let files = [("/e/slurm.conf".to_owned(), slurm), ("/e/fence.conf".to_owned(), fence.to_owned())];
            let parsed = conf::parse(&conf::Stored(&files), "/e/slurm.conf");
            heartbeat_ms(Duration::from_secs(5), &parsed.config.expect("it has no errors"))
        };
        assert_eq!([beat(300, ""), beat(6, ""), beat(0, "")], [5_000, 1_000, 5_000]);
        assert_eq!(beat(300, "ProofOfDeath=lease LeaseSec=20"), 2_500);
        assert_eq!(beat(300, "ProofOfDeath=lease LeaseSec=120"), 5_000);
    }
}
