//! Which nodes of a partition could ever serve a shape of job, found once a pass.

use muster_dialect::state::Reason;

use super::ask::{Ask, Unserved};
use super::eligible;
use super::features::Features;
use super::fit::{self, Fit, Offer};
use super::layout;
use super::site::{Site, SitePartition};
use super::view::{Shape, View};

/// A shape in one of its partitions.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    pub(super) ask: Ask,
    pub(super) partition: String,
    /// In seconds.
    pub(super) time_limit_s: u32,
    /// Of the shape.
    pub(super) user: u32,
    /// Usable nodes that could serve, in order of preference.
    pub(super) nodes: Vec<u32>,
    /// Those of `nodes` that were not found full: within a pass nothing becomes free.
    pub(super) live: Vec<u32>,
    /// Most tasks that any idle node of the partition could run.
    pub(super) tasks_max: u32,
    /// Least loaded nodes first.
    pub(super) least_loaded: bool,
    /// `None`: not yet asked. See [`Prepared::why_never`].
    pub(super) never: Option<Option<Never>>,
}

/// Why the usable nodes can never serve, even idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Never {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

/// What idle nodes of each class could do; `None`: not serve at all.
pub(super) fn class_fits(ask: &Ask, site: &Site) -> Vec<Option<Fit>> {
    let fit_of = |class: &super::classes::Class| {
        let total = &class.total;
        let serves = ask.features.matches(&class.features)
            && total.sockets >= ask.sockets
            && total.cores_per_socket >= ask.cores_per_socket
            && total.threads_per_core >= ask.threads_per_core
            && total.tmp_disk_mib >= ask.tmp_disk_mib;
        let offer = Offer { select: site.select, total, free: &total.free(), cpus_left: ask.cpus_per_node_max };
        if serves { fit::fit(ask, offer) } else { None }
    };
    site.classes.iter().map(fit_of).collect()
}

impl Prepared {
    pub(super) fn new(view: &View, shape: &Shape, partition: &SitePartition) -> Result<Self, Unserved> {
        let site = &view.site;
        let ask = Ask::of(&shape.request, partition, site)?;
        let fits = class_fits(&ask, site);
        let of_class = |slot: u32| fits[site.node(slot).class as usize];
        let tasks_max = partition.classes.keys().filter_map(|&class| fits[class as usize]).map(|f| f.tasks).max();
        let only_required = !ask.required.is_empty() && ask.required.len() as u32 >= ask.max_nodes;
        let serves = |slot: &u32| {
            of_class(*slot).is_some()
                && view.usable[*slot as usize]
                && ask.excluded.binary_search(slot).is_err()
                && (!only_required || ask.required.binary_search(slot).is_ok())
        };
        let nodes: Vec<u32> = partition.slots.iter().copied().filter(serves).collect();
        Ok(Self {
            live: nodes.clone(),
            nodes,
            partition: partition.rules.name.clone(),
            time_limit_s: eligible::time_limit_s(shape, partition),
            user: shape.user,
            tasks_max: tasks_max.unwrap_or(1),
            least_loaded: site.select.least_loaded || partition.rules.least_loaded,
            never: None,
            ask,
        })
    }

    /// The nodes of [`Prepared::live`] that are enough by themselves for a job without special wishes.
    pub(super) fn goal_nodes(&self) -> Option<u32> {
        let ask = &self.ask;
        let plain = ask.required.is_empty() && !ask.contiguous && ask.gres_per_job.is_none() && !self.least_loaded;
        plain.then(|| ask.want_nodes.max(ask.tasks.div_ceil(self.tasks_max)))
    }

    /// Why it cannot start even when every usable node is idle; `None`: it can.
    pub(super) fn why_never(&mut self, view: &View) -> Option<Never> {
        if self.never.is_none() {
            self.never = Some(why_never(&self.ask, view, &self.partition));
        }
        self.never.clone().flatten()
    }
}

/// Text that Slurm shows where nodes would do if they were up.
const NODES_DOWN: &str = "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions";

fn why_never(ask: &Ask, view: &View, partition: &str) -> Option<Never> {
    let fits = class_fits(ask, &view.site);
    let partition = view.site.partitions.get(partition)?;
    let all = idle_candidates(ask, &view.site, partition, &fits);
    if layout::choose(ask, &all).is_none() {
        return Some(Never { reason: Reason::BadConstraints, detail: String::new() });
    }
    let is_usable = |slot: u32| view.usable[slot as usize];
    let usable: Vec<_> = all.iter().copied().filter(|(slot, _)| is_usable(*slot)).collect();
    if layout::choose(ask, &usable).is_some() {
        return None;
    }
    let unusable = |slot: &u32| !is_usable(*slot);
    let mut missing: Vec<u32> = ask.required.iter().copied().filter(unusable).collect();
    if missing.is_empty() {
        missing = all.iter().map(|(slot, _)| *slot).filter(unusable).collect();
    }
    // Slurm names the nodes where the job named or described them, or where none is left.
    let named = !ask.required.is_empty() || ask.features != Features::Any || usable.is_empty();
    Some(if named {
        let detail = format!("{}, UnavailableNodes:{}", Reason::ReqNodeNotAvail, view.site.fold(missing));
        Never { reason: Reason::ReqNodeNotAvail, detail }
    } else {
        Never { reason: Reason::Resources, detail: NODES_DOWN.to_string() }
    })
}

/// Every node of the partition that would serve if it were idle and up.
pub(super) fn idle_candidates(
    ask: &Ask,
    site: &Site,
    partition: &SitePartition,
    fits: &[Option<Fit>],
) -> Vec<layout::Candidate> {
    let serves = |&slot: &u32| {
        let fit = fits[site.node(slot).class as usize]?;
        ask.excluded.binary_search(&slot).is_err().then_some((slot, fit))
    };
    partition.slots.iter().filter_map(serves).collect()
}
