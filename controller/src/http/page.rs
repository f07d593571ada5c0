//! `/metrics`: the figures in OpenMetrics' text format. Names are `muster_…`, in base units: seconds, not milliseconds.

use std::fmt::Error;

use muster_raft_store::{DURATION_BUCKETS_US, Role, Times};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::figures::{Figures, OfLeases, OfMember};

pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole page.
pub(super) fn encode(figures: Figures) -> Result<String, Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(figures));
    let mut page = String::new();
    text::encode(&mut page, &registry)?;
    Ok(page)
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), Error> {
        let mut page = Page(encoder);
        self.of_process(&mut page)?;
        self.of_requests(&mut page)?;
        match &self.member {
            None => Ok(()),
            Some(member) => {
                of_raft(member, &mut page)?;
                of_store(member, &mut page)?;
                of_leases(&member.leases, &mut page)?;
                of_cluster(member, &mut page)
            }
        }
    }
}

impl Figures {
    fn of_process(&self, page: &mut Page) -> Result<(), Error> {
        page.labelled(
            "muster_build",
            "The version of this controller.",
            MetricType::Gauge,
            &[("version", env!("CARGO_PKG_VERSION").to_owned(), 1.0)],
        )?;
        page.gauge("muster_uptime_seconds", "Since this controller started.", seconds_of_ms(self.uptime_ms))?;
        page.gauge("muster_failed", "1: it cannot go on, and is ending.", f64::from(u8::from(self.failed)))?;
        let member = f64::from(u8::from(self.member.is_some()));
        page.gauge("muster_member", "1: it is a replica of the cluster; 0: it waits to be admitted.", member)?;
        page.gauge("muster_calls_under_way", "Requests of clients, waits apart.", self.calls_under_way as f64)?;
        page.gauge("muster_listings_under_way", "Listings being built.", self.listings_under_way as f64)?;
        page.counter("muster_listings_built", "Listings that were built.", self.listings_built)?;
        let help = "Requests answered by a listing built for another.";
        page.counter("muster_listings_shared", help, self.listings_shared)?;
        page.gauge("muster_watches", "Open watch streams.", self.watches as f64)?;
        page.counter("muster_elections_won", "How often this controller was elected.", self.elections_won)?;
        page.counter("muster_leader_changes", "How often it heard of another leader.", self.leader_changes)?;
        page.histogram("muster_schedule_pass_seconds", "Scheduling passes that planned something.", &self.passes)
    }

    fn of_requests(&self, page: &mut Page) -> Result<(), Error> {
        let kinds = |value: fn(&crate::counters::Count) -> f64| {
            let one = |(kind, count): &(crate::door::client::Kind, _)| ("kind", kind.name().to_owned(), value(count));
            self.kinds.iter().map(one).collect::<Vec<_>>()
        };
        let counter = MetricType::Counter;
        page.labelled("muster_rpcs", "Requests by kind.", counter, &kinds(|count| count.count as f64))?;
        let counter = MetricType::Counter;
        let took = kinds(|count| seconds(count.total_us));
        page.labelled("muster_rpc_seconds", "Time spent on them, waiting for commits included.", counter, &took)?;
        if let Some((users, others)) = &self.users {
            let mut rows: Vec<_> =
                users.iter().map(|user| ("uid", user.number.to_string(), user.count as f64)).collect();
            rows.push(("uid", "others".to_owned(), *others as f64));
            // A gauge: `sdiag -r` empties it.
            let help = "Requests of the users with the most, since the start or sdiag -r.";
            page.labelled("muster_user_rpcs", help, MetricType::Gauge, &rows)?;
        }
        let refused: Vec<_> =
            self.refused.iter().map(|(why, count)| ("why", (*why).to_owned(), *count as f64)).collect();
        page.labelled("muster_refused", "What was turned away at a door.", MetricType::Counter, &refused)?;
        page.counter("muster_stale_reports", "Reports of nodes about what is over.", self.stale_reports)?;
        page.counter("muster_slow_watches", "Watches told to resume.", self.slow_watches)
    }
}

