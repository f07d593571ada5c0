//! `UpdateNode`, `UpdatePartition`: what operators change by `scontrol update`.

use muster_dialect::errno;
use muster_dialect::state::NodeUpdate;
use muster_proto::durable::{NodeBase, Origin, PartitionRow, UpdateNode, UpdatePartition};

use super::changes::{Event, Table};
use super::config::Partition;
use super::node::clear_reason;
use super::ruling::{Refusal, Ruling, done, require_admin};
use super::state::Cluster;

impl Cluster {
    pub(super) fn update_node(&mut self, origin: &Origin, command: &UpdateNode) -> Ruling {
        require_admin(origin)?;
        let names = muster_dialect::hostlist::parse(&command.names).map_err(|_| errno::ESLURM_INVALID_NODE_NAME)?;
        let mut indexes = Vec::new();
        for name in &names {
            indexes.push(self.node_by_name(name).ok_or(errno::ESLURM_INVALID_NODE_NAME)?.index());
        }
        let wish = match command.state.as_str() {
            "" => None,
            state => Some(NodeUpdate::parse(state).ok_or(errno::ESLURM_INVALID_NODE_STATE)?),
        };
        let has_reason = command.reason.as_ref().is_some_and(|reason| !reason.is_empty());
        if wish.is_some_and(NodeUpdate::needs_reason) && !has_reason {
            let text = "You must specify a reason when DOWNING or DRAINING a node. Request denied";
            return Err(Refusal::new(errno::ESLURM_INVALID_NODE_STATE, text));
        }
        for index in &indexes {
            self.check_wish(*index, wish)?;
        }
        for index in indexes {
            self.change_node(origin, command, index);
            self.grant_wish(origin, index, wish);
        }
        self.events.push(Event::ScheduleAgain);
        Ok(done())
    }

    /// Not all states are valid given a node's prior state.
    fn check_wish(&self, index: u32, wish: Option<NodeUpdate>) -> Result<(), Refusal> {
        let Some(row) = self.node(index).map(|node| &node.row) else { return Ok(()) };
        let down = row.base() == NodeBase::Down;
        let allowed = match wish {
            None
            | Some(
                NodeUpdate::Down | NodeUpdate::Drain | NodeUpdate::Fail | NodeUpdate::NoResp | NodeUpdate::Undrain,
            ) => true,
            Some(NodeUpdate::Resume) => down || row.drain || row.fail || row.not_responding,
            Some(NodeUpdate::Idle) => row.epoch != 0 || row.base() == NodeBase::Future,
            Some(NodeUpdate::Future) => down || row.epoch == 0,
            Some(
                NodeUpdate::PowerDown | NodeUpdate::PowerDownAsap | NodeUpdate::PowerDownForce | NodeUpdate::PowerUp,
            ) => return Err(errno::ESLURM_NOT_SUPPORTED.into()),
        };
        if allowed { Ok(()) } else { Err(errno::ESLURM_INVALID_NODE_STATE.into()) }
    }

    fn change_node(&mut self, origin: &Origin, command: &UpdateNode, index: u32) {
        let now = self.now_ms();
        self.edit_node(index, |row| {
            if let Some(reason) = &command.reason {
                row.reason.clone_from(reason);
                row.reason_uid = origin.uid;
                row.reason_ms = now;
                row.drain_auto.clear();
            }
            row.weight = command.weight.or(row.weight);
            for (new, field) in [
                (&command.features, &mut row.features),
                (&command.active_features, &mut row.active_features),
                (&command.gres, &mut row.gres),
                (&command.comment, &mut row.comment),
                (&command.extra, &mut row.extra),
            ] {
                if new.is_some() {
                    field.clone_from(new);
                }
            }
            if let Some(address) = &command.address {
                row.address.clone_from(address);
            }
        });
    }

    fn grant_wish(&mut self, _origin: &Origin, index: u32, wish: Option<NodeUpdate>) {
        self.edit_node(index, |row| match wish {
            Some(NodeUpdate::Drain) => row.drain = true,
            Some(NodeUpdate::Fail) => row.fail = true,
            Some(NodeUpdate::Down) => row.set_base(NodeBase::Down),
            Some(NodeUpdate::Future) => row.set_base(NodeBase::Future),
            Some(NodeUpdate::NoResp) => row.not_responding = true,
            Some(NodeUpdate::Undrain) => {
                row.drain = false;
                clear_reason(row);
            }
            Some(NodeUpdate::Resume | NodeUpdate::Idle) => {
                row.drain = false;
                row.fail = false;
                row.set_base(if row.epoch == 0 { NodeBase::Unknown } else { NodeBase::Up });
                clear_reason(row);
            }
            Some(
                NodeUpdate::PowerDown | NodeUpdate::PowerDownAsap | NodeUpdate::PowerDownForce | NodeUpdate::PowerUp,
            )
            | None => {}
        });
        if wish == Some(NodeUpdate::Down) {
            // It may well answer: its shares are ended there as elsewhere, and wait for its report.
            for uid in self.shares_of(index) {
                self.end_for_node_failure(uid, index);
            }
        }
    }

    pub(super) fn update_partition(&mut self, origin: &Origin, command: &UpdatePartition) -> Ruling {
        require_admin(origin)?;
        let known = self.partition(&command.name).cloned();
        match (&known, command.create) {
            (None, false) => return Err(errno::ESLURM_INVALID_PARTITION_NAME.into()),
            (Some(_), true) => {
                return Err(Refusal::new(errno::ESLURM_INVALID_PARTITION_NAME, "the partition exists"));
            }
            (None, true) | (Some(_), false) => {}
        }
        let in_use = |cluster: &Self| {
            cluster.active_jobs().any(|job| job.row.last_partition == command.name)
                || cluster.startable_jobs().any(|job| job.spec().partitions.split(',').any(|name| name == command.name))
        };
        if command.delete && in_use(self) {
            return Err(errno::ESLURM_PARTITION_IN_USE.into());
        }
        let mut changed = known.map_or_else(|| Partition::empty(&command.name, 0), |partition| (*partition).clone());
        let names = self.node_names.clone();
        changed.lay_over(&command.keys, &names).map_err(|(error, text)| Refusal::new(error, text))?;
        let mut row = self.partition_rows.get(&command.name).cloned().unwrap_or_default();
        row = PartitionRow { name: command.name.clone(), deleted: command.delete, ..row };
        row.created |= command.create;
        if command.create || command.delete {
            row.keys.clear();
        }
        row.keys.extend(command.keys.iter().map(|(key, text)| (key.to_ascii_lowercase(), text.clone())));
        self.ledger.touch(Table::Partitions, command.name.as_bytes().to_vec());
        self.partition_rows.insert(command.name.clone(), row);
        self.rebuild_partitions();
        self.events.push(Event::ScheduleAgain);
        Ok(done())
    }
}
