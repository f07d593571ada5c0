//! What the machine gives a test: the built programs, free ports, file systems of a wanted size.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

/// What is started.
pub(crate) const PROGRAMS: [&str; 3] = ["muster-controller", "muster-noded", "muster"];

/// Where the built programs are: beside this test's own target directory, of its profile or another.
pub(crate) fn programs() -> PathBuf {
    let chosen = std::env::var_os("MUSTER_BIN_DIR").map(PathBuf::from);
    let own = std::env::current_exe().expect("a test has a path");
    let target = own.ancestors().nth(3).expect("target/PROFILE/deps/TEST").to_owned();
    let of_profiles = ["debug", "release", "sim"].map(|profile| target.join(profile));
    let mut places = chosen.into_iter().chain(of_profiles);
    places.find(|dir| PROGRAMS.iter().all(|name| dir.join(name).exists())).unwrap_or_else(|| {
        panic!(
            "the programs that this test starts are not built, build them first:\n  \
             cargo build -p muster-controller -p muster-noded -p muster-cli\n\
             (looked below {}; MUSTER_BIN_DIR names another place)",
            target.display()
        )
    })
}

/// Below the ports that the system gives to whoever connects.
const PORTS: std::ops::Range<u16> = 12_000..30_000;
/// How many were given. Tests run side by side: what one was given and has not opened yet must not be another's.
static PORTS_GIVEN: AtomicU16 = AtomicU16::new(0);

/// The first of two successive ports that are free on every controller's address, and that no other test was given.
pub(crate) fn free_ports(addresses: usize) -> u16 {
    let room = PORTS.end - PORTS.start;
    // Other processes, which do the same, begin elsewhere.
    let begin = (std::process::id() % 1_000) as u16 * 18;
    loop {
        let given = PORTS_GIVEN.fetch_add(2, Ordering::Relaxed);
        assert!(given < room, "no two ports of {PORTS:?} are free");
        let port = PORTS.start + (begin + given) % room;
        let all = (1..=addresses).flat_map(|number| [(number, port), (number, port + 1)]);
        if all.into_iter().all(|(number, port)| TcpListener::bind(format!("127.0.0.{number}:{port}")).is_ok()) {
            return port;
        }
    }
}

/// This story cannot be told on this machine: its test returns, and the harness counts it as passed. Written past the
/// harness, which keeps what passing tests print: `deploy/test` counts these lines, and calls the tests skipped.
fn not_tried(why: &str) {
    let story = std::thread::current().name().unwrap_or("a story").to_owned();
    // Nobody to tell where standard error is closed.
    let _ = writeln!(std::io::stderr(), "\nnot tried: {story}: {why}");
}

/// A file system in memory, gone with this value.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// `None`: this machine does not let us, and that was printed.
    pub(crate) fn of_size(target: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(target).expect("the temporary directory is ours");
        if mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], target) {
            return Some(Self(target.to_owned()));
        }
        not_tried("a small file system cannot be mounted here (that needs root)");
        None
    }

    /// As somebody who frees room.
    pub(crate) fn grow(&self, size: &str) {
        assert!(mount(&["-o", &format!("remount,size={size}")], &self.0), "it was mounted by us");
    }
}

fn mount(words: &[&str], target: &Path) -> bool {
    Command::new("mount").args(words).arg(target).output().is_ok_and(|output| output.status.success())
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Whether this test may become other users; if not, that was printed.
pub(crate) fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        not_tried("only root may act as several users");
    }
    root
}
