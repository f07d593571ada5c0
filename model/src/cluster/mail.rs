//! Mail to users: rows of the outbox, which the leader works off.

use muster_dialect::errno;
use muster_dialect::state::JobState;
use muster_proto::durable::{Origin, OutboxRow};

use super::changes::Table;
use super::ruling::{Ruling, done, require_admin};
use super::state::Cluster;

/// `--mail-type=BEGIN`. The bits of `JobSpec::mail_types`.
pub const BEGIN: u32 = 1;
/// `END`
pub const END: u32 = 1 << 1;
/// `FAIL`
pub const FAIL: u32 = 1 << 2;
/// `REQUEUE`
pub const REQUEUE: u32 = 1 << 3;
/// `TIME_LIMIT`
pub const TIME_LIMIT: u32 = 1 << 4;
/// `TIME_LIMIT_90`
pub const TIME_LIMIT_90: u32 = 1 << 5;
/// `TIME_LIMIT_80`
pub const TIME_LIMIT_80: u32 = 1 << 6;
/// `TIME_LIMIT_50`
pub const TIME_LIMIT_50: u32 = 1 << 7;
/// `STAGE_OUT`
pub const STAGE_OUT: u32 = 1 << 8;
/// `ARRAY_TASKS`: a mail for each task, not for the array as a whole.
pub const ARRAY_TASKS: u32 = 1 << 9;
/// `INVALID_DEPEND`
pub const INVALID_DEPEND: u32 = 1 << 10;

/// Mails that wait for the leader; more are not sent.
pub const OUTBOX_MAX: usize = 100_000;

impl Cluster {
    /// One mail, where the job asked for it. The row names the kind; its text is the address, and the leader words the rest.
    pub(super) fn send_mail(&mut self, uid: u64, kind: u32) {
        let Some(job) = self.job(uid) else { return };
        let spec = job.spec();
        let failed = kind == END && job.state().is_finished() && job.row.exit_status != 0;
        let asked = spec.mail_types & kind != 0 || (failed && spec.mail_types & FAIL != 0);
        let single = job.row.array_task.is_none() || spec.mail_types & ARRAY_TASKS != 0;
        if !asked || !single || self.outbox.len() >= OUTBOX_MAX {
            return;
        }
        let word = match kind {
            BEGIN => "mail:begin",
            REQUEUE => "mail:requeue",
            TIME_LIMIT => "mail:time_limit",
            _ if failed => "mail:fail",
            _ => "mail:end",
        };
        let text = if spec.mail_user.is_empty() { spec.user_name.clone() } else { spec.mail_user.clone() };
        let id = self.meta.next_outbox;
        self.meta.next_outbox += 1;
        let row = OutboxRow { id, kind: word.to_owned(), text, uid, created_ms: self.now_ms() };
        self.ledger.touch(Table::Outbox, id.to_be_bytes().to_vec());
        self.outbox.insert(id, row);
    }

    pub(super) fn finish_outbox(&mut self, ids: &[u64]) -> Ruling {
        for id in ids {
            if self.outbox.remove(id).is_some() {
                self.ledger.touch(Table::Outbox, id.to_be_bytes().to_vec());
            }
        }
        Ok(done())
    }

    /// `scontrol notify`: only the job's own srun or salloc could show it, and they ask for nothing yet. The refusals are Slurm's.
    pub(super) fn notify_job(&mut self, origin: &Origin, command: &muster_proto::durable::NotifyJob) -> Ruling {
        require_admin(origin)?;
        let target = command.target.as_ref().ok_or(errno::ESLURM_INVALID_JOB_ID)?;
        for (uid, _) in self.target_uids(target)? {
            match self.job(uid).map(|job| job.state()) {
                None => return Err(errno::ESLURM_INVALID_JOB_ID.into()),
                Some(JobState::Pending) => return Err(errno::ESLURM_DISABLED.into()),
                Some(JobState::Running | JobState::Suspended) => {}
                Some(_) => return Err(errno::ESLURM_ALREADY_DONE.into()),
            }
        }
        Err(errno::ESLURM_NOT_SUPPORTED.into())
    }
}
