//! Input that a node was sent and has not said that it took: sent again over a new connection, so that none is lost; numbered,
//! so that none is taken twice.

use std::collections::VecDeque;

use muster_proto::wire::Input;
use tokio::sync::mpsc;

/// Pieces (of at most 32 KiB) that may be on their way to one node.
const KEPT_MAX: usize = 64;

/// What one node was sent.
#[derive(Default)]
pub(super) struct Kept {
    pieces: VecDeque<Input>,
    /// How many of `pieces` this connection has carried.
    sent: usize,
    last: u64,
}

impl Kept {
    /// A new connection carries all of it again.
    pub(super) fn send_again(&mut self) {
        self.sent = 0;
    }

    /// The node has everything up to `seq`.
    pub(super) fn taken(&mut self, seq: u64) {
        while self.pieces.front().is_some_and(|piece| piece.seq <= seq) {
            self.pieces.pop_front();
            self.sent = self.sent.saturating_sub(1);
        }
    }

    /// The next piece to send: one that was sent before, or one of `fresh`. Waits for ever while too much is on its way: ask
    /// again when the node has said something. May be dropped at any time.
    pub(super) async fn next(&mut self, fresh: &mut mpsc::Receiver<Input>) -> Option<Input> {
        if let Some(again) = self.pieces.get(self.sent) {
            self.sent += 1;
            return Some(again.clone());
        }
        if self.pieces.len() >= KEPT_MAX {
            std::future::pending::<()>().await;
        }
        let mut piece = fresh.recv().await?;
        self.last += 1;
        piece.seq = self.last;
        self.pieces.push_back(piece.clone());
        self.sent += 1;
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn piece(text: &str) -> Input {
        Input { data: text.to_owned().into(), ..Input::default() }
    }

    fn sends(kept: &mut Kept, fresh: &mut mpsc::Receiver<Input>) -> Vec<u64> {
        std::iter::from_fn(|| kept.next(fresh).now_or_never().flatten()).map(|piece| piece.seq).collect()
    }

    #[test]
    fn a_new_connection_carries_what_was_not_taken_and_then_what_is_new() {
        let (more, mut fresh) = mpsc::channel(8);
        let mut kept = Kept::default();
        ["a", "b", "c"].iter().for_each(|text| more.try_send(piece(text)).unwrap());
        assert_eq!(sends(&mut kept, &mut fresh), [1, 2, 3]);
        kept.send_again();
        kept.taken(1);
        more.try_send(piece("d")).unwrap();
        assert_eq!(sends(&mut kept, &mut fresh), [2, 3, 4]);
        kept.taken(4);
        kept.send_again();
        assert_eq!(sends(&mut kept, &mut fresh), [0; 0]);
    }

    #[test]
    fn what_is_on_its_way_is_bounded() {
        let (more, mut fresh) = mpsc::channel(KEPT_MAX + 1);
        let mut kept = Kept::default();
        (0..=KEPT_MAX).for_each(|_| more.try_send(piece("x")).unwrap());
        assert_eq!(sends(&mut kept, &mut fresh).len(), KEPT_MAX);
        kept.taken(1);
        assert_eq!(sends(&mut kept, &mut fresh), [KEPT_MAX as u64 + 1]);
    }
}
