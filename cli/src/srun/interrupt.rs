//! What a signal to srun means. The first Ctrl-C asks, the second within a second ends, the third leaves.

use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::Instant;

/// A second Ctrl-C counts within this time.
const AGAIN_WITHIN: Duration = Duration::from_secs(1);

/// What to do, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Say how the tasks are.
    Tell,
    /// Send the signal to the tasks, and say so.
    Interrupt,
    /// Send the signal to the tasks.
    Forward(i32),
    /// End the step.
    Terminate,
    /// Leave without waiting.
    Leave,
    /// The terminal's size changed.
    Resize,
    /// Only say something.
    Say(&'static str),
}

/// What was pressed so far.
#[derive(Debug, Default)]
pub(super) struct Interrupt {
    last: Option<Instant>,
    ending: bool,
    /// `-X`: Ctrl-C goes to the tasks at once.
    disable_status: bool,
    /// `--quit-on-interrupt`.
    quit_on_interrupt: bool,
}

impl Interrupt {
    pub(super) fn new(disable_status: bool, quit_on_interrupt: bool) -> Self {
        Self { last: None, ending: false, disable_status, quit_on_interrupt }
    }

    pub(super) fn on_signal(&mut self, number: i32, now: Instant) -> Vec<Action> {
        let Ok(signal) = Signal::try_from(number) else { return Vec::new() };
        match signal {
            Signal::SIGINT => self.on_interrupt(now),
            Signal::SIGQUIT => self.end(vec![Action::Say("Quit"), Action::Terminate]),
            Signal::SIGTERM | Signal::SIGHUP => self.end(vec![Action::Terminate]),
            Signal::SIGCONT => vec![Action::Say("got SIGCONT")],
            Signal::SIGWINCH => vec![Action::Resize],
            _ => vec![Action::Forward(number)],
        }
    }

    fn on_interrupt(&mut self, now: Instant) -> Vec<Action> {
        if self.ending {
            return vec![Action::Leave];
        }
        if self.quit_on_interrupt {
            return self.end(vec![Action::Terminate]);
        }
        let again = self.last.is_some_and(|last| now.duration_since(last) <= AGAIN_WITHIN);
        self.last = Some(now);
        match (again, self.disable_status) {
            (true, _) => self.end(vec![Action::Interrupt, Action::Terminate]),
            (false, true) => vec![Action::Interrupt],
            (false, false) => vec![Action::Tell],
        }
    }

    /// Ended already: another wish to end changes nothing.
    fn end(&mut self, actions: Vec<Action>) -> Vec<Action> {
        if std::mem::replace(&mut self.ending, true) { Vec::new() } else { actions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INT: i32 = Signal::SIGINT as i32;

    #[test]
    fn ctrl_c_asks_then_ends_then_leaves() {
        let mut keys = Interrupt::default();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(keys.on_signal(INT, at(0)), [Action::Tell]);
        assert_eq!(keys.on_signal(INT, at(1500)), [Action::Tell], "too late for a second");
        assert_eq!(keys.on_signal(INT, at(1900)), [Action::Interrupt, Action::Terminate]);
        assert_eq!(keys.on_signal(INT, at(2000)), [Action::Leave]);
    }

    #[test]
    fn term_ends_once_and_others_go_to_the_tasks() {
        let mut keys = Interrupt::default();
        let now = Instant::now();
        assert_eq!(keys.on_signal(Signal::SIGTERM as i32, now), [Action::Terminate]);
        assert!(keys.on_signal(Signal::SIGTERM as i32, now).is_empty());
        assert_eq!(keys.on_signal(10, now), [Action::Forward(10)]);
    }
}
