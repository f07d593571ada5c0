//! What the machine gives a test: the built programs, free ports, file systems of a wanted size.

use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The first of two successive ports that are free on every controller's address.
pub(crate) fn free_ports(addresses: usize) -> u16 {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = first.local_addr().expect("it listens").port();
        drop(first);
        let all = (1..=addresses).flat_map(|number| [(number, port), (number, port.saturating_add(1))]);
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
