//! Placing one job now: resources that the plan has not yet given away, and what a placement takes of them.

use std::collections::BTreeMap;

use muster_proto::durable::{Allocation, NodeShare};

use super::candidates::Prepared;
use super::fit::{self, Fit, Offer};
use super::layout::{self, Candidate};
use super::licences::LicencesFree;
use super::view::View;
use crate::cluster::resources::{BitSet, NodeFree};

/// Who is on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Users {
    #[default]
    Nobody,
    One(u32),
    Several,
}

#[derive(Clone, Copy, Debug, Default)]
struct Guests {
    users: Users,
    /// The user who has the node for himself (`--exclusive=user`).
    owner: Option<u32>,
}

/// What is left while a plan is made.
pub(super) struct Pool<'v> {
    view: &'v View,
    pub(super) free: Vec<NodeFree>,
    pub(super) licences: LicencesFree,
    guests: Vec<Guests>,
    /// Processors that a partition with `MaxCPUsPerNode` uses, by partition and slot.
    partition_cpus: BTreeMap<(String, u32), u32>,
}

impl<'v> Pool<'v> {
    pub(super) fn of(view: &'v View) -> Self {
        let mut pool = Self {
            view,
            free: view.free.clone(),
            licences: view.licences.clone(),
            guests: vec![Guests::default(); view.free.len()],
            partition_cpus: BTreeMap::new(),
        };
        for job in &view.running {
            for (slot, share) in &job.shares {
                pool.welcome(*slot, job.user, job.user_exclusive, &job.partition, share.cpus);
            }
        }
        pool
    }

    /// Whether any node that takes work has a free core.
    pub(super) fn has_free_cores(&self) -> bool {
        self.free.iter().zip(&self.view.usable).any(|(free, usable)| *usable && !free.cores.is_empty())
    }

    fn welcome(&mut self, slot: u32, user: u32, exclusive: bool, partition: &str, cpus: u32) {
        let guests = &mut self.guests[slot as usize];
        guests.users = match guests.users {
            Users::Nobody => Users::One(user),
            Users::One(other) if other == user => Users::One(user),
            Users::One(_) | Users::Several => Users::Several,
        };
        if exclusive {
            guests.owner = Some(user);
        }
        if self.max_cpus_per_node(partition).is_some() {
            *self.partition_cpus.entry((partition.to_string(), slot)).or_default() += cpus;
        }
    }

    fn max_cpus_per_node(&self, partition: &str) -> Option<u32> {
        self.view.site.partitions.get(partition).and_then(|p| p.rules.max_cpus_per_node)
    }

    fn cpus_left(&self, prepared: &Prepared, slot: u32) -> u32 {
        let max = prepared.ask.cpus_per_node_max;
        if max == u32::MAX {
            return max;
        }
        let used = self.partition_cpus.get(&(prepared.partition.clone(), slot)).copied().unwrap_or(0);
        max.saturating_sub(used)
    }

    /// Whether the users who are there let the job in.
    fn admits(&self, prepared: &Prepared, slot: u32) -> bool {
        let guests = self.guests[slot as usize];
        let mine = |user| user == prepared.user;
        let alone = matches!(guests.users, Users::Nobody) || matches!(guests.users, Users::One(user) if mine(user));
        guests.owner.is_none_or(mine) && (alone || !prepared.ask.user_exclusive)
    }

    /// How much of the job the node could take if `free` were free on it.
    pub(super) fn fit(&self, prepared: &Prepared, slot: u32, free: &NodeFree) -> Option<Fit> {
        if !self.admits(prepared, slot) {
            return None;
        }
        fit::fit(&prepared.ask, self.offer(prepared, slot, free))
    }

    /// The same at a later time: who is there now does not matter once the node is empty.
    pub(super) fn fit_later(&self, prepared: &Prepared, slot: u32, free: &NodeFree) -> Option<Fit> {
        let total = &self.view.site.class(slot).total;
        if free.cores.len() < total.cores {
            return self.fit(prepared, slot, free);
        }
        fit::fit(&prepared.ask, self.offer_later(prepared, slot, free))
    }

