//! `sdiag`: what the controller has done.

use muster_dialect::date;
use muster_dialect::options::tables::SDIAG;
use muster_proto::wire::{RpcStat, Stats, StatsText, reply, request};

use crate::entry;
use crate::list::zone;
use crate::refusal::Refusal;
use crate::say::{Voice, to_stdout};
use crate::site::{Site, block_on};

/// Runs the command with the words after its name.
pub fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SDIAG, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let voice = Voice::new("sdiag");
    if let Some(name) = ["json", "yaml", "clusters"].into_iter().find(|name| parsed.has(name)) {
        voice.error(&format!("--{name}: not supported by this version"));
        return 1;
    }
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    let reach = match site.reach(voice.program) {
        Ok(reach) => reach,
        Err(error) => return error.report(voice),
    };
    let reset = parsed.has("reset");
    match block_on(reach.client.call(request::Body::Stats(Stats { reset }))) {
        Ok(reply::Body::Stats(_)) if reset => u8::from(!to_stdout("Reset scheduling statistics\n")),
        Ok(reply::Body::Stats(stats)) => u8::from(!to_stdout(&page(&stats))),
        Ok(reply::Body::Done(_)) => 0,
        Ok(_) => 1,
        Err(error) => {
            let what = if reset { "slurm_reset_statistics" } else { "slurm_get_statistics" };
            voice.bare(&format!("{what}: {}", Refusal::of(&error, "whether it was reset").text));
            // As Slurm exits here.
            255
        }
    }
}

const RULE: &str = "*******************************************************\n";

fn page(stats: &StatsText) -> String {
    let counters = stats.counters.unwrap_or_default();
    let at = |ms: u64| format!("{} ({})", date::asctime((ms / 1000) as i64, &zone()), ms / 1000);
    let mut page =
        format!("{RULE}sdiag output at {}\nData since      {}\n{RULE}", at(stats.now_ms), at(stats.since_ms));
    page += &format!("Server thread count:  {}\n", stats.connections);
    page += &format!("Agent queue size:     {}\n", stats.orders_waiting);
    page += &format!("Proposals waiting:    {}\n\n", stats.proposals_waiting);
    page += &format!("Jobs submitted: {}\nJobs started:   {}\n", counters.submitted, counters.started);
    page += &format!("Jobs completed: {}\nJobs canceled:  {}\n", counters.completed, counters.cancelled);
    page += &format!("Jobs failed:    {}\n\n", counters.failed);
    page += &format!("Job states ts:  {}\n", at(stats.now_ms));
    page += &format!("Jobs pending:   {}\nJobs running:   {}\n\n", stats.pending, stats.running);
    let mean = |total: u64| total.checked_div(counters.plans).unwrap_or(0);
    page += "Main schedule statistics (microseconds):\n";
    page += &format!("\tLast cycle:   {}\n\tMax cycle:    {}\n", counters.plan_us_last, counters.plan_us_max);
    page += &format!("\tTotal cycles: {}\n\tMean cycle:   {}\n", counters.plans, mean(counters.plan_us_total));
    page += &format!("\tMean depth cycle:  {}\n", mean(counters.plan_depth_total));
    page += &format!("\tLast queue length: {}\n\n", counters.plan_depth_last);
    page += &format!(
        "Backfilling stats\n\tTotal backfilled jobs (since the cluster was founded): {}\n\n",
        counters.backfilled
    );
    page += &format!("Log: commit index {}, applied index {}\n\n", stats.commit_index, stats.applied_index);
    page += "Remote Procedure Call statistics by message type\n";
    page += &stats.rpcs.iter().map(line).collect::<String>();
    page += "\nRemote Procedure Call statistics by user\n";
    page + &stats.users.iter().map(line).collect::<String>()
}

fn line(stat: &RpcStat) -> String {
    let mean = stat.total_us.checked_div(stat.count).unwrap_or(0);
    let (name, number, count, total) = (&stat.name, stat.number, stat.count, stat.total_us);
    format!("\t{name:<40}({number:>5}) count:{count:<6} ave_time:{mean:<6} total_time:{total}\n")
}
