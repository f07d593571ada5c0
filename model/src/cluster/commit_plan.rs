//! `CommitPlan`: each placement is checked again, by itself, against the newest state (P3, P4), and started or refused.

use muster_dialect::state::{JobState, Reason};
use muster_proto::durable::{
    Attempt, AttemptNode, CommitPlan, HoldKind, JobRow, NodePhase, Placement, Sharing, Verdict,
};

use super::array;
use super::changes::Event;
use super::config::Partition;
use super::dependency::DependencyState;
use super::job::{Job, UNLIMITED};
use super::node::Node;
use super::outcome::Outcome;
use super::resources::{BitSet, Misfit};
use super::state::Cluster;

/// Placements of one plan; the rest is refused.
pub const PLACEMENTS_MAX: usize = 1_000;
/// Verdicts of one plan; the rest is ignored.
pub const VERDICTS_MAX: usize = 10_000;

impl Cluster {
    pub(super) fn commit_plan(&mut self, plan: &CommitPlan) -> Outcome {
        let mut refused = Vec::new();
        let mut accepted = 0;
        for (at, placement) in plan.placements.iter().enumerate() {
            let checked =
                if at < PLACEMENTS_MAX { self.check_placement(placement) } else { Err("plan too long".to_owned()) };
            match checked {
                Ok(()) => {
                    self.start_attempt(placement);
                    accepted += 1;
                }
                Err(why) => refused.push((placement.uid, why)),
            }
        }
        for verdict in plan.verdicts.iter().take(VERDICTS_MAX) {
            self.note_verdict(verdict);
        }
        self.count_plan(plan);
        if !refused.is_empty() {
            self.events.push(Event::ScheduleAgain);
        }
        Outcome::Planned { accepted, refused }
    }

    fn count_plan(&mut self, plan: &CommitPlan) {
        let counters = self.counters();
        counters.plans += 1;
        counters.plan_us_total += plan.pass_us;
        counters.plan_us_max = counters.plan_us_max.max(plan.pass_us);
        counters.plan_us_last = plan.pass_us;
        counters.plan_depth_last = u64::from(plan.considered);
        counters.plan_depth_total += u64::from(plan.considered);
    }

    fn check_placement(&self, placement: &Placement) -> Result<(), String> {
        let job = self.job(placement.uid).ok_or("no such job")?;
        self.check_startable(job, placement.array_task)?;
        let allocation = placement.allocation.as_ref().ok_or("no allocation")?;
        let partition = self.partition(&allocation.partition).ok_or("no such partition")?;
        check_partition(job, partition)?;
        self.check_size(job, partition, allocation)?;
        let memory_counts = self.settings().is_some_and(|settings| settings.memory_consumable);
        let mut seen = BitSet::default();
        for share in &allocation.nodes {
            let node = self.node(share.node).ok_or("no such node")?;
            if seen.contains(share.node) {
                return Err(format!("{} twice", node.name()));
            }
            seen.insert(share.node);
            if !node.is_usable() || !partition.nodes.contains(&share.node) {
                return Err(format!("{} is not usable", node.name()));
            }
            node.free.fits(share, memory_counts).map_err(|misfit| misfit_text(node, misfit))?;
            check_share(partition, node, share)?;
            self.check_alone(job, partition, node)?;
        }
        if !self.licences_fit(&job.request().licenses) {
            return Err("licences are taken".to_owned());
        }
        Ok(())
    }

    fn check_startable(&self, job: &Job, array_task: Option<u32>) -> Result<(), String> {
        if !job.is_startable() {
            return Err("not pending, or an older attempt is not over".to_owned());
        }
        if job.row.hold() != HoldKind::None || job.row.priority == 0 {
            return Err("held".to_owned());
        }
        if job.spec().begin_ms > self.now_ms() {
            return Err("its begin time has not come".to_owned());
        }
        if self.dependency_state(job) != DependencyState::Met {
            return Err("a dependency is open".to_owned());
        }
        match array_task {
            Some(task) if job.is_array() && array::contains(&job.row.pending_tasks, task) => {}
            None if !job.is_array() => {}
            _ => return Err("no such array task".to_owned()),
        }
        let limit = job.row.array_limit;
        let running = self.array_running(job.row.array_job_id);
        if limit != 0 && running >= limit { Err("the array's limit is reached".to_owned()) } else { Ok(()) }
    }

