//! Bytes of commands that may wait: so many for clients, and so many kept for what must get through.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Commands of clients that wait or are being committed, in bytes.
const ORDINARY_BYTES_MAX: usize = 48 << 20;
/// Exits, fences, membership and the leader's duties, in bytes: theirs alone.
const RESERVED_BYTES_MAX: usize = 16 << 20;

/// Room for commands. Clones share it.
#[derive(Clone)]
pub(super) struct Room {
    ordinary: Arc<Semaphore>,
    reserved: Arc<Semaphore>,
}

/// What a command takes up; dropped when it is answered.
#[derive(Debug, Default)]
pub(crate) struct Place {
    _bytes: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        let of = |bytes| Arc::new(Semaphore::new(bytes));
        Self { ordinary: of(ORDINARY_BYTES_MAX), reserved: of(RESERVED_BYTES_MAX) }
    }
}

impl Room {
    /// A place among clients' commands, unless they fill their room.
    pub(super) fn ordinary(&self, bytes: usize) -> Option<Place> {
        let bytes = self.ordinary.clone().try_acquire_many_owned(bytes as u32).ok()?;
        Some(Place { _bytes: Some(bytes) })
    }

    /// A reserved place, as soon as there is one.
    pub(super) async fn reserved(&self, bytes: usize) -> Place {
        // It is never closed.
        Place { _bytes: self.reserved.clone().acquire_many_owned(bytes as u32).await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn clients_cannot_take_the_reserved_room() {
        let room = Room::default();
        let all = room.ordinary(ORDINARY_BYTES_MAX);
        assert!(all.is_some());
        assert!(room.ordinary(1).is_none());
        room.reserved(RESERVED_BYTES_MAX).await;
        drop(all);
        assert!(room.ordinary(1).is_some());
    }
}
