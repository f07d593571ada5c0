//! Liveness: nodes that are silent are suspected, then lost; nodes that speak again return.
//!
//! Where the site lets time count as proof (`ProofOfDeath`), it is told here that what ran on a lost node is over.
//!
//! Who was heard when is soft state. A new leader has heard nobody: every node is given one bounded grace from the
//! beginning of the term, so that an election by itself marks nobody down.

use std::time::Duration;

use muster_dialect::conf::Proof;
use muster_model::cluster::{Cluster, Node};
use muster_proto::durable::{LoseNode, NodeBase, ProveNodeDead, ReturnNode, SuspectNode, command};

use super::Term;

/// Slurm's reason of a node that does not answer.
const NOT_RESPONDING: &str = "Not responding";
/// `SlurmdTimeout` where the configuration does not parse here.
const SILENCE_DEFAULT: Duration = Duration::from_secs(300);

pub(super) async fn run(term: Term) {
    term.member.sightings.listen();
    if term.member.core.read(Cluster::proof_of_death) == Proof::Timeout {
        tracing::warn!("ProofOfDeath=timeout is UNSAFE: a job of a node that is only cut off runs twice");
    }
    loop {
        tokio::time::sleep(term.seat.settings.timers.look_again).await;
        for command in due(&term).into_iter().chain(proven(&term)) {
            if let command::Body::ProveNodeDead(of) = &command {
                // From here on it hears nothing that was meant for its old epoch.
                term.member.sessions.end(of.node);
                tracing::warn!(node = of.node, epoch = of.epoch, "what ran on a lost node is over, by time");
            }
            // Whatever it is told, the next look derives it again.
            let _ = term.member.proposer.duty(command).await;
        }
    }
}

/// What should be proposed now.
fn due(term: &Term) -> Vec<command::Body> {
    let config = term.member.config();
    let limit = config.map_or(SILENCE_DEFAULT, |config| Duration::from_secs(u64::from(config.conf.slurmd_timeout_s)));
    let nodes: Vec<_> = term.member.core.read(|cluster| cluster.nodes().cloned().collect());
    let cluster_ms = term.member.core.read(|cluster| cluster.now_ms());
    let judged = nodes.iter().filter(|node| is_judged(node)).filter_map(|node| {
        let (heard, silence) = term.member.sightings.silence(node.index())?;
        judge(node, silence, limit, heard, cluster_ms)
    });
    judged.collect()
}

/// Lost nodes that have been silent for so long that time proves their work over. What was renewed before this leader's own
/// barrier was renewed by another, which counts as heard at the barrier.
fn proven(term: &Term) -> Vec<command::Body> {
    let lost = term.member.core.read(Cluster::provable);
    let silent = lost.into_iter().filter(|lost| {
        let silence = term.member.sightings.silence(lost.node);
        silence.is_some_and(|(_, silence)| silence >= Duration::from_millis(lost.wait_ms))
    });
    silent.map(|lost| command::Body::ProveNodeDead(ProveNodeDead { node: lost.node, epoch: lost.epoch })).collect()
}

/// One that is being fenced may not return: it is nobody's to judge before that is over.
fn is_judged(node: &Node) -> bool {
    node.row.epoch != 0 && !node.row.removed && !node.row.fencing
}

/// `SlurmdTimeout=0` never declares a node down.
fn judge(node: &Node, silence: Duration, limit: Duration, heard: bool, now_ms: u64) -> Option<command::Body> {
    let (index, epoch) = (node.index(), node.row.epoch);
    let lost = node.row.base() == NodeBase::Down;
    if silence < limit / 3 || limit.is_zero() {
        let back = heard && node.row.not_responding;
        return back.then_some(command::Body::ReturnNode(ReturnNode { node: index, epoch }));
    }
    if silence >= limit && !lost {
        return Some(command::Body::LoseNode(LoseNode { node: index, epoch, why: NOT_RESPONDING.to_owned() }));
    }
    if !node.row.not_responding {
        let silent_ms = u64::try_from(silence.as_millis()).unwrap_or(u64::MAX);
        let since_ms = now_ms.saturating_sub(silent_ms);
        return Some(command::Body::SuspectNode(SuspectNode { node: index, epoch, since_ms }));
    }
    None
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::NodeRow;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(300);

    fn node(base: NodeBase, not_responding: bool) -> Node {
        let row = NodeRow { node: 4, epoch: 9, base: base.into(), not_responding, ..NodeRow::default() };
        Node { row, line: Default::default(), free: Default::default(), shares: Default::default() }
    }

    #[test]
    fn a_silent_node_is_suspected_then_lost_and_a_node_that_speaks_returns() {
        let up = node(NodeBase::Up, false);
        assert_eq!(judge(&up, Duration::from_secs(99), LIMIT, true, 0), None);
        let suspected = judge(&up, Duration::from_secs(100), LIMIT, true, 200_000);
        assert!(matches!(suspected, Some(command::Body::SuspectNode(it)) if it.since_ms == 100_000));
        let silent = node(NodeBase::Up, true);
        assert_eq!(judge(&silent, Duration::from_secs(299), LIMIT, true, 0), None);
        assert!(matches!(judge(&silent, LIMIT, LIMIT, true, 0), Some(command::Body::LoseNode(_))));
        assert!(matches!(judge(&silent, Duration::ZERO, LIMIT, true, 0), Some(command::Body::ReturnNode(_))));
        assert_eq!(judge(&silent, Duration::ZERO, LIMIT, false, 0), None);
    }

    #[test]
    fn a_slurmd_timeout_of_zero_loses_nobody() {
        assert_eq!(judge(&node(NodeBase::Up, false), Duration::from_secs(9999), Duration::ZERO, true, 0), None);
    }
}
