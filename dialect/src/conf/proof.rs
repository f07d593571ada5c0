//! `ProofOfDeath` and `LeaseSec` of `fence.conf`: what counts as proof that the work of a lost node is over, besides its own
//! report, a new boot, a confirmed fence and an operator's word.

use super::diagnostics::Findings;
use super::fields::Fields;

/// How often a node speaks to the leader at least, ms.
pub const HEARTBEAT_MS_MAX: u32 = 5_000;
/// Heartbeats in the shortest lease: one may be lost, and its session may have to find another leader.
const LEASE_HEARTBEATS_MIN: u32 = 4;

/// `ProofOfDeath`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Proof {
    /// `certain`: nothing else.
    #[default]
    Certain,
    /// `lease`: the end of the node's lease. The node ends its own work when no leader has renewed it for `LeaseSec`.
    Lease,
    /// `timeout`: silence for `SlurmdTimeout`, as in Slurm. Unsafe: what ran there may run on beside its repeat.
    Timeout,
}

/// As the file says them, in the order of [`Proof`].
pub(super) const NAMES: [&str; 3] = ["certain", "lease", "timeout"];

impl Proof {
    /// As `scontrol show config` says it.
    pub fn shown(self) -> &'static str {
        match self {
            Proof::Certain => NAMES[0],
            Proof::Lease => NAMES[1],
            Proof::Timeout => "timeout (UNSAFE: a job may run twice)",
        }
    }
}

/// A node is suspected after a third of `SlurmdTimeout`: it speaks at least twice in that time.
pub fn heartbeat_ms(slurmd_timeout_s: u32) -> u32 {
    match slurmd_timeout_s {
        0 => HEARTBEAT_MS_MAX,
        seconds => HEARTBEAT_MS_MAX.min(seconds.saturating_mul(1_000) / 6),
    }
}

/// The proof, and `LeaseSec`: 0 where it does not count.
pub(super) fn read(fields: &Fields, slurmd_timeout_s: u32, findings: &mut Findings) -> (Proof, u32) {
    let at = fields.place("ProofOfDeath");
    let proof = match fields.text("ProofOfDeath").map(str::to_ascii_lowercase).as_deref() {
        Some("lease") => Proof::Lease,
        Some("timeout") => Proof::Timeout,
        _ => Proof::Certain,
    };
    let lease_s = fields.number_u32("LeaseSec");
    match (proof, lease_s) {
        (Proof::Lease, None) => findings.error(at, "ProofOfDeath=lease needs LeaseSec"),
        (Proof::Lease, Some(lease_s)) => {
            if slurmd_timeout_s == 0 {
                let why = "with SlurmdTimeout=0 no node is ever lost: its work would end for nothing";
                findings.error(at, format!("ProofOfDeath=lease: {why}"));
            }
            check_length(fields, lease_s, slurmd_timeout_s, findings);
            return (proof, lease_s);
        }
        (Proof::Timeout, _) => {
            let why = "a node that is only cut off runs its job beside the repeat of it elsewhere";
            findings.warn(at, format!("ProofOfDeath=timeout is unsafe: {why}"));
        }
        (Proof::Certain, Some(_)) => {
            findings.warn(fields.place("LeaseSec"), "LeaseSec counts with ProofOfDeath=lease alone");
        }
        (Proof::Certain, None) => {}
    }
    (proof, 0)
}

fn check_length(fields: &Fields, lease_s: u32, slurmd_timeout_s: u32, findings: &mut Findings) {
    let beat_ms = heartbeat_ms(slurmd_timeout_s);
    let least_s = (beat_ms * LEASE_HEARTBEATS_MIN).div_ceil(1_000);
    if lease_s < least_s {
        let why =
            format!("nodes speak every {beat_ms} ms, and {LEASE_HEARTBEATS_MIN} times in a lease: {least_s} at least");
        findings.error(fields.place("LeaseSec"), format!("LeaseSec={lease_s} is too short: {why}"));
    }
}