    fn check_size(
        &self,
        job: &Job,
        partition: &Partition,
        allocation: &muster_proto::durable::Allocation,
    ) -> Result<(), String> {
        let request = job.request();
        let nodes = allocation.nodes.len() as u32;
        let too_many = request.max_nodes != 0 && nodes > request.max_nodes;
        let barred = partition.max_nodes.is_some_and(|max| nodes > max) || nodes < partition.min_nodes;
        if nodes == 0 || nodes < request.min_nodes || too_many || barred {
            return Err("number of nodes".to_owned());
        }
        let cpus: u64 = allocation.nodes.iter().map(|share| u64::from(share.cpus)).sum();
        let wanted = u64::from(request.ntasks) * u64::from(request.cpus_per_task);
        if !request.overcommit && cpus < wanted {
            return Err("number of processors".to_owned());
        }
        self.check_names(&request.required_nodes, &request.excluded_nodes, allocation)
    }

    /// A whole node is one job's, whether it uses all cores or not; with `--exclusive=user`, one user's.
    fn check_alone(&self, job: &Job, partition: &Partition, node: &Node) -> Result<(), String> {
        let takes_all = |job: &Job, partition: Option<&Partition>| {
            partition.is_some_and(|partition| partition.whole_nodes) || job.request().sharing() == Sharing::Exclusive
        };
        let apart = |other: &Job| {
            let of_one_user = [job, other].iter().any(|job| job.request().sharing() == Sharing::User);
            of_one_user && other.spec().uid != job.spec().uid
        };
        if node.shares.keys().filter_map(|uid| self.job(*uid)).any(|other| apart(other)) {
            return Err(format!("{} is another user's", node.name()));
        }
        let others = node.shares.keys().filter_map(|uid| self.job(*uid));
        let mut others = others.map(|other| takes_all(other, self.partition(&other.row.last_partition).map(|p| &**p)));
        let whole = takes_all(job, Some(partition));
        if others.any(|other| whole || other) { Err(format!("{} is shared", node.name())) } else { Ok(()) }
    }

    fn check_names(
        &self,
        required: &str,
        excluded: &str,
        allocation: &muster_proto::durable::Allocation,
    ) -> Result<(), String> {
        let has = |name: &String| {
            self.node_by_name(name).is_some_and(|node| allocation.nodes.iter().any(|s| s.node == node.index()))
        };
        let names = |list: &str| {
            if list.is_empty() { Vec::new() } else { muster_dialect::hostlist::parse(list).unwrap_or_default() }
        };
        if names(required).iter().all(has) && !names(excluded).iter().any(has) {
            Ok(())
        } else {
            Err("required or excluded nodes".to_owned())
        }
    }

    /// The placement was checked.
    fn start_attempt(&mut self, placement: &Placement) {
        let uid = match placement.array_task {
            Some(task) => self.split_task(placement.uid, task),
            None => placement.uid,
        };
        let now = self.now_ms();
        let allocation = placement.allocation.clone().unwrap_or_default();
        let nodes: Vec<AttemptNode> = allocation
            .nodes
            .iter()
            .map(|share| AttemptNode {
                node: share.node,
                phase: NodePhase::Placed.into(),
                epoch: self.node(share.node).map_or(0, |node| node.row.epoch),
                since_ms: now,
                note: String::new(),
            })
            .collect();
        self.edit_job(uid, |row| {
            let number = row.attempts.last().map_or(0, |attempt| attempt.number) + 1;
            row.last_partition.clone_from(&allocation.partition);
            row.state = JobState::Running.code();
            row.attempts =
                vec![Attempt { number, allocation: Some(allocation), nodes, placed_ms: now, ..Attempt::default() }];
            clear_plan(row);
            row.reason = u32::from(Reason::None.code());
            row.reason_detail.clear();
            row.last_sched_ms = now;
            row.backfilled = placement.backfill;
            row.steps.clear();
            row.next_step = 0;
            row.eligible_ms = if row.eligible_ms == 0 { now } else { row.eligible_ms };
        });
        let counters = self.counters();
        counters.started += 1;
        counters.backfilled += u64::from(placement.backfill);
    }

