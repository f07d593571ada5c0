//! One node's session, from its Hello to its end.

use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use muster_channel::Peer;
use muster_model::cluster::Cluster;
use muster_proto::wire::to_node::Body as Tell;
use muster_proto::wire::{FromNode, Heartbeat, HeartbeatAck, Inventory, NodeUp, Order, Report, ReportAck, from_node};
use prost::Message;
use tokio::sync::watch;
use tonic::Streaming;

use super::down::{Down, frame};
use super::hello::{Greeted, greet, redirect};
use super::renewal::Renewals;
use super::{inventory, report};
use crate::counters::add_one;
use crate::seat::Seat;

/// Reports of one node that wait for their commit; the node's next ones wait in its stream.
const REPORTS_AT_ONCE_MAX: usize = 128;

pub(super) async fn run(seat: Arc<Seat>, peer: Peer, mut up: Streaming<NodeUp>, down: Down) {
    let (greeted, registered) = match greet(&seat, &peer, &mut up).await {
        Ok(greeted) => greeted,
        Err(farewell) => {
            if let Tell::Refused(refused) = &farewell {
                tracing::warn!(why = refused.why, "a node was refused");
            }
            let _ = down.send(frame(farewell)).await;
            return;
        }
    };
    let (member, node) = (greeted.member.clone(), greeted.node);
    if down.send(frame(Tell::Registered(registered))).await.is_err() {
        return;
    }
    member.sightings.seen(node);
    let (number, over) = member.sessions.enter(node, greeted.epoch, down.clone());
    tracing::info!(node = greeted.name, epoch = greeted.epoch, "a node opened its session");
    let (waiting, renewals) = (FuturesOrdered::new(), Renewals::default());
    let farewell = Session { seat, greeted, down: down.clone(), waiting, renewals }.listen(up, over).await;
    member.sessions.leave(node, number);
    if let Some(farewell) = farewell {
        // Best effort: the node notices the end of the stream anyway.
        let _ = down.try_send(frame(farewell));
    }
}

struct Session {
    seat: Arc<Seat>,
    greeted: Greeted,
    down: Down,
    /// Acknowledgements that wait for their commit, in the order of the reports.
    waiting: FuturesOrdered<BoxFuture<'static, Option<ReportAck>>>,
    /// Of the node's lease, where it keeps one.
    renewals: Renewals,
}

impl Session {
    /// Until the node goes, a newer session comes, or this controller leads no more.
    async fn listen(mut self, mut up: Streaming<NodeUp>, mut over: watch::Receiver<bool>) -> Option<Tell> {
        let mut leadership = self.greeted.member.core.leadership_changes();
        loop {
            let room = self.waiting.len() < REPORTS_AT_ONCE_MAX;
            tokio::select! {
                came = up.message(), if room => match came {
                    Ok(Some(came)) => self.on_frame(&came.frame).await?,
                    Ok(None) | Err(_) => return None,
                },
                Some(acked) = self.waiting.next() => match acked {
                    Some(ack) => {
                        if !ack.stale.is_empty() {
                            add_one(&self.seat.counters.stale_reports);
                        }
                        self.down.send(frame(Tell::Ack(ack))).await.ok()?;
                    }
                    // Not committed, and it is not known why: the node opens a new session and repeats.
                    None => return Some(redirect(String::new())),
                },
                renewed = self.renewals.ended() => self.renew(renewed).await?,
                () = ended(&mut over) => return None,
                changed = leadership.changed() => {
                    changed.ok()?;
                    self.still_leading()?;
                }
            }
        }
    }

    fn still_leading(&self) -> Option<()> {
        self.greeted.member.core.leads_in(self.greeted.term).then_some(())
    }

    /// `None`: the session ends.
    async fn on_frame(&mut self, bytes: &[u8]) -> Option<()> {
        let Greeted { member, node, epoch, .. } = &self.greeted;
        // What it ran in its old epoch was declared over: it registers anew, and gets another.
        if member.core.read(|cluster| cluster.node(*node).is_some_and(|node| node.row.epoch != *epoch)) {
            return None;
        }
        member.sightings.seen(*node);
        // Of a newer version, perhaps: what is not known here is left alone.
        let Ok(FromNode { body: Some(body) }) = FromNode::decode(bytes) else { return Some(()) };
        match body {
            from_node::Body::Report(report) => self.on_report(report).await,
            from_node::Body::Heartbeat(heartbeat) => self.on_heartbeat(heartbeat).await,
            from_node::Body::Inventory(inventory) => self.on_inventory(&inventory).await,
            from_node::Body::Hello(_) => None,
        }
    }

    async fn on_report(&mut self, report: Report) -> Option<()> {
        let seq = report.seq;
        match report::command(report, self.greeted.node, &self.greeted.name) {
            Ok(command) => {
                let promised = self.greeted.member.proposer.promise(command).await.ok()?;
                let ack = async move { report::ack(seq, promised.outcome().await) };
                self.waiting.push_back(Box::pin(ack));
            }
            Err(stale) => self.waiting.push_back(Box::pin(async move { Some(ReportAck { seq, stale }) })),
        }
        Some(())
    }

    async fn on_heartbeat(&mut self, heartbeat: Heartbeat) -> Option<()> {
        let Greeted { member, node, term, .. } = &self.greeted;
        member.sightings.heartbeat(*node, &heartbeat);
        let (lease_wanted_ms, kept_ms) = member
            .core
            .read(|cluster| (cluster.lease_wanted_ms(), cluster.node(*node).map_or(0, |node| node.row.lease_ms)));
        let authority = Some(member.core.authority(*term));
        let ack = HeartbeatAck { seq: heartbeat.seq, authority, renews: false, lease_wanted_ms };
        if lease_wanted_ms != 0 || kept_ms != 0 {
            self.renewals.came(member, *term, heartbeat.seq);
        }
        self.down.send(frame(Tell::HeartbeatAck(ack))).await.ok()
    }

    async fn renew(&mut self, renewed: Option<u64>) -> Option<()> {
        let Greeted { member, term, .. } = &self.greeted;
        if let Some(seq) = self.renewals.take_next() {
            self.renewals.came(member, *term, seq);
        }
        let Some(seq) = renewed else { return Some(()) };
        let lease_wanted_ms = member.core.read(Cluster::lease_wanted_ms);
        let authority = Some(member.core.authority(*term));
        let ack = HeartbeatAck { seq, authority, renews: true, lease_wanted_ms };
        self.down.send(frame(Tell::HeartbeatAck(ack))).await.ok()
    }

    async fn on_inventory(&mut self, inventory: &Inventory) -> Option<()> {
        let Greeted { member, node, epoch, term, .. } = &self.greeted;
        let orders = member.core.read(|cluster| inventory::reconcile(cluster, *node, inventory));
        for (uid, attempt, body) in orders {
            let authority = Some(member.core.authority(*term));
            let order = Order { authority, epoch: *epoch, node: *node, uid, attempt, body: Some(body) };
            self.down.send(frame(Tell::Order(order))).await.ok()?;
        }
        Some(())
    }
}

/// A newer session of this node came, or this controller leads no more.
async fn ended(over: &mut watch::Receiver<bool>) {
    // The sender is gone when nobody knows this session any more: that is an end too.
    let _ = over.wait_for(|over| *over).await.is_ok();
}
