//! Long polls: `salloc`, `sbatch --wait` and `srun` wait here instead of asking again and again.

use std::time::Duration;

use muster_proto::wire::{JobNow, StepNow, WaitJob, WaitStep, reply, wait_job};
use tokio::time::{Instant, timeout_at};

use super::{Answered, At, Refusal};
use crate::views;

/// Longest wait of one call; the client asks again.
const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// Without a change for so long, a quorum is asked for.
const QUIET_MAX: Duration = Duration::from_secs(5);

impl At<'_> {
    pub(super) async fn wait_job(&self, asked: WaitJob) -> Answered {
        self.member.core.replica.barrier().await?;
        if views::is_hidden_job(self.member, self.caller, asked.uid, asked.job_id) {
            return Ok(reply::Body::JobNow(JobNow { uid: asked.uid, job_id: asked.job_id, ..JobNow::default() }));
        }
        let until = asked.until();
        self.wait(asked.patience_ms, || {
            let now = views::job_now(self.member, asked.uid, asked.job_id, until == wait_job::Until::Ended);
            let over = now.reached || !now.known;
            (now.uid, over, reply::Body::JobNow(now))
        })
        .await
    }

    pub(super) async fn wait_step(&self, asked: WaitStep) -> Answered {
        self.member.core.replica.barrier().await?;
        if views::is_hidden_job(self.member, self.caller, asked.uid, 0) {
            return Ok(reply::Body::StepNow(StepNow::default()));
        }
        self.wait(asked.patience_ms, || {
            let now = views::step_now(self.member, asked.uid, asked.step_id);
            let over = now.reached || !now.known;
            (asked.uid, over, reply::Body::StepNow(now))
        })
        .await
    }

    /// Looks, and looks again whenever the job changes, until it is over or patience ends.
    async fn wait(&self, patience_ms: u32, look: impl Fn() -> (u64, bool, reply::Body)) -> Answered {
        let patience = Duration::from_millis(u64::from(patience_ms)).min(PATIENCE_MAX);
        let deadline = Instant::now() + patience;
        let (uid, _, _) = look();
        let watching = self.member.watchers.watch(uid);
        let mut watching = watching.ok_or_else(|| Refusal::busy("too many clients wait already"))?;
        loop {
            watching.mark_seen();
            let (_, over, answer) = look();
            if over {
                return Ok(answer);
            }
            let quiet_until = deadline.min(Instant::now() + QUIET_MAX);
            if timeout_at(quiet_until, watching.changed()).await.is_ok() {
                continue;
            }
            if quiet_until == deadline {
                return Ok(look().2);
            }
            // A controller that is cut off hears of nothing: whoever waits here goes on elsewhere.
            self.member.core.replica.barrier().await?;
        }
    }
}