    /// Gives a task of an array a record of its own, and answers its uid. The last task takes the array's record and id.
    pub(super) fn split_task(&mut self, array_uid: u64, task: u32) -> u64 {
        let Some(array) = self.job(array_uid).cloned() else { return array_uid };
        let left = array::remove(&array.row.pending_tasks, task);
        if left.is_empty() {
            self.edit_job(array_uid, |row| {
                row.pending_tasks.clear();
                row.array_task = Some(task);
            });
            return array_uid;
        }
        let (uid, job_id) = (self.mint_uid(), self.mint_job_id());
        self.edit_job(array_uid, |row| row.pending_tasks = left);
        let row = JobRow { uid, job_id, array_task: Some(task), pending_tasks: Vec::new(), ..array.row.clone() };
        self.add_references(array.spec());
        self.insert_job(Job { row, asked: array.asked.clone() });
        uid
    }

    /// Why a job that was looked at did not start. Written only when it changed.
    fn note_verdict(&mut self, verdict: &Verdict) {
        let Some(job) = self.job(verdict.uid).filter(|job| job.is_startable()) else { return };
        let row = &job.row;
        let held = row.hold() != HoldKind::None;
        let same = row.reason == verdict.reason
            && row.reason_detail == verdict.detail
            && row.estimated_start_ms == verdict.estimated_start_ms
            && row.estimated_nodes == verdict.estimated_nodes;
        if held || same {
            return;
        }
        let (now, immediate) = (self.now_ms(), job.spec().immediate);
        self.edit_job(verdict.uid, |row| {
            row.reason = verdict.reason;
            row.reason_detail.clone_from(&verdict.detail);
            row.estimated_start_ms = verdict.estimated_start_ms;
            row.estimated_nodes.clone_from(&verdict.estimated_nodes);
            row.last_sched_ms = now;
        });
        if immediate {
            // --immediate: it was looked at, and does not start now.
            self.cancel_pending(verdict.uid, None, Reason::None);
        }
    }
}

pub(super) fn clear_plan(row: &mut JobRow) {
    row.estimated_start_ms = 0;
    row.estimated_nodes.clear();
}

fn check_partition(job: &Job, partition: &Partition) -> Result<(), String> {
    let asked = job.spec().partitions.split(',').any(|name| name == partition.name);
    if !asked || !partition.state.starts_jobs() {
        return Err(format!("partition {} does not start it", partition.name));
    }
    if !partition.allows_time(job.time_limit_s().filter(|&limit| limit != UNLIMITED)) {
        return Err(format!("its time limit is above that of partition {}", partition.name));
    }
    super::access::check_access(job.spec(), partition).map_err(|refusal| refusal.error.text())
}

fn check_share(partition: &Partition, node: &Node, share: &muster_proto::durable::NodeShare) -> Result<(), String> {
    if BitSet::from_bytes(&share.cores).is_empty() {
        return Err(format!("no core of {}", node.name()));
    }
    if partition.max_cpus_per_node.is_some_and(|max| share.cpus > max) {
        return Err(format!("too many processors of {}", node.name()));
    }
    Ok(())
}

fn misfit_text(node: &Node, misfit: Misfit) -> String {
    let what = match misfit {
        Misfit::Cores => "cores",
        Misfit::Memory => "memory",
        Misfit::Gres => "devices",
    };
    format!("{} of {} are taken", what, node.name())
}
