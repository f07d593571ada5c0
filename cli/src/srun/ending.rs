//! How a step is ended by srun itself, and what is said about it.

use muster_proto::durable::SignalStep;
use muster_proto::wire::request;

use crate::site::Client;

const SIGKILL: u32 = 9;

/// Asks the cluster to end the step: CONT and TERM, KillWait, KILL. Goes on by itself.
pub(super) fn end_step(client: &Client, uid: u64, step_id: u32) {
    let client = client.clone();
    tokio::spawn(async move {
        let signal = SignalStep { uid, step_id, signal: SIGKILL, end: true };
        // It has ended already, or the cluster does not answer: the console's deadline holds.
        let _refused = client.call(request::Body::SignalStep(signal)).await;
    });
}
