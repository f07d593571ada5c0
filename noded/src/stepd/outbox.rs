//! What goes to srun: numbered, kept until srun acknowledged it, and bounded.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use muster_proto::wire::{FromTasks, from_tasks};
use prost::Message;
use tokio::sync::{Notify, mpsc};

/// Output that srun has not acknowledged; beyond it the tasks' pipes are not read.
pub(crate) const UNACKNOWLEDGED_BYTES_MAX: usize = 1024 * 1024;
/// Frames that an observer (sattach) may lag behind; later ones are dropped for it.
pub(crate) const OBSERVER_FRAMES_MAX: usize = 256;

/// Frames for the owner, and copies for observers.
#[derive(Default)]
pub(crate) struct Outbox {
    frames: RefCell<VecDeque<(FromTasks, usize)>>,
    bytes: Cell<usize>,
    last_seq: Cell<u64>,
    observers: RefCell<Vec<mpsc::Sender<FromTasks>>>,
    /// A frame was added.
    pub(crate) added: Notify,
    /// Frames were acknowledged.
    pub(crate) room: Notify,
}

impl Outbox {
    /// Adds a frame.
    pub(crate) fn push(&self, body: from_tasks::Body) {
        let seq = self.last_seq.get() + 1;
        self.last_seq.set(seq);
        let frame = FromTasks { seq, body: Some(body), input_taken: 0 };
        let size = frame.encoded_len();
        self.observers
            .borrow_mut()
            .retain(|observer| !matches!(observer.try_send(frame.clone()), Err(mpsc::error::TrySendError::Closed(_))));
        self.frames.borrow_mut().push_back((frame, size));
        self.bytes.set(self.bytes.get() + size);
        self.added.notify_waiters();
    }

    /// Whether more output may be read.
    pub(crate) fn has_room(&self) -> bool {
        self.bytes.get() < UNACKNOWLEDGED_BYTES_MAX
    }

    /// The first frame after `seq` that is still kept.
    pub(crate) fn after(&self, seq: u64) -> Option<FromTasks> {
        self.frames.borrow().iter().find(|(frame, _)| frame.seq > seq).map(|(frame, _)| frame.clone())
    }

    /// srun has everything up to `seq`.
    pub(crate) fn acknowledge(&self, seq: u64) {
        let mut frames = self.frames.borrow_mut();
        let mut freed = 0;
        while frames.front().is_some_and(|(frame, _)| frame.seq <= seq) {
            freed += frames.pop_front().map_or(0, |(_, size)| size);
        }
        self.bytes.set(self.bytes.get() - freed);
        if freed > 0 {
            self.room.notify_waiters();
        }
    }

    /// Everything was acknowledged.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.borrow().is_empty()
    }

    /// Copies of all frames from now on.
    pub(crate) fn observe(&self) -> mpsc::Receiver<FromTasks> {
        let (sender, receiver) = mpsc::channel(OBSERVER_FRAMES_MAX);
        self.observers.borrow_mut().push(sender);
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(bytes: usize) -> from_tasks::Body {
        let data = vec![b'x'; bytes].into();
        from_tasks::Body::Output(muster_proto::wire::Output { task: 0, stderr: false, data })
    }

    #[test]
    fn a_full_outbox_has_room_again_once_acknowledged() {
        let outbox = Outbox::default();
        outbox.push(output(UNACKNOWLEDGED_BYTES_MAX));
        assert!(!outbox.has_room());
        outbox.acknowledge(1);
        assert!(outbox.has_room() && outbox.is_empty());
    }

    #[test]
    fn what_was_not_acknowledged_is_there_for_the_next_attach() {
        let outbox = Outbox::default();
        (0..3).for_each(|_| outbox.push(output(1)));
        outbox.acknowledge(1);
        assert_eq!(outbox.after(0).unwrap().seq, 2);
        assert_eq!(outbox.after(2).unwrap().seq, 3);
        assert_eq!(outbox.after(3), None);
    }
}