fn of_raft(member: &OfMember, page: &mut Page) -> Result<(), Error> {
    let raft = &member.raft;
    let role = |name: &str, role| ("role", name.to_owned(), f64::from(u8::from(raft.role == role)));
    let roles = [
        role("leader", Role::Leader),
        role("follower", Role::Follower),
        role("candidate", Role::Candidate),
        role("learner", Role::Learner),
    ];
    page.labelled("muster_raft_role", "1 for what this replica is.", MetricType::Gauge, &roles)?;
    let flag = |on: bool| f64::from(u8::from(on));
    page.gauge("muster_raft_leads", "1: it leads, and a quorum answered within the lease.", flag(member.leads))?;
    page.gauge("muster_raft_leader_known", "1: it knows of a leader.", flag(member.knows_leader))?;
    page.gauge("muster_raft_term", "The newest that it knows.", raft.term as f64)?;
    page.gauge("muster_raft_last_index", "Of its log.", raft.last_index as f64)?;
    page.gauge("muster_raft_commit_index", "Known to be committed.", raft.committed_index as f64)?;
    page.gauge("muster_raft_applied_index", "Applied to the state.", raft.applied_index as f64)?;
    let lag = raft.committed_index.saturating_sub(raft.applied_index);
    page.gauge("muster_raft_apply_lag_entries", "Committed, and not applied yet.", lag as f64)?;
    if let Some(ms) = raft.quorum_acked_ms_ago {
        page.gauge("muster_raft_quorum_silence_seconds", "Since a quorum answered the leader.", seconds_of_ms(ms))?;
    }
    let lag = |(name, index): &(String, u64)| ("replica", name.clone(), raft.last_index.saturating_sub(*index) as f64);
    let lags: Vec<_> = member.matched.iter().map(lag).collect();
    let help = "Entries that another replica has yet to acknowledge, as the leader knows.";
    page.labelled("muster_raft_replica_lag_entries", help, MetricType::Gauge, &lags)?;
    let silence = |(name, ms): &(String, u64)| ("replica", name.clone(), seconds_of_ms(*ms));
    let silences: Vec<_> = member.silent_ms.iter().map(silence).collect();
    let help = "Since another replica answered the leader.";
    page.labelled("muster_raft_replica_silence_seconds", help, MetricType::Gauge, &silences)?;
    let distrusted: Vec<_> = member.distrusted.iter().map(|(name, is)| ("replica", name.clone(), *is as f64)).collect();
    let help =
        "1: it no longer has what it had acknowledged, so its disk loses data, and this leader does not count it.";
    page.labelled("muster_raft_replica_distrusted", help, MetricType::Gauge, &distrusted)?;
    let refusals: Vec<_> =
        member.refusals.iter().map(|(name, count)| ("replica", name.clone(), *count as f64)).collect();
    let help =
        "Connections that another replica refused or closed at once, or that this one refused: certificates, cluster.";
    page.labelled("muster_raft_replica_refusals", help, MetricType::Counter, &refusals)
}

fn of_store(member: &OfMember, page: &mut Page) -> Result<(), Error> {
    let raft = &member.raft;
    page.histogram("muster_log_fsync_seconds", "Syncs of the log.", &raft.sync_times)?;
    page.histogram("muster_apply_seconds", "Applying a group of entries, its rows stored.", &raft.apply_times)?;
    page.histogram("muster_state_read_seconds", "Readers holding the state: applying waits as long.", &member.reads)?;
    page.gauge("muster_state_read_seconds_max", "The longest of them.", seconds(member.reads.max_us))?;
    let help = "The longest of a listing, which takes the state in parts.";
    page.gauge("muster_listing_read_seconds_max", help, seconds(member.listings.max_us))?;
    let help = "The most records that a listing took while it held the state.";
    page.gauge("muster_state_read_records_max", help, member.records_held_max as f64)?;
    page.gauge("muster_snapshot_index", "Rows are flushed up to here.", raft.snapshot_index as f64)?;
    page.gauge("muster_purged_index", "The log begins after this.", raft.purged_index as f64)?;
    let kept = raft.last_index.saturating_sub(raft.purged_index);
    page.gauge("muster_log_entries", "Entries in the log.", kept as f64)?;
    match raft.flushed_ms_ago {
        Some(ms) => page.gauge("muster_snapshot_age_seconds", "Since rows were flushed.", seconds_of_ms(ms)),
        None => Ok(()),
    }
}

