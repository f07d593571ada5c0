//! What a supervisor says to users, in Slurm's words.

use jiff::tz::TimeZone;
use muster_proto::durable::EndCause;

/// What every line begins with.
pub(crate) fn prefix(node_name: &str) -> String {
    format!("slurmstepd-{node_name}: error: ")
}

/// `*** JOB 12 ON n1 CANCELLED AT 2026-11-21T22:39:28 ***` and its relatives. `what` is `JOB 12` or `STEP 12.0`.
pub(crate) fn ended(node_name: &str, what: &str, cause: EndCause, now_ms: u64) -> String {
    let at = local_time(now_ms);
    let why = match cause {
        EndCause::Timeout => " DUE TO TIME LIMIT",
        EndCause::Preempted => " DUE TO PREEMPTION",
        EndCause::Requeued => " DUE TO JOB REQUEUE",
        EndCause::NodeFail => " DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS",
        EndCause::OutOfMemory => " DUE TO OUT-OF-MEMORY",
        EndCause::None | EndCause::Exited | EndCause::Cancelled | EndCause::LaunchFailed | EndCause::Deadline => "",
    };
    format!("{}*** {what} ON {node_name} CANCELLED AT {at}{why} ***", prefix(node_name))
}

fn local_time(now_ms: u64) -> String {
    let now = jiff::Timestamp::from_millisecond(i64::try_from(now_ms).unwrap_or(0)).unwrap_or_default();
    now.to_zoned(TimeZone::system()).strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// The user's directory is not there.
pub(crate) fn no_directory(node_name: &str, dir: &str, why: &str) -> String {
    format!("{}couldn't chdir to `{dir}': {why}: going to /tmp instead", prefix(node_name))
}

/// The program could not be executed.
pub(crate) fn no_program(node_name: &str, program: &str, why: &str) -> String {
    format!("{}execve(): {program}: {why}", prefix(node_name))
}

/// The script's interpreter is not there.
pub(crate) fn bad_interpreter(node_name: &str, interpreter: &str, why: &str) -> String {
    format!("{}execve(): bad interpreter({interpreter}): {why}", prefix(node_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_is_named() {
        let line = ended("n1", "JOB 186", EndCause::Timeout, 0);
        assert!(line.starts_with("slurmstepd-n1: error: *** JOB 186 ON n1 CANCELLED AT 19"), "{line}");
        assert!(line.ends_with(" DUE TO TIME LIMIT ***"), "{line}");
    }
}
