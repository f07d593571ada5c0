//! While the command runs: the allocation is watched, signals are passed on, and at the end it is given back.

use std::process::ExitStatus;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;

use super::program::Program;
use crate::allocation::{Granted, ended, give_back};
use crate::process::Variables;
use crate::say::{Voice, os_error};
use crate::signals::Signals;
use crate::site::Client;

/// An allocation, and what to do with its command.
pub(super) struct Held<'a> {
    pub(super) client: &'a Client,
    pub(super) granted: &'a Granted,
    pub(super) voice: Voice,
    /// `--kill-command`: sent when the allocation is gone.
    pub(super) kill: Option<u8>,
}

impl Held<'_> {
    /// Runs the program to its end. The exit code.
    pub(super) async fn run(
        &self,
        program: &Program,
        environment: &Variables,
        directory: Option<&str>,
        signals: &mut Signals,
    ) -> u8 {
        let mut child = match program.start(environment, directory) {
            Ok(child) => child,
            Err(error) => return self.cannot_start(program, &error).await,
        };
        let (status, revoked) = self.watch(&mut child, program.interactive, signals).await;
        if !revoked {
            self.voice.info(&format!("Relinquishing job allocation {}", self.granted.job_id));
            let wait_status = std::os::unix::process::ExitStatusExt::into_raw(status);
            give_back(self.client, self.granted.uid, wait_status.cast_unsigned()).await;
        }
        // As Slurm does: a command that a signal ended leaves no code behind.
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(0)
    }

    async fn cannot_start(&self, program: &Program, error: &std::io::Error) -> u8 {
        let name = &program.words[0];
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                self.voice.error(&format!("_fork_command: Unable to find command \"{name}\""));
            }
            _ => self.voice.error(&format!("_fork_command: Unable to exec command \"{name}\": {}", os_error(error))),
        }
        self.voice.info(&format!("Relinquishing job allocation {}", self.granted.job_id));
        give_back(self.client, self.granted.uid, 1 << 8).await;
        1
    }

    /// Until the command ends. Whether the allocation went before it did.
    async fn watch(&self, child: &mut Child, interactive: bool, signals: &mut Signals) -> (ExitStatus, bool) {
        let gone = ended(self.client, self.granted.job_id, self.granted.uid);
        tokio::pin!(gone);
        let mut revoked = false;
        loop {
            tokio::select! {
                status = child.wait() => return (status.unwrap_or_default(), revoked),
                _ = &mut gone, if !revoked => {
                    revoked = true;
                    self.voice.info(&format!("Job allocation {} has been revoked.", self.granted.job_id));
                    let signal = self.kill.map(i32::from).or(interactive.then_some(Signal::SIGHUP as i32));
                    pass_on(child, signal);
                }
                // The terminal's own go to the command too: only others are passed on.
                signal = signals.next() => pass_on(child, Some(signal).filter(|signal| is_for_command(*signal))),
            }
        }
    }
}

fn is_for_command(signal: i32) -> bool {
    [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2].iter().any(|s| *s as i32 == signal)
}

fn pass_on(child: &Child, signal: Option<i32>) {
    let signal = signal.and_then(|number| Signal::try_from(number).ok());
    let pid = child.id().and_then(|id| i32::try_from(id).ok());
    if let (Some(pid), Some(signal)) = (pid, signal) {
        // It may have ended in between.
        let _gone = kill(Pid::from_raw(pid), signal);
    }
}
