//! The invariants of fencing, by name: part of [`Cluster::check`] and [`Cluster::check_since`].

use std::collections::BTreeSet;

use muster_dialect::conf::Proof;
use muster_proto::durable::{FenceState, NodePhase};

use super::check::Violation;
use super::job::node_is_over;
use super::state::Cluster;

impl Cluster {
    pub(super) fn check_fences(&self, found: &mut Vec<Violation>) {
        let mut wrong = |why: String| found.push(Violation::Fence(why));
        let mut open = BTreeSet::new();
        for row in self.open_fences() {
            let node = self.node(row.node);
            if !open.insert(row.node) || self.open_fence(row.node) != Some(row) {
                wrong(format!("two open operations on {}", row.node_name));
            }
            let begun = row.state() != FenceState::Requested;
            if node.is_none_or(|node| node.row.fencing != begun) {
                wrong(format!("{} may take work, and {:?}", row.node_name, row.state()));
            }
            if begun == (row.started_ms == 0) || (row.calling && !begun) || row.state() == FenceState::Cancelled {
                wrong(format!("operation {} is {:?}, started at {}", row.fence, row.state(), row.started_ms));
            }
        }
        for node in self.nodes().filter(|node| node.row.fencing && !open.contains(&node.index())) {
            wrong(format!("{} is kept from work by no operation", node.name()));
        }
        if self.fences.keys().next_back().is_some_and(|fence| *fence >= self.meta.next_fence) {
            wrong("operation above the floor".to_owned());
        }
    }

    pub(super) fn check_fences_since(&self, before: &Cluster, found: &mut Vec<Violation>) {
        self.check_proof(before, found);
        self.check_storms(before, found);
    }

    /// A share is proven dead only with the boot that it belonged to, or by time where the site says so.
    fn check_proof(&self, before: &Cluster, found: &mut Vec<Violation>) {
        for job in self.jobs() {
            let Some(was) = before.job(job.uid()).and_then(|was| was.newest_attempt()) else { continue };
            let Some(is) = job.newest_attempt().filter(|is| is.number == was.number) else { continue };
            for (was, is) in was.nodes.iter().zip(&is.nodes) {
                if node_is_over(was) || is.phase() != NodePhase::ProvenDead {
                    continue;
                }
                let boot = before.node(was.node).map_or("", |node| node.row.boot_id.as_str());
                let buried =
                    self.node(was.node).is_some_and(|node| node.row.superseded_boots.iter().any(|b| b == boot));
                let by_time = self.proof_of_death() != Proof::Certain
                    && before.node(was.node).is_some_and(|node| node.row.not_responding && node.row.epoch == was.epoch);
                if !by_time && (boot.is_empty() || !buried) {
                    found.push(Violation::TwoAttempts(format!("job {} on {} without proof", job.uid(), was.node)));
                }
            }
        }
    }

    /// The storm guard holds for whatever starts; and a call begins when no other can be under way.
    fn check_storms(&self, before: &Cluster, found: &mut Vec<Violation>) {
        let max = self.fence_conf().map_or(0, |conf| conf.max_fences as usize);
        for row in self.fences() {
            let was = before.fence(row.fence);
            let starts = row.started_ms != 0 && was.is_none_or(|was| was.started_ms == 0);
            if starts && !row.force && self.fences_started() > max {
                found.push(Violation::Fence(format!("{} fences started, MaxFences={max}", self.fences_started())));
            }
            let Some(was) = was.filter(|was| row.call > was.call) else { continue };
            if was.calling && row.called_ms < was.called_ms + was.deadline_ms {
                found.push(Violation::Fence(format!("call {} beside call {} of {}", row.call, was.call, row.fence)));
            }
        }
        for node in self.nodes().filter(|node| node.is_usable()) {
            let newest = self.fence_of.get(&node.index()).and_then(|fence| self.fence(*fence));
            if newest.is_some_and(|row| row.call > 0 && self.fence_settles_ms(row) > self.now_ms()) {
                found.push(Violation::Fence(format!("{} takes work while an agent may strike", node.name())));
            }
        }
    }
}
