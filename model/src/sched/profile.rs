//! What will be free when: running jobs give back at their time limits, reservations of waiting jobs take.
//!
//! Cores and devices are exact. Where two reservations on one node overlap the asked span but not each other, their memory
//! is counted together: that can only make a job wait longer, never delay a reserved one.

use std::borrow::Cow;

use muster_proto::durable::NodeShare;

use super::licences::LicencesFree;
use super::view::View;
use crate::cluster::resources::{BitSet, GresFree, NodeFree, NodeTotal, gres_kind};

/// A span of time in ms, end excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_ms: u64,
    pub(super) until_ms: u64,
}

impl Span {
    fn overlaps(self, other: Span) -> bool {
        self.from_ms < other.until_ms && other.from_ms < self.until_ms
    }
}

#[derive(Clone, Debug, Default)]
struct Future {
    /// Given back at that time.
    releases: Vec<(u64, NodeFree)>,
    /// Taken for that span.
    holds: Vec<(Span, NodeFree)>,
}

/// Licences held over a span, by waiting or running jobs.
type LicenceSpans = Vec<(Span, Vec<(String, u64)>)>;

/// See the module.
pub(super) struct Profile {
    now_ms: u64,
    slots: Vec<Future>,
    /// (time, slot) at which something becomes free, ascending.
    ends: Vec<(u64, u32)>,
    /// (time, slot) at which a reservation begins, ascending.
    hold_starts: Vec<(u64, u32)>,
    licence_releases: Vec<(u64, Vec<(String, u64)>)>,
    licence_holds: LicenceSpans,
}

impl Profile {
    pub(super) fn of(view: &View) -> Self {
        let mut profile = Self {
            now_ms: view.now_ms,
            slots: vec![Future::default(); view.free.len()],
            ends: Vec::new(),
            hold_starts: Vec::new(),
            licence_releases: Vec::new(),
            licence_holds: Vec::new(),
        };
        for job in &view.running {
            profile.add_release(job.end_ms, job.shares.iter().map(|(slot, share)| (*slot, share)), &job.licences);
        }
        profile
    }

    /// To be called once after [`Profile::add_release`], before anything is asked.
    pub(super) fn settle(mut self) -> Self {
        self.ends.sort_unstable();
        self
    }

    /// Someone who runs gives back at `end_ms`; at the earliest one ms from now, for who overstays. Before `settle` only.
    pub(super) fn add_release<'a>(
        &mut self,
        end_ms: u64,
        shares: impl Iterator<Item = (u32, &'a NodeShare)>,
        licences: &[(String, u64)],
    ) {
        let end_ms = end_ms.max(self.now_ms + 1);
        for (slot, share) in shares {
            self.slots[slot as usize].releases.push((end_ms, amounts(share)));
            self.ends.push((end_ms, slot));
        }
        if !licences.is_empty() {
            self.licence_releases.push((end_ms, licences.to_vec()));
        }
    }

    /// Someone starts now: the same after `settle`.
    pub(super) fn start<'a>(
        &mut self,
        end_ms: u64,
        shares: impl Iterator<Item = (u32, &'a NodeShare)>,
        licences: &[(String, u64)],
    ) {
        let settled = self.ends.len();
        self.add_release(end_ms, shares, licences);
        for entry in self.ends.split_off(settled) {
            insert_sorted(&mut self.ends, entry);
        }
    }

    /// Reserves.
    pub(super) fn hold<'a>(
        &mut self,
        span: Span,
        shares: impl Iterator<Item = (u32, &'a NodeShare)>,
        licences: &[(String, u64)],
    ) {
        for (slot, share) in shares {
            self.slots[slot as usize].holds.push((span, amounts(share)));
            insert_sorted(&mut self.ends, (span.until_ms, slot));
            insert_sorted(&mut self.hold_starts, (span.from_ms, slot));
        }
        if !licences.is_empty() {
            self.licence_holds.push((span, licences.to_vec()));
        }
    }

    /// Whether a reservation touches the node in `span`.
    pub(super) fn is_reserved(&self, slot: u32, span: Span) -> bool {
        self.slots[slot as usize].holds.iter().any(|(held, _)| held.overlaps(span))
    }

