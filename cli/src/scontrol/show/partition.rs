//! `scontrol show partition [NAME]`.

use muster_proto::wire::{ListPartitions, reply, request};

use super::super::{Control, ask};
use crate::show;
use crate::site::block_on;

pub(super) fn run(control: &Control, id: Option<&str>) -> u8 {
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let partitions = match block_on(ask(&reach, request::Body::ListPartitions(ListPartitions::default()))) {
        Ok(reply::Body::Partitions(list)) => list.partitions,
        Ok(_) => return control.fail("slurm_load_partitions error: Unexpected message received"),
        Err(refusal) => return control.fail(&format!("slurm_load_partitions error: {}", refusal.text)),
    };
    let shown: Vec<_> = partitions.iter().filter(|partition| id.is_none_or(|id| partition.name == id)).collect();
    match (shown.is_empty(), id) {
        (true, Some(id)) => control.print(&format!("Partition {id} not found\n")) | 1,
        (true, None) => control.print("No partitions in the system\n"),
        _ => {
            control.print(&shown.iter().map(|partition| show::partition(partition, &control.form)).collect::<String>())
        }
    }
}
