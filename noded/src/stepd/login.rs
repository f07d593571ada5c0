//! The environment of a login, for `sbatch --get-user-env` and `--export=NONE`: what the user's shell sets before it works.
//!
//! Runs in the task's process, as the user, so that it can do no more than the task. What the job brought along stays.

use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::environment::{Environment, PATH_DEFAULT};
use super::paths;

/// How long the user's profile may take.
const PATIENCE: Duration = Duration::from_secs(8);
/// Most that is read of what it sets, bytes.
const BYTES_MAX: usize = 4 << 20;
/// Of the shell that prints it, not of the user.
const PASSING: [&str; 4] = ["_", "PWD", "OLDPWD", "SHLVL"];
/// What a login begins with.
const KEPT: [&str; 5] = ["HOME", "USER", "LOGNAME", "SHELL", paths::MARKER];

/// Adds what a login sets and `env` has not. False: the shell failed or took too long, and nothing was added.
pub(crate) fn fill(env: &mut Environment) -> bool {
    let told = ask(env);
    for (name, value) in told.iter().flatten() {
        env.entry(name.clone()).or_insert_with(|| value.clone());
    }
    env.entry("PATH".into()).or_insert_with(|| PATH_DEFAULT.into());
    env.entry("TMPDIR".into()).or_insert_with(|| "/tmp".into());
    told.is_some()
}

fn ask(env: &Environment) -> Option<Vec<(String, String)>> {
    let shell = env.get("SHELL").filter(|shell| shell.starts_with('/')).map_or("/bin/sh", String::as_str);
    let mut command = Command::new(shell);
    command.args(["-l", "-c", "/usr/bin/env -0"]).env_clear().env("PATH", PATH_DEFAULT);
    command.envs(KEPT.iter().filter_map(|name| Some((*name, env.get(*name)?))));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if let Some(home) = env.get("HOME").filter(|home| std::path::Path::new(home).is_dir()) {
        command.current_dir(home);
    }
    let mut child = command.spawn().ok()?;
    let bytes = read(&mut child, Instant::now() + PATIENCE);
    if bytes.is_none() {
        let _ = child.kill();
    }
    let ended = child.wait().is_ok_and(|status| status.success());
    bytes.filter(|_| ended).map(|bytes| parse(&bytes))
}

/// All that it prints until it closes; nothing when that is too much or too late.
fn read(child: &mut Child, until: Instant) -> Option<Vec<u8>> {
    let mut output = child.stdout.take()?;
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        let left = PollTimeout::try_from(until.saturating_duration_since(Instant::now())).ok()?;
        let mut waits = [PollFd::new(output.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waits, left) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(_) => return None,
        }
        match output.read(&mut buffer) {
            Ok(0) => return Some(bytes),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
        if bytes.len() > BYTES_MAX {
            return None;
        }
    }
}

/// `NAME=value\0` each. What the profile printed stands before the first name.
fn parse(bytes: &[u8]) -> Vec<(String, String)> {
    let pair = |entry: &[u8]| {
        let text = String::from_utf8_lossy(entry).into_owned();
        let (before, value) = text.split_once('=')?;
        let name = before.rsplit('\n').next().unwrap_or(before);
        let good = !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit());
        let kept = good && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !PASSING.contains(&name);
        kept.then(|| (name.to_owned(), value.to_owned()))
    };
    bytes.split(|byte| *byte == 0).filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_profile_prints_is_no_variable() {
        let told = parse(b"Welcome!\nHOME=/h\0A=1=2\nx\0_=/usr/bin/env\0BASH_FUNC_f%%=() {}\0\0");
        assert_eq!(told, [("HOME".to_owned(), "/h".to_owned()), ("A".into(), "1=2\nx".into())]);
    }

    #[test]
    fn a_shell_that_is_not_there_adds_nothing_but_the_least() {
        let mut env = Environment::from([("SHELL".to_owned(), "/no/such/shell".to_owned())]);
        assert!(!fill(&mut env));
        assert_eq!(env.get("PATH").map(String::as_str), Some(PATH_DEFAULT));
    }
}
