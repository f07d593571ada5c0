//! How often a peer is dialled that will have none of us: the next try comes later each time.
//!
//! | why | the longest pause |
//! |---|---|
//! | one of the two does not take the other's certificate | [`CERTIFICATE_MAX`]: until somebody changes something |
//! | its door says no, or it closes before it answered | [`PASSING_MAX`]: it has just started; a proxy stands there for one that is down |
//! | nobody is there, or does not answer in time | none: whoever restarts is to be reached as soon as it is back |

use std::time::Duration;

use tokio::time::Instant;

/// The first pause; each is twice the one before.
const FIRST: Duration = Duration::from_millis(50);
/// How late a mended certificate may be noticed.
pub(super) const CERTIFICATE_MAX: Duration = Duration::from_secs(5);
/// Well below what an election takes with its time-outs.
pub(super) const PASSING_MAX: Duration = Duration::from_millis(500);

/// With one peer.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// The last pause; none since somebody was not there, or was good.
    pause: Option<Duration>,
    until: Option<Instant>,
    /// Why, since it was good.
    why: Option<String>,
    /// When it answered last, be it a no.
    answered: Option<Instant>,
    /// Refusals so far.
    count: u64,
}

impl Patience {
    /// The peer refused. True where this is the first time since it was good: worth a line in the log.
    pub(super) fn refused(&mut self, why: &str, max: Duration, now: Instant) -> bool {
        let pause = self.pause.map_or(FIRST, |before| before * 2).min(max);
        (self.pause, self.until) = (Some(pause), Some(now + pause));
        self.count += 1;
        let first = self.why.is_none();
        if first {
            self.why = Some(why.to_owned());
        }
        first
    }

    /// Nobody is there: whoever comes is somebody new.
    pub(super) fn nobody_there(&mut self) {
        (self.pause, self.until) = (None, None);
    }

    /// The peer took us. True where it had refused before.
    pub(super) fn good(&mut self, now: Instant) -> bool {
        self.nobody_there();
        self.answered(now);
        self.why.take().is_some()
    }

    /// The peer said something.
    pub(super) fn answered(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// Whether the peer has said something since `then`.
    pub(super) fn has_answered_since(&self, then: Instant) -> bool {
        self.answered.is_some_and(|answered| answered >= then)
    }

    /// Why the peer is left alone for now.
    pub(super) fn rests(&self, now: Instant) -> Option<&str> {
        self.until.filter(|until| now < *until)?;
        self.why.as_deref()
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When tries are made within `span`, if one is wanted each 10 ms.
    fn tries(patience: &mut Patience, start: Instant, span: Duration) -> Vec<u128> {
        let mut made = Vec::new();
        for at in (0..span.as_millis() as u64).step_by(10).map(Duration::from_millis) {
            if patience.rests(start + at).is_none() {
                made.push(at.as_millis());
                patience.refused("no", CERTIFICATE_MAX, start + at);
            }
        }
        made
    }

    #[test]
    fn the_pause_grows_to_its_bound_and_begins_small_again_after_a_good_connection() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        let made = tries(&mut patience, start, Duration::from_secs(22));
        assert_eq!(made, [0, 50, 150, 350, 750, 1550, 3150, 6350, 11350, 16350, 21350]);
        assert!(patience.good(start) && patience.rests(start).is_none() && !patience.good(start));
        assert_eq!(tries(&mut patience, start, Duration::from_millis(200)), [0, 50, 150]);
        assert_eq!(patience.count(), 14);
    }

    #[test]
    fn whoever_was_gone_is_somebody_new_and_what_was_told_is_not_told_again() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        assert!(patience.refused("no", CERTIFICATE_MAX, start), "the first is told");
        tries(&mut patience, start, Duration::from_secs(30));
        patience.nobody_there();
        assert_eq!(patience.rests(start), None);
        assert!(!patience.refused("no", CERTIFICATE_MAX, start), "it was told");
        assert_eq!(patience.rests(start), Some("no"));
        assert_eq!(patience.rests(start + FIRST), None);
        assert!(patience.good(start), "that it is over is told");
    }

    #[test]
    fn what_may_pass_is_tried_again_within_half_a_second() {
        let (mut patience, start) = (Patience::default(), Instant::now());
        let first = (0..20).filter(|_| patience.refused("no", PASSING_MAX, start)).count();
        assert_eq!(first, 1);
        assert!(patience.rests(start + PASSING_MAX).is_none());
    }
}
