//! The way down to a node.

use muster_proto::wire::{NodeDown, ToNode, to_node};
use prost::Message;
use tokio::sync::mpsc;
use tonic::Status;

pub(crate) type Down = mpsc::Sender<Result<NodeDown, Status>>;

/// One frame for a node.
pub(crate) fn frame(body: to_node::Body) -> Result<NodeDown, Status> {
    Ok(NodeDown { frame: ToNode { body: Some(body) }.encode_to_vec().into() })
}
