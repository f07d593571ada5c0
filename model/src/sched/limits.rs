//! How much one pass may do: `SchedulerType` and `SchedulerParameters`.

use muster_dialect::conf::SchedulerType;

use crate::cluster::InForce;

/// Bounds of one pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Jobs that the main pass tries to place.
    pub max_jobs_main: u32,
    /// Blocked jobs that backfill looks at; 0: no backfill (`sched/builtin`).
    pub max_jobs_backfill: u32,
    /// How far ahead backfill reserves, in seconds (`bf_window`).
    pub bf_window_s: u32,
    /// Times closer than this are one, in seconds (`bf_resolution`).
    pub bf_resolution_s: u32,
    /// Most placements of one plan.
    pub max_placements: usize,
    /// Most verdicts of one plan: applying it holds up everything else meanwhile. The next plan says more.
    pub max_verdicts: usize,
    /// Backfill also where nothing is free: it starts nothing then, but says when jobs will start.
    pub estimates: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_jobs_main: 1_000,
            max_jobs_backfill: 500,
            bf_window_s: 24 * 3600,
            bf_resolution_s: 60,
            max_placements: 1_000,
            max_verdicts: 1_000,
            estimates: true,
        }
    }
}

/// A pass sees at least so many jobs: few enough that reading them holds up applying for a few milliseconds.
const JOBS_SEEN_MIN: usize = 4_096;

impl Limits {
    /// How many jobs of those that are alike a pass is shown: more than it tries and estimates.
    pub fn jobs_seen_max(&self) -> usize {
        JOBS_SEEN_MIN.max(2 * (self.max_jobs_main as usize).saturating_add(self.max_jobs_backfill as usize))
    }

    /// Of the configuration in force: `default_queue_depth`, `bf_max_job_test`, `bf_window` (minutes), `bf_resolution`
    /// (seconds). What cannot be read is as if it were not there.
    pub fn of(config: &InForce) -> Self {
        let number = |key: &str| config.conf.scheduler_parameters.get(key).and_then(|value| value.parse::<u32>().ok());
        let default = Self::default();
        let backfills = config.conf.scheduler_type == SchedulerType::Backfill;
        let window_min = number("bf_window").map(|minutes| minutes.max(1).saturating_mul(60));
        Self {
            max_jobs_main: number("default_queue_depth").unwrap_or(default.max_jobs_main).max(1),
            max_jobs_backfill: if backfills {
                number("bf_max_job_test").unwrap_or(default.max_jobs_backfill)
            } else {
                0
            },
            bf_window_s: window_min.unwrap_or(default.bf_window_s),
            bf_resolution_s: number("bf_resolution").unwrap_or(default.bf_resolution_s).max(1),
            ..default
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_proto::durable::{ConfigFile, ConfigFiles};

    fn limits(conf: &str) -> Limits {
        let text = format!("ClusterName=test\nSlurmctldHost=c1\nNodeName=a\nPartitionName=p Nodes=a\n{conf}");
        let files = ConfigFiles { files: vec![ConfigFile { path: "slurm.conf".into(), text }] };
        Limits::of(&InForce::parse(1, &files).unwrap())
    }

    #[test]
    fn scheduler_parameters_bound_a_pass() {
        let asked =
            limits("SchedulerParameters=bf_window=60,bf_max_job_test=7,bf_resolution=30,default_queue_depth=50");
        assert_eq!((asked.bf_window_s, asked.max_jobs_backfill, asked.bf_resolution_s), (3600, 7, 30));
        assert_eq!(asked.max_jobs_main, 50);
        assert_eq!(limits("SchedulerType=sched/builtin").max_jobs_backfill, 0);
        assert_eq!(limits(""), Limits::default());
    }
}
