//! Signals that a command waits for. Handlers are installed once, before anything is asked for, so that none is missed;
//! programs started later get the defaults back.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Signals that would end this process.
pub(crate) struct Signals {
    interrupt: Signal,
    quit: Signal,
    terminate: Signal,
    hangup: Signal,
    user1: Signal,
    user2: Signal,
    alarm: Signal,
    resize: Signal,
    resume: Signal,
}

impl Signals {
    /// Takes them over.
    pub(crate) fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            user1: signal(SignalKind::user_defined1())?,
            user2: signal(SignalKind::user_defined2())?,
            alarm: signal(SignalKind::alarm())?,
            resize: signal(SignalKind::window_change())?,
            resume: signal(SignalKind::from_raw(libc_sigcont()))?,
        })
    }

    /// The next signal, by number.
    pub(crate) async fn next(&mut self) -> i32 {
        use nix::sys::signal::Signal as S;
        tokio::select! {
            _ = self.interrupt.recv() => S::SIGINT as i32,
            _ = self.quit.recv() => S::SIGQUIT as i32,
            _ = self.terminate.recv() => S::SIGTERM as i32,
            _ = self.hangup.recv() => S::SIGHUP as i32,
            _ = self.user1.recv() => S::SIGUSR1 as i32,
            _ = self.user2.recv() => S::SIGUSR2 as i32,
            _ = self.alarm.recv() => S::SIGALRM as i32,
            _ = self.resize.recv() => S::SIGWINCH as i32,
            _ = self.resume.recv() => S::SIGCONT as i32,
        }
    }

    /// The next that is meant to end the command.
    pub(crate) async fn deadly(&mut self) -> i32 {
        use nix::sys::signal::Signal as S;
        tokio::select! {
            _ = self.interrupt.recv() => S::SIGINT as i32,
            _ = self.quit.recv() => S::SIGQUIT as i32,
            _ = self.terminate.recv() => S::SIGTERM as i32,
            _ = self.hangup.recv() => S::SIGHUP as i32,
        }
    }
}

fn libc_sigcont() -> i32 {
    nix::sys::signal::Signal::SIGCONT as i32
}
