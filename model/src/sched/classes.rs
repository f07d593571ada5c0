//! Nodes of the same make, told apart once: what can never fit a node of a class fits none of them.

use std::collections::BTreeMap;

use crate::cluster::resources::{GresKind, NodeTotal};

/// A make of nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// What each has.
    pub total: NodeTotal,
    /// Active features, as the site lists them.
    pub features: Vec<String>,
}

type Devices = Vec<(GresKind, u64, Vec<u8>)>;
type Key = ([u32; 5], [u64; 2], Devices, Vec<String>);

/// Collects classes while a site is read.
#[derive(Default)]
pub(super) struct Classes {
    known: BTreeMap<Key, u32>,
    list: Vec<Class>,
}

impl Classes {
    /// The number of the class of such a node.
    pub(super) fn of(&mut self, total: &NodeTotal, features: &str) -> u32 {
        let features: Vec<String> =
            features.split(',').map(str::trim).filter(|f| !f.is_empty()).map(String::from).collect();
        let list = &mut self.list;
        *self.known.entry(key(total, &features)).or_insert_with(|| {
            list.push(Class { total: total.clone(), features });
            list.len() as u32 - 1
        })
    }

    pub(super) fn into_list(self) -> Vec<Class> {
        self.list
    }
}

fn key(total: &NodeTotal, features: &[String]) -> Key {
    let devices = total.gres.iter().map(|(kind, g)| (kind.clone(), g.count, g.indices.to_bytes())).collect();
    let shape = [total.sockets, total.cores_per_socket, total.threads_per_core, total.cores, total.cpus];
    (shape, [total.mem_mib, total.tmp_disk_mib], devices, features.to_vec())
}
