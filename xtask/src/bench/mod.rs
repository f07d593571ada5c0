//! `cargo xtask bench [--against slurm] [--rounds N]`: what Muster costs, beside real Slurm in the same run.
//!
//! Each measure is taken in turn on every system, round after round, because machines like these are noisy. Medians and
//! ratios are printed; nothing here passes or fails.

mod caller;
mod commands;
mod cost;
mod disk;
mod failover;
mod flood;
mod http;
mod latency;
mod nodes;
mod optimised;
mod pipelined;
mod pollers;
mod scale;
mod site;

pub(crate) use flood::{Flood, run as run_flood};
pub(crate) use nodes::{Nodes, run as run_nodes};
pub(crate) use optimised::measured_elsewhere;
pub(crate) use pipelined::run as run_pipelined;
pub(crate) use scale::{Scale, run as run_scale};

use anyhow::{Result, bail};

use site::Site;

/// What is measured, and how often.
pub(crate) struct Plan {
    /// Also measure Debian's Slurm.
    pub(crate) against_slurm: bool,
    /// Rounds of the interleaved measures.
    pub(crate) rounds: usize,
    /// Leader kills.
    pub(crate) kills: usize,
}

/// Runs the benchmark and prints its table.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    if plan.rounds == 0 {
        bail!("--rounds must be at least 1");
    }
    let muster = Site::muster()?;
    let slurm = plan.against_slurm.then(Site::slurm).transpose()?;
    println!("machine: {}", disk::machine());
    println!("disk: {:.0} fsyncs/s (4 KiB appended, fdatasync, below the state directory)", disk::fsyncs(&muster)?);
    let sites: Vec<&Site> = std::iter::once(&muster).chain(slurm.as_ref()).collect();
    println!("\n{:<42} {:>12} {:>12} {:>8}", "median of the rounds", "muster", "slurm", "ratio");
    for measure in commands::MEASURES {
        let mut figures = vec![Vec::new(); sites.len()];
        for _ in 0..plan.rounds {
            for (site, figures) in sites.iter().zip(&mut figures) {
                figures.push((measure.take)(site)?);
            }
        }
        print_row(measure, &figures.into_iter().map(median).collect::<Vec<_>>());
    }
    pipelined::print(&pipelined::rates(&muster)?);
    failover::report(&muster, plan.kills)
}

fn print_row(measure: &commands::Measure, medians: &[f64]) {
    let cell = |index: usize| medians.get(index).map_or("-".to_owned(), |figure| format!("{figure:.1}"));
    // How many times better Muster is, whichever way the measure points.
    let ratio = match medians {
        [ours, theirs] if measure.more_is_better => format!("{:.2}", ours / theirs),
        [ours, theirs] => format!("{:.2}", theirs / ours),
        _ => "-".to_owned(),
    };
    println!("{:<42} {:>12} {:>12} {ratio:>8}", measure.name, cell(0), cell(1));
}

/// The middle figure; of an even number the lower of the two.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_or_the_lower_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.0);
    }
}
