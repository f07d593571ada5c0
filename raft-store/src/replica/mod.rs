//! The handle of one replica. Cheap to clone, not generic: whoever uses it does not compile openraft.

mod agreement;
mod barrier;
mod door;
mod members;
mod open;
mod propose;
mod reads;
mod watch;

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use muster_model::cluster::Cluster;
use tokio::sync::{Semaphore, broadcast, watch as channel};
use tokio::task::AbortHandle;

use crate::encoding::Position;
use crate::errors::{BarrierError, ProposeError};
use crate::fault::Fault;
use crate::identity::{Identity, Peer};
use crate::options::Timers;
use crate::raft::{Acknowledged, Applying, Log, Raft};
use crate::rounds::Rounds;
use crate::status::{Applied, Heard, Leadership, Noted};
use crate::store::Store;
use crate::transport::Transport;

pub use propose::{ENTRY_BYTES_MAX, Proposed};

/// One replica of the cluster, running.
#[derive(Clone)]
pub struct Replica {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) raft: Raft,
    log: Arc<Log>,
    applying: Arc<Applying>,
    store: Arc<dyn Store>,
    pub(crate) identity: Identity,
    timers: Timers,
    feature_level_max: u32,
    transport: Arc<dyn Transport>,
    leadership: channel::Receiver<Leadership>,
    /// By the other members to this leader.
    acknowledged: Arc<Acknowledged>,
    /// Permits are bytes.
    proposals: Semaphore,
    /// Of barriers here.
    asking: Rounds<Result<u64, BarrierError>>,
    /// Of barriers at followers.
    answering: Rounds<Result<u64, String>>,
    pub(crate) fault: Fault,
    split: agreement::Split,
    tasks: Mutex<Vec<AbortHandle>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for task in self.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
    }
}

/// What happens to the state, as it happens. Too slow a reader misses some, and is told.
pub struct Events {
    receiver: broadcast::Receiver<Noted>,
}

impl Events {
    /// The next one; `None` once the replica stopped.
    pub async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some(heard) = self.next_noted().await?.heard {
                return Some(heard);
            }
        }
    }

    /// The next one, with its place in the log, or that all of an index came; `None` once the replica stopped.
    pub async fn next_noted(&mut self) -> Option<Noted> {
        match self.receiver.recv().await {
            Ok(noted) => Some(noted),
            Err(broadcast::error::RecvError::Lagged(_)) => Some(Noted { index: 0, heard: Some(Heard::Missed) }),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

impl Replica {
    /// Who this replica is.
    pub fn identity(&self) -> &Identity {
        &self.inner.identity
    }

    /// The state. Hold the lock briefly: applying waits for it. Linearizable only after [`Replica::barrier`].
    pub fn state(&self) -> Arc<RwLock<Cluster>> {
        self.inner.applying.cluster.clone()
    }

    /// The digest of the state, and the index that it is of: replicas at the same index must agree.
    pub fn digest(&self) -> (u64, u128) {
        let cluster = self.inner.applying.cluster.read().unwrap_or_else(PoisonError::into_inner);
        (self.inner.applying.index.load(std::sync::atomic::Ordering::SeqCst), cluster.digest())
    }

    /// Up to where this replica has applied and stored.
    pub fn applied(&self) -> channel::Receiver<Applied> {
        self.inner.applying.applied.subscribe()
    }

    /// What happens from now on.
    pub fn events(&self) -> Events {
        Events { receiver: self.inner.applying.events.subscribe() }
    }

    /// Who leads.
    pub fn leadership(&self) -> channel::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    /// Resolves with the reason once this replica cannot go on: the process must end, and must not try again.
    pub async fn failed(&self) -> String {
        self.inner.fault.wait().await
    }

    /// Ends it: nothing is written any more, and another may open the store. Hand leadership over before.
    pub async fn stop(self) {
        let inner = &self.inner;
        for task in inner.tasks.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            task.abort();
        }
        inner.raft.shutdown().await.ok();
        inner.applying.aside.close();
        inner.log.stop().await;
        if inner.fault.why().is_none()
            && let Err(error) = inner.applying.gate.flush()
        {
            tracing::warn!(%error, "rows were not flushed at the end; the log brings them back");
        }
        inner.store.close();
    }

    fn leader(&self) -> Option<Peer> {
        self.inner.leadership.borrow().leader.clone()
    }

    fn not_leader(&self) -> ProposeError {
        ProposeError::NotLeader { leader: self.leader() }
    }

    fn log_end(&self) -> Option<Position> {
        self.inner.log.end()
    }
}
