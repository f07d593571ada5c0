//! What each command takes, from the documentation and from the commands themselves (22.05.8 and 26.05.3).

mod sacct;
mod sacctmgr;
mod salloc;
mod sattach;
mod sbatch;
mod sbcast;
mod scancel;
mod scontrol;
mod scrontab;
mod sdiag;
mod sinfo;
mod sprio;
mod squeue;
mod sreport;
mod srun;
mod sshare;
mod sstat;
mod strigger;

pub use sacct::SACCT;
pub use sacctmgr::SACCTMGR;
pub use salloc::SALLOC;
pub use sattach::SATTACH;
pub use sbatch::SBATCH;
pub use sbcast::SBCAST;
pub use scancel::SCANCEL;
pub use scontrol::SCONTROL;
pub use scrontab::SCRONTAB;
pub use sdiag::SDIAG;
pub use sinfo::SINFO;
pub use sprio::SPRIO;
pub use squeue::SQUEUE;
pub use sreport::SREPORT;
pub use srun::SRUN;
pub use sshare::SSHARE;
pub use sstat::SSTAT;
pub use strigger::STRIGGER;

use super::Table;

/// Every table, for tests and for help.
pub const ALL: &[Table] = &[
    SACCT, SACCTMGR, SALLOC, SATTACH, SBATCH, SBCAST, SCANCEL, SCONTROL, SCRONTAB, SDIAG, SINFO, SPRIO, SQUEUE,
    SREPORT, SRUN, SSHARE, SSTAT, STRIGGER,
];
