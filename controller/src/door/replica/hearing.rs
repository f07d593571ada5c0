//! Whether a peer answers.

use std::time::Duration;

use tokio::time::Instant;

/// A peer that answered on a connection, and then leaves calls unanswered for so long, is tried on another one: after a
/// partition a connection may hang for as long as TCP pleases. An election time-out: who leads over such connections is
/// followed again before long.
const SILENCE: Duration = Duration::from_millis(300);

/// What a peer lets us hear.
#[derive(Clone, Copy, Default)]
pub(super) struct Heard {
    /// When the peer answered last.
    pub(super) answered: Option<Instant>,
    /// Whether it did so on this connection: to make one takes its time.
    here: bool,
    /// When the first call was sent that nothing was heard after.
    asked: Option<Instant>,
}

impl Heard {
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked.get_or_insert(now);
    }

    pub(super) fn answer(&mut self, now: Instant) {
        *self = Self { answered: Some(now), here: true, asked: None };
    }

    pub(super) fn is_silent(&self, now: Instant) -> bool {
        self.here && self.asked.is_some_and(|asked| now.duration_since(asked) >= SILENCE)
    }

    pub(super) fn begin_anew(&mut self) {
        (self.here, self.asked) = (false, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_silent_only_after_it_answered_and_then_left_a_call_unanswered() {
        let start = Instant::now();
        let mut heard = Heard::default();
        heard.ask(start);
        assert!(!heard.is_silent(start + SILENCE), "it is still being made");
        heard.answer(start);
        assert!(!heard.is_silent(start + SILENCE), "nothing is asked");
        heard.ask(start);
        heard.ask(start + SILENCE / 2);
        assert!(!heard.is_silent(start + SILENCE / 2) && heard.is_silent(start + SILENCE));
        heard.begin_anew();
        heard.ask(start);
        assert!(!heard.is_silent(start + SILENCE) && heard.answered == Some(start));
    }
}
