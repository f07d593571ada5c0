//! The wall clocks of the replicas: asked before cluster time makes a big step.

use std::sync::Arc;

use futures::future::join_all;
use muster_channel::Outside;

use crate::core::Core;
use crate::door::replica::PeerTransport;

/// This host's clock, and the road to the others'.
#[derive(Clone)]
pub(crate) struct Clocks {
    outside: Outside,
    transport: Arc<PeerTransport>,
}

impl Clocks {
    pub(crate) fn new(outside: Outside, transport: Arc<PeerTransport>) -> Self {
        Self { outside, transport }
    }

    /// Milliseconds since the epoch by this host's clock.
    pub(crate) fn wall_ms(&self) -> u64 {
        (self.outside.wall_ms)()
    }

    /// The clocks of this replica and of those that answer, and how many voters there are.
    pub(crate) async fn ask(&self, core: &Core) -> (Vec<u64>, usize) {
        let members = core.replica.members();
        let voters = members.iter().filter(|member| member.voter).count().max(1);
        let others = members.iter().filter(|member| member.voter && member.peer.replica != core.identity.replica);
        let asked = others.map(|member| self.transport.wall_clock(&member.peer));
        let mut clocks: Vec<u64> = join_all(asked).await.into_iter().flatten().collect();
        clocks.push(self.wall_ms());
        (clocks, voters)
    }
}
