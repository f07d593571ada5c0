//! `scontrol show node [LIST]`.

use muster_dialect::hostlist;
use muster_proto::wire::{ListNodes, NodeInfo, reply, request};

use super::super::{Control, ask};
use crate::show;
use crate::site::block_on;

pub(super) fn run(control: &Control, id: Option<&str>) -> u8 {
    let names = match id.map(hostlist::parse) {
        None => Vec::new(),
        Some(Ok(names)) => names,
        Some(Err(_)) => return control.fail(&format!("Invalid node name {}", id.unwrap_or_default())),
    };
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let nodes = match block_on(ask(&reach, request::Body::ListNodes(ListNodes::default()))) {
        Ok(reply::Body::Nodes(list)) => list.nodes,
        Ok(_) => return control.fail("slurm_load_node error: Unexpected message received"),
        Err(refusal) => return control.fail(&format!("slurm_load_node error: {}", refusal.text)),
    };
    if names.is_empty() {
        return control.print(&nodes.iter().map(|node| show::node(node, &control.form)).collect::<String>());
    }
    let mut code = 0;
    for name in &names {
        let is_it = |node: &&NodeInfo| node.row.as_ref().is_some_and(|row| row.name == *name);
        code |= match nodes.iter().find(is_it) {
            Some(node) => control.print(&show::node(node, &control.form)),
            // On standard output, as Slurm has it.
            None => control.print(&format!("Node {name} not found\n")) | 1,
        };
    }
    code
}
