//! Into the background, the way that service managers and scripts expect: the command ends when the daemon serves.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use anyhow::{Context, Result};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, pipe, setsid};

/// Longest message through the pipe, bytes: one write of it is whole.
const MESSAGE_BYTES_MAX: usize = 4096;

/// Tells the command that waits how it went.
pub(super) struct Ready(OwnedFd);

/// Returns in the daemon; the command itself waits, and ends here.
pub(super) fn detach() -> Result<Ready> {
    let (heard, told) = pipe().context("pipe")?;
    // SAFETY: no thread has been started yet, so the child may do anything.
    match unsafe { fork() }.context("fork")? {
        ForkResult::Parent { .. } => {
            drop(told);
            wait(heard)
        }
        ForkResult::Child => {
            drop(heard);
            setsid().context("setsid")?;
            std::env::set_current_dir("/").context("chdir to /")?;
            Ok(Ready(told))
        }
    }
}

fn wait(heard: OwnedFd) -> ! {
    let mut message = vec![0; MESSAGE_BYTES_MAX];
    // One write is one message; a daemon that dies without a word closes the pipe.
    let length = File::from(heard).read(&mut message).unwrap_or(0);
    match &*String::from_utf8_lossy(&message[..length]) {
        "up" => std::process::exit(0),
        "" => eprintln!("muster-controller: the daemon ended before it served; its log says why"),
        why => eprintln!("muster-controller: {why}"),
    }
    std::process::exit(1)
}

impl Ready {
    /// It serves: from now on nothing goes to the terminal.
    pub(super) fn up(&self) {
        self.say("up");
        if let Ok(null) = File::options().read(true).write(true).open("/dev/null") {
            let _ = dup2_stdin(&null);
            let _ = dup2_stdout(&null);
            let _ = dup2_stderr(&null);
        }
    }

    pub(super) fn failed(&self, why: &str) {
        self.say(why);
    }

    fn say(&self, text: &str) {
        // Nobody may be waiting any more.
        if let Ok(end) = self.0.try_clone() {
            let bytes = &text.as_bytes()[..text.len().min(MESSAGE_BYTES_MAX)];
            let _ = File::from(end).write_all(bytes);
        }
    }
}
