//! The one-way switch to "this process must end": a failed write or sync cannot be retried, since nobody knows what is on disk.

use std::sync::Arc;

use tokio::sync::watch;

#[derive(Clone)]
pub(crate) struct Fault {
    why: Arc<watch::Sender<Option<String>>>,
}

impl Fault {
    pub(crate) fn new() -> Fault {
        Fault { why: Arc::new(watch::Sender::new(None)) }
    }

    /// The first reason stays.
    pub(crate) fn set(&self, why: impl ToString) {
        let why = why.to_string();
        self.why.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                tracing::error!(%why, "this replica cannot go on");
                *current = Some(why);
            }
            first
        });
    }

    pub(crate) fn why(&self) -> Option<String> {
        self.why.borrow().clone()
    }

    /// Resolves once there is a reason.
    pub(crate) async fn wait(&self) -> String {
        let mut receiver = self.why.subscribe();
        let why = receiver.wait_for(Option::is_some).await.expect("this fault holds its sender");
        why.clone().unwrap_or_default()
    }
}
