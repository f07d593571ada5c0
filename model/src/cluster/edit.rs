//! The one way in which commands change rows: memory, indexes and the list of changed rows move together.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_proto::durable::{JobRow, JobSpec, NodeRow};

use super::asked::{Asked, Book};
use super::changes::{Event, Table};
use super::index::IndexKeys;
use super::job::{Job, node_is_over, shares};
use super::node::Node;
use super::resources::NodeFree;
use super::state::Cluster;

impl Cluster {
    /// Adds a record.
    pub(super) fn insert_job(&mut self, mut job: Job) {
        let uid = job.uid();
        job.asked = self.book.share(&job.asked);
        let job = Arc::new(job);
        self.jobs.insert(uid, job.clone());
        self.index_job(&job);
        self.ledger.touch(Table::Jobs, uid.to_be_bytes().to_vec());
        self.events.push(Event::JobChanged { uid });
    }

    /// Adds a record that is in memory to the indexes: also when rows are loaded.
    pub(super) fn index_job(&mut self, job: &Job) {
        let keys = IndexKeys::of(job);
        self.index.add(job.uid(), &keys);
        self.update_shares(job.uid(), &[], &keys.taken);
    }

    /// Changes a record; does nothing when there is none.
    pub(super) fn edit_job(&mut self, uid: u64, change: impl FnOnce(&mut JobRow)) {
        self.change_job(uid, |job, _| change(&mut job.row));
    }

    /// Changes a record and what it asks for; does nothing when there is none.
    pub(super) fn edit_job_and_spec(&mut self, uid: u64, change: impl FnOnce(&mut JobRow, &mut JobSpec)) {
        self.change_job(uid, |job, book| {
            let mut spec = job.spec().clone();
            change(&mut job.row, &mut spec);
            let asked = book.share(&Asked::alone(spec));
            let before = std::mem::replace(&mut job.asked, asked);
            book.drop(&before);
        });
    }

    fn change_job(&mut self, uid: u64, change: impl FnOnce(&mut Job, &mut Book)) {
        let Some(shared) = self.jobs.get_mut(&uid) else { return };
        let before = IndexKeys::of(shared);
        let job = Arc::make_mut(shared);
        change(job, &mut self.book);
        let after = IndexKeys::of(job);
        if before != after {
            self.index.remove(uid, &before);
            self.index.add(uid, &after);
            self.update_shares(uid, &before.taken, &after.taken);
        }
        self.ledger.touch(Table::Jobs, uid.to_be_bytes().to_vec());
        self.events.push(Event::JobChanged { uid });
    }

    /// Drops a record.
    pub(super) fn remove_job(&mut self, uid: u64) {
        let Some(job) = self.jobs.remove(&uid) else { return };
        let keys = IndexKeys::of(&job);
        self.index.remove(uid, &keys);
        self.book.drop(&job.asked);
        self.update_shares(uid, &keys.taken, &[]);
        self.ledger.touch(Table::Jobs, uid.to_be_bytes().to_vec());
        self.events.push(Event::JobChanged { uid });
    }

    /// Brings the shares of nodes in step with where job `uid` has some.
    fn update_shares(&mut self, uid: u64, before: &[(u32, u32)], after: &[(u32, u32)]) {
        if before == after {
            return;
        }
        let was: BTreeSet<_> = before.iter().collect();
        let is: BTreeSet<_> = after.iter().collect();
        let changed: BTreeSet<u32> = was.symmetric_difference(&is).map(|(_, node)| *node).collect();
        let freed = before.len() > after.len();
        for index in changed {
            self.update_share_on(uid, index);
        }
        if freed {
            self.events.push(Event::ScheduleAgain);
        }
    }

    fn update_share_on(&mut self, uid: u64, index: u32) {
        let attempt = self.jobs.get(&uid).and_then(|job| job.live_attempt());
        let share = attempt.and_then(|attempt| {
            let taken = shares(attempt).find(|(node, _)| node.node == index && !node_is_over(node));
            taken.map(|(_, share)| share.clone())
        });
        let Some(shared) = self.nodes.get_mut(&index) else { return };
        let node = Arc::make_mut(shared);
        match share {
            Some(share) => {
                node.free.take(&share);
                node.shares.insert(uid, share);
            }
            None => {
                node.shares.remove(&uid);
                node.free = NodeFree::beside(&node.line.total, node.shares.values());
            }
        }
    }

    /// Adds a node.
    pub(super) fn insert_node(&mut self, node: Node) {
        let index = node.index();
        self.node_names.insert(node.row.name.clone(), index);
        self.nodes.insert(index, Arc::new(node));
        self.note_node_change(index);
    }

    /// Changes a node's record; does nothing when there is none.
    pub(super) fn edit_node(&mut self, index: u32, change: impl FnOnce(&mut NodeRow)) {
        let Some(shared) = self.nodes.get_mut(&index) else { return };
        let node = Arc::make_mut(shared);
        let of_site = |row: &NodeRow| (row.removed, row.weight, row.features.clone(), row.active_features.clone());
        let before = of_site(&node.row);
        change(&mut node.row);
        if before != of_site(&node.row) {
            self.site.take();
        }
        self.note_node_change(index);
    }

    fn note_node_change(&mut self, index: u32) {
        self.ledger.touch(Table::Nodes, index.to_be_bytes().to_vec());
        self.events.push(Event::NodeChanged { node: index });
    }
}
