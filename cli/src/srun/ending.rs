//! How a step is ended by srun itself, and what is said about it.

use muster_proto::durable::SignalStep;
use muster_proto::wire::request;

use crate::site::Client;

const SIGKILL: u32 = 9;
const SIGTERM: u32 = 15;

/// What the tasks get.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// CONT and TERM, KILL when KillWait is over: a task failed, and `-K` ends the others.
    Gently,
    /// KILL.
    AtOnce,
}

/// Asks the cluster to end the step by `how`. Goes on by itself.
pub(super) fn end_step(client: &Client, uid: u64, step_id: u32, how: How) {
    let client = client.clone();
    let signal = match how {
        How::Gently => SIGTERM,
        How::AtOnce => SIGKILL,
    };
    tokio::spawn(async move {
        let signal = SignalStep { uid, step_id, signal, end: true };
        // It has ended already, or the cluster does not answer: the console's deadline holds.
        let _refused = client.call(request::Body::SignalStep(signal)).await;
    });
}