fn of_leases(leases: &OfLeases, page: &mut Page) -> Result<(), Error> {
    page.gauge("muster_node_leases", "Nodes that keep a lease, lost ones apart.", leases.nodes.kept as f64)?;
    let help = "Nodes that keep no lease although they shall: time proves nothing of them.";
    page.gauge("muster_nodes_without_lease", help, leases.nodes.missing as f64)?;
    let help = "Lost nodes whose work counts as over once their lease has ended.";
    page.gauge("muster_lease_losses_waiting", help, leases.waiting as f64)?;
    match leases.oldest_ms {
        Some(ms) => {
            let help = "How long the most silent of them has been silent, as the leader knows.";
            page.gauge("muster_lease_wait_seconds_max", help, seconds_of_ms(ms))
        }
        None => Ok(()),
    }
}

fn of_cluster(member: &OfMember, page: &mut Page) -> Result<(), Error> {
    page.gauge("muster_proposals_waiting", "Commands that wait for their commit.", member.proposals_waiting as f64)?;
    page.gauge("muster_node_sessions", "Nodes connected to this leader.", member.node_sessions as f64)?;
    let help = "Orders that connected nodes did not obey since their daemons started: of an older leader, or for another epoch.";
    page.gauge("muster_node_refused_orders", help, member.refused_orders as f64)?;
    page.gauge("muster_orders_waiting", "Frames on their way to nodes.", member.frames_waiting as f64)?;
    page.gauge("muster_job_waits", "Jobs that clients wait for here.", member.job_waits as f64)?;
    page.gauge("muster_generation", "Of the cluster.", member.generation as f64)?;
    page.gauge("muster_feature_level", "Of the cluster.", f64::from(member.feature_level))?;
    page.gauge("muster_config_version", "In force.", member.config_version as f64)?;
    let records = [
        ("kind", "pending".to_owned(), member.pending as f64),
        ("kind", "active".to_owned(), member.active as f64),
        ("kind", "all".to_owned(), member.jobs as f64),
    ];
    page.labelled("muster_job_records", "Job records in memory; a pending array is one.", MetricType::Gauge, &records)?;
    let counters = &member.counters;
    page.counter("muster_jobs_submitted", "Since the cluster was founded.", counters.submitted)?;
    page.counter("muster_jobs_started", "Since the cluster was founded.", counters.started)?;
    page.counter("muster_jobs_completed", "Since the cluster was founded.", counters.completed)?;
    page.counter("muster_jobs_cancelled", "Since the cluster was founded.", counters.cancelled)?;
    page.counter("muster_jobs_failed", "Since the cluster was founded.", counters.failed)?;
    page.counter("muster_jobs_backfilled", "Since the cluster was founded.", counters.backfilled)
}

/// What is written: one method a form.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: f64) -> Result<(), Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// Rows of (label, its value, number).
    fn labelled(
        &mut self,
        name: &str,
        help: &str,
        of_type: MetricType,
        rows: &[(&str, String, f64)],
    ) -> Result<(), Error> {
        let counts = matches!(of_type, MetricType::Counter);
        let mut metric = self.0.encode_descriptor(name, help, None, of_type)?;
        for (label, value, number) in rows {
            let labels = [(*label, value.as_str())];
            let mut one = metric.encode_family(&labels)?;
            match counts {
                true => one.encode_counter::<NoLabelSet, _, u64>(number, None)?,
                false => one.encode_gauge(number)?,
            }
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, help: &str, times: &Times) -> Result<(), Error> {
        let bounds = DURATION_BUCKETS_US.iter().map(|us| seconds(*us)).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(times.buckets.iter().copied()).collect();
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(seconds(times.total_us), times.count, &buckets, None)
    }
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn seconds_of_ms(ms: u64) -> f64 {
    ms as f64 / 1e3
}