    /// What of the node is free over all of `span`, where `now` is what is free now.
    pub(super) fn free_over<'a>(
        &self,
        slot: u32,
        total: &NodeTotal,
        now: &'a NodeFree,
        span: Span,
    ) -> Cow<'a, NodeFree> {
        let future = &self.slots[slot as usize];
        let changes = future.releases.iter().any(|(end_ms, _)| *end_ms <= span.from_ms)
            || future.holds.iter().any(|(held, _)| held.overlaps(span));
        if !changes {
            return Cow::Borrowed(now);
        }
        let mut free = now.clone();
        for (_, back) in future.releases.iter().filter(|(end_ms, _)| *end_ms <= span.from_ms) {
            give(&mut free, back, total);
        }
        for (_, held) in future.holds.iter().filter(|(held, _)| held.overlaps(span)) {
            take(&mut free, held);
        }
        Cow::Owned(free)
    }

    /// Licences that are free over all of `span`.
    pub(super) fn licences_over(&self, now: &LicencesFree, span: Span) -> LicencesFree {
        let mut free = now.clone();
        for (_, back) in self.licence_releases.iter().filter(|(end_ms, _)| *end_ms <= span.from_ms) {
            free.give(back);
        }
        for (_, held) in self.licence_holds.iter().filter(|(held, _)| held.overlaps(span)) {
            free.take(held);
        }
        free
    }

    /// Times after `after_ms` at which something becomes free, with the slot, ascending.
    pub(super) fn ends_after(&self, after_ms: u64) -> &[(u64, u32)] {
        &self.ends[self.ends.partition_point(|(at, _)| *at <= after_ms)..]
    }

    /// Reservations that begin at `from_ms` or later, with the slot, ascending.
    pub(super) fn hold_starts_from(&self, from_ms: u64) -> &[(u64, u32)] {
        &self.hold_starts[self.hold_starts.partition_point(|(at, _)| *at < from_ms)..]
    }
}

fn insert_sorted(list: &mut Vec<(u64, u32)>, entry: (u64, u32)) {
    let at = list.partition_point(|known| *known < entry);
    list.insert(at, entry);
}

fn amounts(share: &NodeShare) -> NodeFree {
    let mut amounts =
        NodeFree { cores: BitSet::from_bytes(&share.cores), mem_mib: share.mem_mib, ..NodeFree::default() };
    for gres in &share.gres {
        let entry: &mut GresFree = amounts.gres.entry(gres_kind(gres)).or_default();
        entry.indices.add(&BitSet::from_bytes(&gres.indices));
        entry.count = entry.count.saturating_add(gres.count);
    }
    amounts
}

/// Never more than the node has: it may have shrunk under who runs there.
fn give(free: &mut NodeFree, back: &NodeFree, total: &NodeTotal) {
    free.cores.add(&back.cores);
    free.mem_mib = free.mem_mib.saturating_add(back.mem_mib).min(total.mem_mib);
    for (kind, amount) in &back.gres {
        let (Some(pool), Some(most)) = (free.gres.get_mut(kind), total.gres.get(kind)) else { continue };
        pool.indices.add(&amount.indices);
        pool.count = pool.count.saturating_add(amount.count).min(most.count);
    }
}

fn take(free: &mut NodeFree, held: &NodeFree) {
    free.cores.subtract(&held.cores);
    free.mem_mib = free.mem_mib.saturating_sub(held.mem_mib);
    for (kind, amount) in &held.gres {
        let Some(pool) = free.gres.get_mut(kind) else { continue };
        pool.indices.subtract(&amount.indices);
        pool.count = pool.count.saturating_sub(amount.count);
        if pool.numbered {
            pool.count = u64::from(pool.indices.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sched::testing::{NOW_MS, World};

    fn span(from_s: u64, until_s: u64) -> Span {
        Span { from_ms: NOW_MS + from_s * 1_000, until_ms: NOW_MS + until_s * 1_000 }
    }

    #[test]
    fn what_runs_comes_back_at_its_end_and_reservations_take_their_span() {
        let mut world = World::golden();
        world.runs(9, "n1", 0b0011, 60);
        let view = world.view();
        let total = &view.site.class(0).total;
        let mut profile = Profile::of(&view).settle();
        let cores = |profile: &Profile, at: Span| profile.free_over(0, total, &view.free[0], at).cores.to_bytes();
        assert_eq!(cores(&profile, span(0, 10)), [0b1100]);
        assert_eq!(cores(&profile, span(59, 70)), [0b1100]);
        assert_eq!(cores(&profile, span(60, 70)), [0b1111]);
        let share = NodeShare { cores: vec![0b0111].into(), ..NodeShare::default() };
        profile.hold(span(60, 100), [(0, &share)].into_iter(), &[]);
        assert_eq!(cores(&profile, span(0, 60)), [0b1100]);
        assert_eq!(cores(&profile, span(0, 61)), [0b1000]);
        assert_eq!(cores(&profile, span(99, 120)), [0b1000]);
        assert_eq!(cores(&profile, span(100, 120)), [0b1111]);
    }
}
