//! When a job could start at the earliest, and where: a walk over the times at which something becomes free.

use muster_proto::durable::{Allocation, NodeShare};

use super::candidates::Prepared;
use super::fit::{self, Fit, Portion};
use super::layout::Candidate;
use super::place::{Pool, choose_by_weight};
use super::profile::{Profile, Span};
use super::view::View;

/// A time and a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opening {
    pub(super) start_ms: u64,
    /// Slots, ascending.
    pub(super) slots: Vec<u32>,
    pub(super) allocation: Allocation,
}

/// Where and how far to look.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) view: &'a View,
    pub(super) pool: &'a Pool<'a>,
    pub(super) profile: &'a Profile,
    pub(super) prepared: &'a Prepared,
    /// Not earlier.
    pub(super) from_ms: u64,
    /// No other time than `from_ms`.
    pub(super) only_then: bool,
    /// Times of one such span count as its last one, once many were tried.
    pub(super) resolution_ms: u64,
}

/// Looks at nodes that one job may cost with every time tried by itself; after that, times within one span of the
/// resolution are tried together.
const LOOKS_EXACT: Budget = 200_000;
/// Looks at nodes that one job may cost at all, so that it does not spend what others need.
const LOOKS_PER_JOB_MAX: Budget = 1_000_000;

/// Looks at nodes that one search, and so one pass, may still spend.
pub(super) type Budget = u64;

impl Search<'_> {
    /// `None`: never, or the budget is spent.
    pub(super) fn run(self, budget: &mut Budget) -> Option<Opening> {
        let granted = (*budget).min(LOOKS_PER_JOB_MAX);
        let mut left = granted;
        let opening = self.walk(&mut left);
        *budget -= granted - left;
        opening
    }

    fn walk(self, budget: &mut Budget) -> Option<Opening> {
        let granted = *budget;
        let mut table = Table::new(self, budget);
        if let Some(opening) = table.try_at(self.from_ms, true, budget) {
            return Some(opening);
        }
        let mut ends = self.profile.ends_after(self.from_ms);
        let mut begun_ms = self.from_ms + self.length_ms();
        while !self.only_then && *budget > 0 {
            let (first_ms, _) = *ends.first()?;
            let grid_ms = if granted - *budget < LOOKS_EXACT { 1 } else { self.resolution_ms.max(1) };
            let bucket = ends.partition_point(|(at, _)| *at / grid_ms <= first_ms / grid_ms);
            let at_ms = ends[bucket - 1].0;
            let until_ms = at_ms + self.length_ms();
            let mut hopeful = table.refresh(ends[..bucket].iter().map(|(_, slot)| *slot), at_ms, budget);
            hopeful |= !self.prepared.ask.licences.is_empty();
            let begun = self.profile.hold_starts_from(begun_ms);
            let begun = &begun[..begun.partition_point(|(start, _)| *start < until_ms)];
            table.refresh(begun.iter().map(|(_, slot)| *slot), at_ms, budget);
            begun_ms = until_ms;
            if let Some(opening) = table.try_at(at_ms, hopeful, budget) {
                return Some(opening);
            }
            ends = &ends[bucket..];
        }
        None
    }

    fn length_ms(self) -> u64 {
        u64::from(self.prepared.time_limit_s) * 1_000
    }

    fn span(self, at_ms: u64) -> Span {
        Span { from_ms: at_ms, until_ms: at_ms + self.length_ms() }
    }

    fn fit_at(self, slot: u32, at_ms: u64) -> Option<Fit> {
        let now = &self.pool.free[slot as usize];
        if self.prepared.ask.user_exclusive && self.profile.is_reserved(slot, self.span(at_ms)) {
            return None;
        }
        let total = &self.view.site.class(slot).total;
        let free = self.profile.free_over(slot, total, now, self.span(at_ms));
        self.pool.fit_later(self.prepared, slot, &free)
    }

    fn share_at(self, slot: u32, at_ms: u64, portion: Portion) -> Option<NodeShare> {
        let total = &self.view.site.class(slot).total;
        let free = self.profile.free_over(slot, total, &self.pool.free[slot as usize], self.span(at_ms));
        let offer = self.pool.offer_later(self.prepared, slot, &free);
        fit::carve(&self.prepared.ask, offer, self.view.site.node(slot).index, portion)
    }
}

/// How much of the job each node could take at the time that is looked at.
struct Table<'a> {
    search: Search<'a>,
    /// By place in the job's nodes.
    fits: Vec<Option<Fit>>,
    /// (slot, place), by slot.
    places: Vec<(u32, u32)>,
    tasks: u64,
    nodes: u32,
}

impl<'a> Table<'a> {
    fn new(search: Search<'a>, budget: &mut Budget) -> Self {
        let nodes = &search.prepared.nodes;
        let mut places: Vec<(u32, u32)> = nodes.iter().copied().zip(0..).collect();
        places.sort_unstable();
        let mut table = Self { search, fits: vec![None; nodes.len()], places, tasks: 0, nodes: 0 };
        table.refresh(nodes.iter().copied(), search.from_ms, budget);
        table
    }

    /// Looks at those nodes again. Whether one of them could make the difference now.
    fn refresh(&mut self, slots: impl Iterator<Item = u32>, at_ms: u64, budget: &mut Budget) -> bool {
        let alone = self.search.prepared.ask.max_nodes == 1;
        let mut hopeful = false;
        for slot in slots {
            let Ok(at) = self.places.binary_search_by_key(&slot, |(slot, _)| *slot) else { continue };
            let place = self.places[at].1 as usize;
            let new = self.search.fit_at(slot, at_ms);
            self.count(self.fits[place], false);
            self.count(new, true);
            self.fits[place] = new;
            *budget = budget.saturating_sub(1);
            hopeful |= new.is_some_and(|fit| !alone || fit.tasks >= self.search.prepared.ask.tasks);
        }
        hopeful
    }

    fn count(&mut self, fit: Option<Fit>, add: bool) {
        let Some(fit) = fit else { return };
        let tasks = u64::from(fit.tasks);
        if add {
            (self.tasks, self.nodes) = (self.tasks + tasks, self.nodes + 1);
        } else {
            (self.tasks, self.nodes) = (self.tasks - tasks, self.nodes - 1);
        }
    }

    fn try_at(&self, at_ms: u64, hopeful: bool, budget: &mut Budget) -> Option<Opening> {
        let Search { view, pool, profile, prepared, .. } = self.search;
        let ask = &prepared.ask;
        if !hopeful || self.nodes < ask.min_nodes || self.tasks < u64::from(ask.tasks) {
            return None;
        }
        if !ask.licences.is_empty()
            && !profile.licences_over(&pool.licences, self.search.span(at_ms)).has(&ask.licences)
        {
            return None;
        }
        let candidate = |(slot, fit): (&u32, &Option<Fit>)| fit.map(|fit| (*slot, fit));
        let candidates: Vec<Candidate> = prepared.nodes.iter().zip(&self.fits).filter_map(candidate).collect();
        *budget = budget.saturating_sub(candidates.len() as u64);
        let portions = choose_by_weight(view, prepared, &candidates)?;
        let share = |&(slot, portion): &(u32, Portion)| self.search.share_at(slot, at_ms, portion);
        let nodes = portions.iter().map(share).collect::<Option<Vec<NodeShare>>>()?;
        let allocation = Allocation { partition: prepared.partition.clone(), nodes, whole_nodes: ask.whole };
        Some(Opening { start_ms: at_ms, slots: portions.iter().map(|(slot, _)| *slot).collect(), allocation })
    }
}
