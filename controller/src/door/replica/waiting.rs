//! Who waits for the answer to which frame of a road.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use muster_proto::wire::RaftFrame;
use tokio::sync::oneshot;

/// The number that no frame has.
pub(super) const NO_FRAME: u64 = 0;

/// Shared by who asks and who reads.
#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<Answers>>);

#[derive(Default)]
struct Answers {
    broken: bool,
    by_number: BTreeMap<u64, oneshot::Sender<RaftFrame>>,
}

impl Waiting {
    pub(super) fn wait_for(&self, number: u64) -> Option<oneshot::Receiver<RaftFrame>> {
        let mut answers = self.0.lock().expect("no holder of this lock panics");
        let (answer, answered) = oneshot::channel();
        (!answers.broken).then(|| {
            answers.by_number.insert(number, answer);
            answered
        })
    }

    pub(super) fn take(&self, number: u64) -> Option<oneshot::Sender<RaftFrame>> {
        self.0.lock().expect("no holder of this lock panics").by_number.remove(&number)
    }

    /// The road broke: whoever waits hears it.
    pub(super) fn end(&self) {
        let mut answers = self.0.lock().expect("no holder of this lock panics");
        answers.broken = true;
        answers.by_number.clear();
    }

    /// Resolves once the road broke.
    pub(super) async fn ended(&self) {
        if let Some(broken) = self.wait_for(NO_FRAME) {
            // Nothing is ever sent there.
            let _ = broken.await;
        }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.0.lock().expect("no holder of this lock panics").broken
    }
}

/// Who went away waits no more.
pub(super) struct Place {
    pub(super) waiting: Waiting,
    pub(super) number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.waiting.take(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_finds_who_asked_and_a_broken_road_tells_everybody() {
        let waiting = Waiting::default();
        let (first, second) = (waiting.wait_for(1).unwrap(), waiting.wait_for(2).unwrap());
        waiting.take(2).unwrap().send(RaftFrame { kind: 7, ..RaftFrame::default() }).unwrap();
        assert_eq!(second.await.unwrap().kind, 7);
        waiting.end();
        waiting.ended().await;
        assert!(first.await.is_err());
        assert!(waiting.is_broken() && waiting.wait_for(3).is_none());
    }

    #[test]
    fn who_gives_up_leaves_nothing_behind() {
        let waiting = Waiting::default();
        let _answered = waiting.wait_for(1);
        drop(Place { waiting: waiting.clone(), number: 1 });
        assert!(waiting.take(1).is_none());
    }
}
