//! Processor time of the processes of a cluster: what remains comparable on a noisy machine.

use std::fs;
use std::time::Duration;

use super::site::Site;

/// Who is looked at, beside this process.
const DAEMONS: [&str; 4] = ["c1", "c2", "c3", "munged"];

/// At one instant.
pub(super) struct Spent(Vec<(&'static str, Duration)>);

impl Spent {
    /// Now.
    pub(super) fn look(site: &Site) -> Spent {
        let own = std::process::id().to_string();
        let daemons = DAEMONS.into_iter().filter_map(|daemon| Some((daemon, site.pid(daemon).ok()?)));
        let all = daemons.chain([("this client", own)]);
        Spent(all.map(|(name, pid)| (name, of_threads(&pid))).collect())
    }

    /// Of all processes, since `before`.
    pub(super) fn all_since(&self, before: &Spent) -> Duration {
        let all = |spent: &Spent| spent.0.iter().map(|(_, time)| *time).sum::<Duration>();
        all(self).saturating_sub(all(before))
    }

    /// Since `before`, for each of `times`: microseconds by process.
    pub(super) fn since(&self, before: &Spent, times: usize) -> String {
        let of = |(name, now): &(&str, Duration)| {
            let then = before.0.iter().find(|(before, _)| before == name).map_or(Duration::ZERO, |(_, then)| *then);
            format!("{name} {:.0}", now.saturating_sub(then).as_secs_f64() * 1e6 / times.max(1) as f64)
        };
        self.0.iter().map(of).collect::<Vec<_>>().join(", ")
    }
}

/// Of all threads that live; of those that ended meanwhile nothing is known.
fn of_threads(pid: &str) -> Duration {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let spent = threads.filter_map(|thread| {
        let line = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}
