//! Looking at processes through /proc, and signalling them without hitting a stranger who got the same number.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use nix::libc;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// One process, as its stat line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    pub(crate) name: String,
    /// `R`, `S`, `D`, `Z`, …
    pub(crate) state: char,
    /// In ticks since boot: with the pid it names a process for ever.
    pub(crate) started: u64,
}

impl Process {
    /// Dead, and not yet reaped.
    pub(crate) fn is_zombie(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Sends the signal, unless the number has gone to another process meanwhile.
    pub(crate) fn signal(&self, signal: i32) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        // The descriptor pins the process: if it is the one that was looked at, it is the one that is hit.
        if read(self.pid).is_some_and(|now| now.started == self.started)
            && let Some(signal) = named(signal)
        {
            // Gone in between, or not ours (a set-uid program of a user, without root): nothing to do about either.
            let _ = pidfd_send_signal(&pidfd, signal);
        }
    }

    /// For the operator: who it is, in which state, and where in the kernel it waits.
    pub(crate) fn describe(&self) -> String {
        let waits = fs::read_to_string(format!("/proc/{}/wchan", self.pid)).unwrap_or_default();
        let waits = if waits.is_empty() || waits == "0" { "?".to_owned() } else { waits };
        format!("process {} ({}) state {} wchan {waits}", self.pid, self.name, self.state)
    }
}

/// A signal that users may send: one with a name, or a real-time one that the C library keeps for nobody.
pub(crate) fn named(signal: i32) -> Option<Signal> {
    let is_real_time = (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal);
    // SAFETY: real-time signals within these bounds are free for use.
    Signal::from_named_raw(signal).or_else(|| is_real_time.then(|| unsafe { Signal::from_raw_unchecked(signal) }))
}

/// One process, if it is there.
pub(crate) fn read(pid: i32) -> Option<Process> {
    parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// `PID (NAME) STATE PPID …`; the name may hold spaces and parentheses.
fn parse(stat: &str) -> Option<Process> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    let parent = fields.next()?.parse().ok()?;
    // Fields 6 and 22 of proc(5); two of the numbered fields are gone with the name.
    let session = fields.nth(1)?.parse().ok()?;
    let started = fields.nth(15)?.parse().ok()?;
    Some(Process { pid: pid.parse().ok()?, parent, session, name: name.to_owned(), state, started })
}

/// Every process that can be seen.
pub(crate) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter_map(read).collect()
}

/// All that descend from `root`, without it, dead ones that were not reaped included.
pub(crate) fn descendants(root: i32) -> Vec<Process> {
    if Path::new("/proc/thread-self/children").exists() {
        return walk(root, children);
    }
    // A kernel without CONFIG_PROC_CHILDREN: look at everybody's parent.
    let mut of: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for process in all() {
        of.entry(process.parent).or_default().push(process.pid);
    }
    walk(root, |pid| of.get(&pid).cloned().unwrap_or_default())
}

fn walk(root: i32, children: impl Fn(i32) -> Vec<i32>) -> Vec<Process> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        for child in children(pid) {
            if seen.insert(child) {
                open.push(child);
                found.extend(read(child));
            }
        }
    }
    found
}

/// Children of all threads of a process: proc(5), `/proc/PID/task/TID/children`.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok());
    of.flat_map(|line| line.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>()).collect()
}

/// The value of a variable in a process's environment, as it was at exec. As root, everybody's; else one's own.
pub(crate) fn variable(pid: i32, name: &str) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    environment.split(|byte| *byte == 0).find_map(|variable| {
        let variable = std::str::from_utf8(variable).ok()?;
        variable.strip_prefix(name)?.strip_prefix('=').map(str::to_owned)
    })
}

/// Real user id of a process.
pub(crate) fn owner(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_confuse() {
        let line = "42 (a) R 1 (b) S 7 42 43 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 1000 10";
        let process = parse(line).unwrap();
        assert_eq!((process.pid, process.parent, process.session), (42, 7, 43));
        assert_eq!((process.state, process.started), ('S', 12345));
        assert_eq!(process.name, "a) R 1 (b");
    }

    #[test]
    fn this_process_descends_from_its_parent() {
        let me = read(std::process::id() as i32).unwrap();
        assert!(descendants(me.parent).contains(&read(me.pid).unwrap()) || !descendants(me.parent).is_empty());
    }
}
