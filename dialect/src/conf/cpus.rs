//! Completes the processor counts of a node, as slurm.conf(5) and Slurm 22.05 do.

use super::diagnostics::{Findings, Place};

/// What a line says; absent counts are worked out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Given {
    pub(super) boards: Option<u32>,
    pub(super) sockets: Option<u32>,
    pub(super) sockets_per_board: Option<u32>,
    pub(super) cores_per_socket: Option<u32>,
    pub(super) threads_per_core: Option<u32>,
    pub(super) cpus: Option<u32>,
}

/// All counts; `sockets` are those of the whole node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cpus {
    pub(super) cpus: u32,
    pub(super) boards: u32,
    pub(super) sockets: u32,
    pub(super) cores_per_socket: u32,
    pub(super) threads_per_core: u32,
}

/// Works out what is absent and warns where CPUs fits none of the topology's counts.
pub(super) fn complete(given: &Given, say: &dyn Fn(&str) -> String, at: Place, findings: &mut Findings) -> Cpus {
    if given.sockets.is_some() && given.sockets_per_board.is_some() {
        findings.error(at, say("Sockets and SocketsPerBoard are mutually exclusive"));
    }
    for (key, count) in [
        ("Boards", given.boards),
        ("Sockets", given.sockets.or(given.sockets_per_board)),
        ("CoresPerSocket", given.cores_per_socket),
        ("ThreadsPerCore", given.threads_per_core),
        ("CPUs", given.cpus),
    ] {
        if count == Some(0) {
            findings.error(at, say(&format!("{key} cannot be 0")));
        }
    }
    let at_least_one = |count: Option<u32>| count.unwrap_or(1).max(1);
    let boards = at_least_one(given.boards);
    let cores = at_least_one(given.cores_per_socket);
    let threads = at_least_one(given.threads_per_core);
    let sockets = match given.sockets.or(given.sockets_per_board) {
        // With Boards, Sockets counts those of one board.
        Some(sockets) => sockets.max(1).saturating_mul(boards),
        None => (at_least_one(given.cpus) / cores.saturating_mul(threads)).max(boards),
    };
    let of_cores = sockets.saturating_mul(cores);
    let of_threads = of_cores.saturating_mul(threads);
    let cpus = match given.cpus.filter(|cpus| *cpus > 0) {
        None => of_threads,
        Some(cpus) if [sockets, of_cores, of_threads].contains(&cpus) => cpus,
        Some(cpus) => {
            let message = format!(
                "CPUs={cpus} match no Sockets, Sockets*CoresPerSocket or Sockets*CoresPerSocket*ThreadsPerCore. \
                 Resetting CPUs to {of_threads}."
            );
            findings.warn(at, say(&message));
            of_threads
        }
    };
    Cpus { cpus, boards, sockets, cores_per_socket: cores, threads_per_core: threads }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (CPUs, boards, sockets, cores, threads) and whether there was a warning.
    fn check(given: Given) -> ((u32, u32, u32, u32, u32), bool) {
        let mut findings = Findings::default();
        let cpus = complete(&given, &str::to_string, Place::default(), &mut findings);
        let counts = (cpus.cpus, cpus.boards, cpus.sockets, cpus.cores_per_socket, cpus.threads_per_core);
        (counts, !findings.into_list().is_empty())
    }

    #[test]
    fn counts_are_completed_as_real_slurm_completed_them() {
        let none = Given::default();
        assert_eq!(check(none), ((1, 1, 1, 1, 1), false));
        assert_eq!(check(Given { cpus: Some(4), ..none }), ((4, 1, 4, 1, 1), false));
        let hyper = Given { sockets: Some(2), cores_per_socket: Some(4), threads_per_core: Some(2), ..none };
        assert_eq!(check(hyper), ((16, 1, 2, 4, 2), false));
        assert_eq!(check(Given { cpus: Some(8), ..hyper }), ((8, 1, 2, 4, 2), false));
        let boards = Given { boards: Some(2), sockets_per_board: Some(2), cores_per_socket: Some(4), ..none };
        assert_eq!(check(boards), ((16, 2, 4, 4, 1), false));
        assert_eq!(check(Given { cpus: Some(8), cores_per_socket: Some(4), ..none }), ((8, 1, 2, 4, 1), false));
        assert_eq!(check(Given { cpus: Some(16), threads_per_core: Some(2), ..none }), ((16, 1, 8, 1, 2), false));
        assert_eq!(check(Given { cpus: Some(8), sockets: Some(2), ..none }), ((2, 1, 2, 1, 1), true));
    }

    #[test]
    fn huge_and_zero_counts_do_not_overflow() {
        let most = Some(u32::MAX);
        let huge =
            Given { boards: most, sockets: most, cores_per_socket: most, threads_per_core: most, ..Given::default() };
        assert_eq!(check(huge).0.0, u32::MAX);
        assert!(check(Given { cpus: Some(0), cores_per_socket: Some(0), ..Given::default() }).1);
    }
}
