//! Leadership is handed over on request, before maintenance for instance.

use muster_dialect::errno;

use super::{Answered, At, Refusal, done};

impl At<'_> {
    /// To the replica of this name; empty: to any that is up to date.
    pub(super) async fn transfer(&self, to: &str) -> Answered {
        self.caller.require_admin()?;
        self.require_leader()?;
        let target = self.member.core.read(|cluster| {
            let mut rows = cluster.replicas().filter(|row| !row.retired && row.name == to);
            rows.next().map(|row| row.replica)
        });
        match target {
            None if to.is_empty() => {
                self.member.hand_over().await;
                if self.member.leads() {
                    return Err(Refusal::with(errno::SLURM_ERROR, "no other replica votes and took over"));
                }
            }
            None => return Err(Refusal::with(errno::SLURM_ERROR, format!("no replica is named {to}"))),
            Some(id) if id == self.member.core.identity.replica => {
                return Ok(done(format!("{to} leads already"), 0, 0));
            }
            Some(id) => {
                let handed = self.member.core.hand_over_to(id).await;
                handed.map_err(|why| Refusal::with(errno::SLURM_ERROR, why.to_string()))?;
            }
        }
        Ok(done(String::new(), 1, 0))
    }
}
