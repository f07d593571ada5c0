//! Why a node is drained when what it needs to start a step fails: its spool, its processes, its own program. Never for what lies
//! with the job: its user, its directory, its files, its script's interpreter.

use std::io;

use nix::errno::Errno;

/// In words for the node's reason.
pub(crate) fn of_node(failure: &io::Error) -> String {
    match failure.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT) => "SlurmdSpoolDir is full".to_owned(),
        Some(errno) => format!("Step launch failed: {}", errno.desc()),
        None => format!("Step launch failed: {failure}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_spool_is_called_by_its_name_and_all_else_by_what_the_kernel_says() {
        let of = |errno: Errno| of_node(&io::Error::from(errno));
        assert_eq!([of(Errno::ENOSPC), of(Errno::EDQUOT)], ["SlurmdSpoolDir is full"; 2]);
        assert_eq!(of(Errno::EROFS), "Step launch failed: Read-only file system");
        assert_eq!(of_node(&io::Error::other("odd")), "Step launch failed: odd");
    }
}