    pub(super) fn offer_later<'a>(&'a self, prepared: &Prepared, slot: u32, free: &'a NodeFree) -> Offer<'a> {
        let offer = self.offer(prepared, slot, free);
        let empty = free.cores.len() == offer.total.cores;
        if empty { Offer { cpus_left: prepared.ask.cpus_per_node_max, ..offer } } else { offer }
    }

    pub(super) fn offer<'a>(&'a self, prepared: &Prepared, slot: u32, free: &'a NodeFree) -> Offer<'a> {
        let site = &self.view.site;
        let cpus_left = self.cpus_left(prepared, slot);
        Offer { select: site.select, total: &site.class(slot).total, free, cpus_left }
    }

    /// An allocation for the job now, off the nodes in `avoid`; `None`: not now.
    pub(super) fn find(&self, prepared: &mut Prepared, avoid: &BitSet) -> Option<Allocation> {
        let mut candidates = self.gather(prepared, avoid)?;
        if prepared.least_loaded {
            let idle = |slot: u32| u64::from(self.free[slot as usize].cores.len());
            let site = &self.view.site;
            candidates.sort_by_key(|(slot, _)| (site.node(*slot).weight, std::cmp::Reverse(idle(*slot)), *slot));
        }
        let portions = choose_by_weight(self.view, prepared, &candidates)?;
        let share = |&(slot, portion): &(u32, fit::Portion)| {
            let offer = self.offer(prepared, slot, &self.free[slot as usize]);
            fit::carve(&prepared.ask, offer, self.view.site.node(slot).index, portion)
        };
        let nodes = portions.iter().map(share).collect::<Option<Vec<NodeShare>>>()?;
        Some(Allocation { partition: prepared.partition.clone(), nodes, whole_nodes: prepared.ask.whole })
    }

    /// Nodes that take some of the job, in order of preference. Full ones are struck from the list for good.
    fn gather(&self, prepared: &mut Prepared, avoid: &BitSet) -> Option<Vec<Candidate>> {
        let goal = prepared.goal_nodes();
        let mut found: Vec<Candidate> = Vec::new();
        let (mut tasks, mut full) = (0u64, 0usize);
        for &slot in &prepared.live {
            match self.fit(prepared, slot, &self.free[slot as usize]) {
                None => full += 1,
                Some(_) if avoid.contains(slot) => {}
                Some(fit) => {
                    found.push((slot, fit));
                    tasks += u64::from(fit.tasks);
                }
            }
            if goal == Some(found.len() as u32) && tasks >= u64::from(prepared.ask.tasks) {
                break;
            }
        }
        // Amortised: each node is struck once for many looks.
        if full * 4 > prepared.live.len() {
            let live = std::mem::take(&mut prepared.live);
            let takes = |slot: &u32| self.fit(prepared, *slot, &self.free[*slot as usize]).is_some();
            let kept = live.into_iter().filter(takes).collect();
            prepared.live = kept;
        }
        (!found.is_empty()).then_some(found)
    }

    /// Takes what a placement of the job was given.
    pub(super) fn take(&mut self, prepared: &Prepared, allocation: &Allocation) {
        for share in &allocation.nodes {
            let Some(slot) = self.view.site.slot_of(share.node) else { continue };
            self.free[slot as usize].take(share);
            self.welcome(slot, prepared.user, prepared.ask.user_exclusive, &prepared.partition, share.cpus);
        }
        self.licences.take(&prepared.ask.licences);
    }
}

/// Lighter nodes alone, if they suffice; heavier ones are added until they do. `candidates` come by weight.
pub(super) fn choose_by_weight(
    view: &View,
    prepared: &Prepared,
    candidates: &[Candidate],
) -> Option<Vec<(u32, fit::Portion)>> {
    let weight = |at: usize| view.site.node(candidates[at].0).weight;
    let by_name_or_place = !prepared.ask.required.is_empty() || prepared.ask.contiguous;
    let ends = (1..=candidates.len()).filter(|&end| end == candidates.len() || weight(end) != weight(end - 1));
    let mut ends: Vec<usize> = ends.collect();
    if by_name_or_place {
        ends = vec![candidates.len()];
    }
    ends.into_iter().find_map(|end| layout::choose(&prepared.ask, &candidates[..end]))
}
