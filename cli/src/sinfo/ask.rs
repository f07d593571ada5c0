//! One question and its listing.

use muster_dialect::date;
use muster_proto::wire::{ListNodes, ListPartitions, NodeInfo, PartitionInfo, reply, request};

use super::cell::Teller;
use super::group;
use super::wanted::Wanted;
use crate::list::zone;
use crate::refusal::{Refusal, unexpected};
use crate::say::{Voice, to_stdout};
use crate::site::Reach;

pub(super) async fn once(reach: &Reach, wanted: &Wanted, voice: Voice) -> u8 {
    match listing(reach, wanted).await {
        Ok(text) => u8::from(!to_stdout(&text)),
        Err(refusal) => {
            refusal.before.iter().for_each(|line| voice.error(line));
            voice.bare(&format!("slurm_load_partitions: {}", refusal.text));
            1
        }
    }
}

async fn listing(reach: &Reach, wanted: &Wanted) -> Result<String, Refusal> {
    let (partitions, _) = partitions(reach).await?;
    let (nodes, now_ms) = nodes(reach).await?;
    let mut format = wanted.format.clone();
    fit(&mut format, &partitions, &nodes);
    let teller = Teller::new(now_ms, wanted, &reach.cluster);
    let mut text = String::new();
    if wanted.date {
        text += &format!("{}\n", date::asctime((now_ms / 1000) as i64, &zone()));
    }
    if wanted.header {
        text += &format!("{}\n", format.header());
    }
    for line in group::lines(&partitions, &nodes, wanted, &teller) {
        text += &format!("{}\n", format.row(|field| teller.cell(&line, field.name)));
    }
    Ok(text)
}

async fn partitions(reach: &Reach) -> Result<(Vec<PartitionInfo>, u64), Refusal> {
    match reach.client.call(request::Body::ListPartitions(ListPartitions::default())).await {
        Ok(reply::Body::Partitions(list)) => Ok((list.partitions, list.now_ms)),
        Ok(_) => Err(Refusal::of(&unexpected(), "")),
        Err(error) => Err(Refusal::of(&error, "the listing")),
    }
}

async fn nodes(reach: &Reach) -> Result<(Vec<NodeInfo>, u64), Refusal> {
    match reach.client.call(request::Body::ListNodes(ListNodes::default())).await {
        Ok(reply::Body::Nodes(list)) => Ok((list.nodes, list.now_ms)),
        Ok(_) => Err(Refusal::of(&unexpected(), "")),
        Err(error) => Err(Refusal::of(&error, "the listing")),
    }
}

/// Columns of built-in formats that are as wide as their longest text.
fn fit(format: &mut muster_dialect::format::Format, partitions: &[PartitionInfo], nodes: &[NodeInfo]) {
    let marked = |partition: &PartitionInfo| partition.name.chars().count() + usize::from(partition.is_default);
    format.fit("Partition", partitions.iter().map(marked).max().unwrap_or(0));
    let name = |node: &NodeInfo| node.row.as_ref().map_or(0, |row| row.name.chars().count());
    format.fit("NodeList", nodes.iter().map(name).max().unwrap_or(0));
}
