//! A report of a node becomes a command, and is acknowledged once that is committed.

use muster_model::cluster::Outcome;
use muster_proto::durable::{Channel, Command, Origin, command};
use muster_proto::wire::{Report, ReportAck, report};
use muster_raft_store::ProposeError;

/// The command that records what happened, or why it cannot be of this node.
pub(super) fn command(report: Report, node: u32, name: &str) -> Result<Command, String> {
    use command::Body as Do;
    use report::Body;
    let (of, body) = match report.body {
        Some(Body::Held(held)) => (held.node, Do::RecordHeld(held)),
        Some(Body::Refused(refused)) => (refused.node, Do::RecordRefused(refused)),
        Some(Body::StepStarted(started)) => (started.node, Do::RecordStepStarted(started)),
        Some(Body::StepExit(exit)) => (exit.node, Do::RecordStepExit(exit)),
        Some(Body::Released(released)) => (released.node, Do::RecordReleased(released)),
        Some(Body::Signalled(signalled)) => (signalled.node, Do::RecordSignalled(signalled)),
        None => return Err("a report of a kind that is not known here".into()),
    };
    if of != node {
        return Err(format!("a report of node index {of} from node index {node}"));
    }
    let origin = Origin { host: name.to_owned(), channel: Channel::Node.into(), admin: true, ..Origin::default() };
    Ok(Command { origin: Some(origin), request: None, body: Some(body) })
}

/// What the node is told of the outcome. `None`: nothing is known, so nothing is said, and the node says it again.
pub(super) fn ack(seq: u64, outcome: Result<Outcome, ProposeError>) -> Option<ReportAck> {
    let stale = match outcome {
        Ok(Outcome::Done(_) | Outcome::Repeated(_) | Outcome::Planned { .. }) => String::new(),
        Ok(Outcome::Stale(why)) => why,
        Ok(Outcome::Rejected(answer)) => answer.message,
        Ok(Outcome::Expired | Outcome::RequestMismatch | Outcome::Full(_) | Outcome::Halt(_)) | Err(_) => return None,
    };
    Some(ReportAck { seq, stale })
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::RecordHeld;

    use super::*;

    #[test]
    fn a_node_cannot_report_for_another() {
        let held = RecordHeld { uid: 1, attempt: 1, node: 7, epoch: 1, launched: false };
        let report = Report { seq: 1, body: Some(report::Body::Held(held)) };
        assert!(command(report.clone(), 7, "n7").is_ok());
        assert!(command(report, 8, "n8").is_err());
    }

    #[test]
    fn an_unknown_outcome_is_not_acknowledged() {
        assert_eq!(ack(1, Err(ProposeError::Unknown("no quorum".into()))), None);
        let stale = ack(1, Ok(Outcome::Stale("over".into()))).unwrap();
        assert_eq!((stale.seq, stale.stale.as_str()), (1, "over"));
    }
}
