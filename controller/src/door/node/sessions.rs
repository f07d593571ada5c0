//! The sessions of this leader: one a node, the newest wins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use muster_proto::wire::{Order, to_node};
use tokio::sync::{Notify, watch};

use super::down::{Down, frame};

/// The way to one registered node.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// Counts up: a later session of the same node has a higher one.
    pub(crate) number: u64,
    pub(crate) epoch: u64,
    down: Down,
    over: Arc<watch::Sender<bool>>,
}

/// By node index.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: Mutex<Open>,
    /// A node came: its orders wait.
    pub(crate) arrived: Notify,
}

#[derive(Debug, Default)]
struct Open {
    links: BTreeMap<u32, Link>,
    /// Nodes that came since somebody asked last: ten thousand may come at once.
    newcomers: BTreeSet<u32>,
    last_number: u64,
}

impl Link {
    /// Sends an order if there is room for it; it is derived again otherwise.
    pub(crate) fn order(&self, order: Order) -> bool {
        self.down.try_send(frame(to_node::Body::Order(order))).is_ok()
    }
}

impl Sessions {
    /// Opens the session of `node`, and ends an older one. The receiver tells when this one is to end.
    pub(crate) fn enter(&self, node: u32, epoch: u64, down: Down) -> (u64, watch::Receiver<bool>) {
        let over = Arc::new(watch::Sender::new(false));
        let told = over.subscribe();
        let mut open = self.open.lock().expect("no holder of this lock panics");
        open.last_number += 1;
        let number = open.last_number;
        open.newcomers.insert(node);
        if let Some(older) = open.links.insert(node, Link { number, epoch, down, over }) {
            older.over.send_replace(true);
        }
        drop(open);
        self.arrived.notify_one();
        (number, told)
    }

    /// Nodes whose session was opened since the last call.
    pub(crate) fn take_newcomers(&self) -> BTreeSet<u32> {
        std::mem::take(&mut self.open.lock().expect("no holder of this lock panics").newcomers)
    }

    /// Session `number` of `node` is over.
    pub(crate) fn leave(&self, node: u32, number: u64) {
        let mut open = self.open.lock().expect("no holder of this lock panics");
        if open.links.get(&node).is_some_and(|link| link.number == number) {
            open.links.remove(&node);
        }
    }

    /// This controller leads no more.
    pub(crate) fn end_all(&self) {
        let links = std::mem::take(&mut self.open.lock().expect("no holder of this lock panics").links);
        for link in links.into_values() {
            link.over.send_replace(true);
        }
    }

    /// The session of `node` ends, if there is one: the node opens another.
    pub(crate) fn end(&self, node: u32) {
        let link = self.open.lock().expect("no holder of this lock panics").links.remove(&node);
        if let Some(link) = link {
            link.over.send_replace(true);
        }
    }

    pub(crate) fn link(&self, node: u32) -> Option<Link> {
        self.open.lock().expect("no holder of this lock panics").links.get(&node).cloned()
    }

    /// Nodes with a session, ascending.
    pub(crate) fn nodes(&self) -> Vec<u32> {
        self.open.lock().expect("no holder of this lock panics").links.keys().copied().collect()
    }

    /// Frames on their way to nodes.
    pub(crate) fn frames_waiting(&self) -> usize {
        let open = self.open.lock().expect("no holder of this lock panics");
        open.links.values().map(|link| link.down.max_capacity() - link.down.capacity()).sum()
    }

    pub(crate) fn count(&self) -> usize {
        self.open.lock().expect("no holder of this lock panics").links.len()
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_newer_session_ends_the_older_one_and_outlives_its_going() {
        let sessions = Sessions::default();
        let (down, _frames) = mpsc::channel(1);
        let (first, first_over) = sessions.enter(3, 1, down.clone());
        let (second, second_over) = sessions.enter(3, 1, down);
        assert!(*first_over.borrow() && !*second_over.borrow());
        sessions.leave(3, first);
        assert_eq!(sessions.link(3).unwrap().number, second);
        sessions.leave(3, second);
        assert_eq!(sessions.count(), 0);
    }
}
