//! The user's terminal: its size, and raw mode while a pseudo terminal is passed through.

use std::io::stdin;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// Rows and columns of the terminal on standard input, if there is one.
pub(super) fn size() -> Option<(u16, u16)> {
    let size = tcgetwinsize(stdin()).ok()?;
    Some((size.ws_row, size.ws_col))
}

/// Raw mode until it is dropped.
pub(super) struct Raw(Termios);

impl Raw {
    /// Every key goes through unread. None where there is no terminal.
    pub(super) fn enter() -> Option<Self> {
        let before = tcgetattr(stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Drain, &raw).ok()?;
        Some(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _gone = tcsetattr(stdin(), OptionalActions::Flush, &self.0);
    }
}
