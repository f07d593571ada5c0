//! Later jobs start early where that delays nobody who waits before them.
//!
//! Each blocked job, in order, gets a reservation at the earliest time that the time limits of those before it allow
//! (conservative backfill). One whose earliest time is now starts now. As in Slurm, a start beyond `bf_window` is told as an
//! estimate, but nothing is reserved for it.

use std::collections::{BTreeMap, BTreeSet};

use muster_dialect::state::Reason;
use muster_proto::durable::Allocation;

use super::earliest::{Budget, Opening, Search};
use super::plan::{Pass, Progress, Ready};
use super::profile::{Profile, Span};
use super::verdict::Finding;
use super::view::View;
use crate::cluster::BitSet;

/// Looks at nodes of one pass: bounds its time where many jobs wait for many nodes.
const LOOKS_MAX: Budget = 5_000_000;

pub(super) fn run(pass: &mut Pass) {
    let blocked = std::mem::take(&mut pass.blocked);
    let mut backfill = Backfill::new(pass);
    for one in blocked.into_iter().take(pass.limits.max_jobs_backfill as usize) {
        if backfill.budget == 0 {
            break;
        }
        let Ok(ready) = pass.prepare(one) else { continue };
        if pass.never(ready) {
            continue;
        }
        backfill.look_at(pass, ready);
    }
}

struct Backfill {
    profile: Profile,
    budget: Budget,
    /// By prepared shape: it cannot start before that time; `None`: never.
    not_before: BTreeMap<usize, Option<u64>>,
    /// Jobs with a reservation, or an estimate, by way of one of their partitions.
    estimated: BTreeSet<usize>,
}

impl Backfill {
    fn new(pass: &Pass) -> Self {
        let mut profile = Profile::of(pass.view);
        for (of, allocation) in pass.started() {
            let end_ms = pass.view.now_ms + u64::from(pass.prepared[of.prepared].time_limit_s) * 1_000;
            let licences = &pass.prepared[of.prepared].ask.licences;
            profile.add_release(end_ms, pass.shares_of(allocation), licences);
        }
        Self { profile: profile.settle(), budget: LOOKS_MAX, not_before: BTreeMap::new(), estimated: BTreeSet::new() }
    }

    fn look_at(&mut self, pass: &mut Pass, one: Ready) {
        while pass.progress[one.job] != Progress::Done && pass.has_room() {
            let Some(opening) = self.find(pass, one) else { return };
            if opening.start_ms > pass.view.now_ms {
                return self.reserve(pass, one, opening);
            }
            let length_ms = u64::from(pass.prepared[one.prepared].time_limit_s) * 1_000;
            let licences = pass.prepared[one.prepared].ask.licences.clone();
            let end_ms = opening.start_ms + length_ms;
            self.profile.start(end_ms, pass.shares_of(&opening.allocation), &licences);
            pass.start(one, opening.allocation, true);
        }
    }

    fn find(&mut self, pass: &Pass, one: Ready) -> Option<Opening> {
        let now_ms = pass.view.now_ms;
        let from_ms = match self.not_before.get(&one.prepared) {
            None => now_ms,
            Some(from_ms) => (*from_ms)?,
        };
        let only_then = self.estimated.contains(&one.job);
        if only_then && from_ms > now_ms {
            return None;
        }
        let search = Search {
            view: pass.view,
            pool: &pass.pool,
            profile: &self.profile,
            prepared: &pass.prepared[one.prepared],
            from_ms,
            only_then,
            resolution_ms: u64::from(pass.limits.bf_resolution_s) * 1_000,
        };
        let opening = search.run(&mut self.budget);
        // Within a pass everything only fills up, so what holds for this job holds for the next of its shape.
        if !only_then && (opening.is_some() || self.budget > 0) {
            self.not_before.insert(one.prepared, opening.as_ref().map(|o| o.start_ms));
        }
        opening
    }

    fn reserve(&mut self, pass: &mut Pass, one: Ready, opening: Opening) {
        let Opening { start_ms, slots, allocation } = opening;
        let nodes = pass.view.site.fold(slots);
        let prepared = &pass.prepared[one.prepared];
        if start_ms <= pass.view.now_ms + u64::from(pass.limits.bf_window_s) * 1_000 {
            let span = Span { from_ms: start_ms, until_ms: start_ms + u64::from(prepared.time_limit_s) * 1_000 };
            let mut allocation = allocation;
            if prepared.ask.user_exclusive {
                widen(pass.view, &mut allocation);
            }
            self.profile.hold(span, pass.shares_of(&allocation), &prepared.ask.licences);
        }
        self.estimated.insert(one.job);
        let found = pass.found[one.job].get_or_insert_with(|| Finding::of(Reason::Priority));
        (found.start_ms, found.nodes) = (Some(start_ms), nodes);
    }
}

/// A job of `--exclusive=user` keeps others off its nodes, so its reservation is of whole nodes.
fn widen(view: &View, allocation: &mut Allocation) {
    for share in &mut allocation.nodes {
        if let Some(slot) = view.site.slot_of(share.node) {
            share.cores = BitSet::first(view.site.class(slot).total.cores).to_bytes().into();
        }
    }
}
