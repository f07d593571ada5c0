//! The end of a rolling upgrade: the newest feature level that every replica carries out is put in force.

use muster_proto::durable::{RaiseFeatureLevel, command};

use super::mutation::told;
use super::{Answered, At, Refusal, done};

impl At<'_> {
    /// Apply checks again what each replica said of itself; a level never falls.
    pub(super) async fn finish_upgrade(&self) -> Answered {
        self.caller.require_admin()?;
        self.require_leader()?;
        let (now, all) = self.member.core.read(|cluster| {
            let rows = cluster.replicas().filter(|row| !row.retired);
            (cluster.meta().feature_level, rows.map(|row| row.feature_level).min().unwrap_or(0))
        });
        // Its own row may still be that of a newer program, which was here before this one was put back.
        let all = all.min(self.seat.settings.feature_level());
        if all <= now {
            return Ok(done(format!("feature level {now} is in force, and not every replica knows a newer one"), 0, 0));
        }
        // The leader has checked who asks; the command is its own.
        let raise = command::Body::RaiseFeatureLevel(RaiseFeatureLevel { level: all });
        let answer = told(self.member.proposer.duty(raise).await.map_err(Refusal::from)?)?;
        Ok(done(format!("feature level {all} is in force: older programs cannot come back"), 1, answer.version))
    }
}
