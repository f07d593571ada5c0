//! The page, in Slurm's order and words, then what Slurm has no word for.

use std::cmp::Reverse;

use muster_dialect::date;
use muster_proto::wire::{DurationStat, RpcStat, StatsText};

use crate::list::zone;

/// How requests are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Count,
    Id,
    TotalTime,
    MeanTime,
}

const RULE: &str = "*******************************************************\n";

pub(super) fn page(stats: &StatsText, order: Order) -> String {
    heading(stats) + &jobs(stats) + &scheduling(stats) + &replica(stats) + &requests(stats, order)
}

fn at(ms: u64) -> String {
    format!("{} ({})", date::asctime((ms / 1000) as i64, &zone()), ms / 1000)
}

fn heading(stats: &StatsText) -> String {
    format!(
        "{RULE}sdiag output at {}\nData since      {}\n{RULE}\
         Server thread count:  {}\nAgent queue size:     {}\nAgent count:          {}\nAgent thread count:   0\n\
         DBD Agent queue size: 0\n\n",
        at(stats.now_ms),
        at(stats.since_ms),
        stats.calls_under_way,
        stats.orders_waiting,
        stats.connections,
    )
}

fn jobs(stats: &StatsText) -> String {
    let counters = stats.counters.unwrap_or_default();
    format!(
        "Jobs submitted: {}\nJobs started:   {}\nJobs completed: {}\nJobs canceled:  {}\nJobs failed:    {}\n\n\
         Job states ts:  {}\nJobs pending:   {}\nJobs running:   {}\n\n",
        counters.submitted,
        counters.started,
        counters.completed,
        counters.cancelled,
        counters.failed,
        at(stats.now_ms),
        stats.pending,
        stats.running,
    )
}

fn scheduling(stats: &StatsText) -> String {
    let counters = stats.counters.unwrap_or_default();
    let mean = |total: u64| total.checked_div(counters.plans).unwrap_or(0);
    let passes = stats.passes.unwrap_or_default();
    format!(
        "Main schedule statistics (microseconds):\n\tLast cycle:   {}\n\tMax cycle:    {}\n\tTotal cycles: {}\n\
         \tMean cycle:   {}\n\tMean depth cycle:  {}\n\tLast queue length: {}\n\
         \tPasses of this controller: {}, mean {}, max {}\n\n\
         Backfilling stats\n\tTotal backfilled jobs (since the cluster was founded): {}\n\n",
        counters.plan_us_last,
        counters.plan_us_max,
        counters.plans,
        mean(counters.plan_us_total),
        mean(counters.plan_depth_total),
        counters.plan_depth_last,
        passes.count,
        mean_us(passes),
        passes.max_us,
        counters.backfilled,
    )
}

fn replica(stats: &StatsText) -> String {
    let (syncs, applies) = (stats.syncs.unwrap_or_default(), stats.applies.unwrap_or_default());
    let flushed =
        stats.flushed_ms_ago.map_or_else(|| "not since start".to_owned(), |ms| format!("{} s ago", ms / 1000));
    let lag = stats.commit_index.saturating_sub(stats.applied_index);
    format!(
        "Replicated log of {} ({}, term {})\n\tCommit index:  {}\n\tApplied index: {} (lag {lag})\n\
         \tEntries kept:  {}\n\tRows flushed:  {flushed}, up to {}\n\tSyncs:   {}\n\tApplies: {}\n\
         \tProposals waiting: {}\n\tElections won: {}, changes of leader heard of: {}\n\n\
         Doors\n\tNode sessions: {}, waits for jobs: {}, watches: {}, listings under way: {}\n\
         \tRefused: {} credentials, {} malformed, {} when busy, {} over the user's budget, {} replica frames\n\
         \tStale reports of nodes: {}, orders that nodes refused: {}\n\n",
        stats.name,
        stats.role,
        stats.term,
        stats.commit_index,
        stats.applied_index,
        stats.log_entries,
        stats.snapshot_index,
        duration(syncs),
        duration(applies),
        stats.proposals_waiting,
        stats.elections_won,
        stats.leader_changes,
        stats.connections,
        stats.waits,
        stats.watches,
        stats.listings_under_way,
        stats.refused_credentials,
        stats.refused_garbage,
        stats.refused_busy,
        stats.refused_budget,
        stats.refused_frames,
        stats.stale_reports,
        stats.refused_orders,
    )
}

fn duration(stat: DurationStat) -> String {
    format!("{}, mean {} us, max {} us", stat.count, mean_us(stat), stat.max_us)
}

fn mean_us(stat: DurationStat) -> u64 {
    stat.total_us.checked_div(stat.count).unwrap_or(0)
}

fn requests(stats: &StatsText, order: Order) -> String {
    let mut page = "Remote Procedure Call statistics by message type\n".to_owned();
    page += &sorted(&stats.rpcs, order).map(|stat| line(stat, 40, 5)).collect::<String>();
    page += "\nRemote Procedure Call statistics by user\n";
    page += &sorted(&stats.users, order).map(|stat| line(stat, 16, 8)).collect::<String>();
    page + "\nPending RPC statistics\n\tNo pending RPCs\n"
}

fn sorted(stats: &[RpcStat], order: Order) -> impl Iterator<Item = &RpcStat> {
    let mut all: Vec<&RpcStat> = stats.iter().collect();
    match order {
        Order::Count => all.sort_by_key(|stat| Reverse(stat.count)),
        Order::Id => all.sort_by_key(|stat| stat.number),
        Order::TotalTime => all.sort_by_key(|stat| Reverse(stat.total_us)),
        Order::MeanTime => all.sort_by_key(|stat| Reverse(mean(stat))),
    }
    all.into_iter()
}

fn mean(stat: &RpcStat) -> u64 {
    stat.total_us.checked_div(stat.count).unwrap_or(0)
}

fn line(stat: &RpcStat, name_width: usize, number_width: usize) -> String {
    let (name, number, count, total, mean) = (&stat.name, stat.number, stat.count, stat.total_us, mean(stat));
    format!("\t{name:<name_width$}({number:>number_width$}) count:{count:<6} ave_time:{mean:<6} total_time:{total}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(name: &str, number: u32, count: u64, total_us: u64) -> RpcStat {
        RpcStat { name: name.into(), number, count, total_us }
    }

    #[test]
    fn requests_are_printed_as_slurm_prints_them() {
        let types = rpc("REQUEST_PARTITION_INFO", 2009, 681, 514_398);
        assert_eq!(
            line(&types, 40, 5),
            "\tREQUEST_PARTITION_INFO                  ( 2009) count:681    ave_time:755    total_time:514398\n"
        );
        let user = rpc("alice", 1001, 29, 61_994);
        assert_eq!(line(&user, 16, 8), "\talice           (    1001) count:29     ave_time:2137   total_time:61994\n");
    }

    #[test]
    fn requests_are_sorted_by_what_was_asked_for() {
        let stats = [rpc("A", 3, 1, 90), rpc("B", 1, 9, 99), rpc("C", 2, 5, 200)];
        let names = |order| sorted(&stats, order).map(|stat| stat.name.as_str()).collect::<String>();
        assert_eq!(names(Order::Count), "BCA");
        assert_eq!(names(Order::Id), "BCA");
        assert_eq!(names(Order::TotalTime), "CBA");
        assert_eq!(names(Order::MeanTime), "ACB");
    }
}
