//! Renewals of one node's lease: a heartbeat renews it only if this leader's quorum was confirmed after the heartbeat had come.
//!
//! A barrier is under way at most; it stands for the newest heartbeat that had come when it began, and sessions that ask at the
//! same time share one. A replica that was deposed asks its successor: so it must have led in the session's own term before and
//! after, and a successor's own barrier is later than whatever was renewed here.

use std::future::pending;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::member::Member;

/// See the module.
#[derive(Default)]
pub(super) struct Renewals {
    asking: Option<BoxFuture<'static, Option<u64>>>,
    /// The newest heartbeat that came meanwhile.
    next: Option<u64>,
}

impl Renewals {
    /// Heartbeat `seq` came.
    pub(super) fn came(&mut self, member: &Arc<Member>, term: u64, seq: u64) {
        if self.asking.is_some() {
            self.next = Some(seq);
            return;
        }
        let member = member.clone();
        self.asking = Some(Box::pin(async move {
            let led = member.core.leads_in(term);
            let confirmed = member.core.replica.barrier().await.is_ok();
            (led && confirmed && member.core.leads_in(term)).then_some(seq)
        }));
    }

    /// The heartbeat that renews, or `None`: nobody knows whether this replica led. Never, while no barrier is under way.
    pub(super) async fn ended(&mut self) -> Option<u64> {
        match &mut self.asking {
            Some(asking) => {
                let renews = asking.await;
                self.asking = None;
                renews
            }
            None => pending().await,
        }
    }

    /// The heartbeat that came while a barrier was under way, once it is over.
    pub(super) fn take_next(&mut self) -> Option<u64> {
        self.next.take_if(|_| self.asking.is_none())
    }
}
