//! Certificates that end soon are warned of once a day, and every hour files that changed are looked for: a node that
//! keeps its session for weeks makes no handshake at which that would happen.

use std::sync::Arc;
use std::time::Duration;

use super::{Tls, WARN_DAYS};

const LOOK_EVERY: Duration = Duration::from_secs(3600);
const DAY_S: u64 = 86_400;

impl Tls {
    /// Goes on for as long as the daemon does.
    pub async fn watch(self: Arc<Self>) {
        let mut told_on = None;
        loop {
            let now_s = (self.wall_ms)() / 1000;
            let warnings = self.warnings(now_s);
            if told_on != Some(now_s / DAY_S) {
                warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
                told_on = Some(now_s / DAY_S);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What ends within [`WARN_DAYS`] of `now_s`, or has, one line each.
    pub fn warnings(&self, now_s: u64) -> Vec<String> {
        let material = self.material();
        let soon = material.ends.iter().filter(|(_, end)| *end < now_s + WARN_DAYS * DAY_S);
        let told = soon.map(|(path, end)| match end.checked_sub(now_s) {
            Some(left) => format!("{} ends in {} days: muster pki renew", path.display(), left / DAY_S),
            None => format!("{} has ended: peers refuse it until it is renewed (muster pki renew)", path.display()),
        });
        told.collect()
    }
}
