//! A compact copy of what planning needs, taken from the cluster at one index.

use std::collections::BTreeMap;
use std::sync::Arc;

use muster_proto::durable::{NodeShare, Request, TaskRange};

use super::licences::LicencesFree;
use super::site::Site;
use crate::cluster::resources::NodeFree;

/// What many jobs ask alike; jobs of one shape fit, or do not fit, together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// Resources.
    pub request: Request,
    /// Partitions to try.
    pub partitions: Vec<String>,
    /// In seconds; `None`: the partition's default. `u32::MAX`: unlimited.
    pub time_limit_s: Option<u32>,
    /// For `AllowAccounts`.
    pub account: String,
    /// For `AllowQos`.
    pub qos: String,
    /// Who: for `--exclusive=user`, `RootOnly` and such.
    pub user: u32,
    /// Names of the user's groups, for `AllowGroups`.
    pub groups: Vec<String>,
}

/// Whether the jobs that a job depends on let it start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DependsOn {
    /// Nothing holds it.
    #[default]
    Met,
    /// It has to wait.
    Waits,
    /// It can never start.
    Never,
}

/// What the row says already: only changes are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Reason code.
    pub reason: u32,
    /// Text shown instead of the reason.
    pub detail: String,
    /// 0: none.
    pub estimated_start_ms: u64,
    /// Host list.
    pub estimated_nodes: String,
}

/// A job, or array, with something to start.
#[derive(Clone, Debug, Default)]
pub struct Job {
    /// Its uid.
    pub uid: u64,
    /// Higher first.
    pub priority: u32,
    /// Place in [`View::shapes`].
    pub shape: u32,
    /// By its user or an administrator.
    pub held: bool,
    /// Dependencies.
    pub depends_on: DependsOn,
    /// Not before; 0: at once.
    pub begin_ms: u64,
    /// Not after; 0: never mind.
    pub deadline_ms: u64,
    /// Of an array: tasks without a record of their own.
    pub tasks: Option<Vec<TaskRange>>,
    /// Of an array: how many more may run at once; `u32::MAX`: no limit.
    pub array_room: u32,
    /// What its row says.
    pub shown: Shown,
}

/// What a started job holds until its time limit ends it.
#[derive(Clone, Debug, Default)]
pub struct Running {
    /// Its uid.
    pub uid: u64,
    /// Of which partition.
    pub partition: String,
    /// Whose.
    pub user: u32,
    /// It asked for `--exclusive=user`.
    pub user_exclusive: bool,
    /// When its time limit ends it.
    pub end_ms: u64,
    /// Shares that are still taken, with their slots.
    pub shares: Vec<(u32, NodeShare)>,
    /// Licences that it holds.
    pub licences: Vec<(String, u64)>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// Applied index that it was taken at.
    pub index: u64,
    /// Cluster time.
    pub now_ms: u64,
    /// What rarely changes.
    pub site: Arc<Site>,
    /// By slot: what is free.
    pub free: Vec<NodeFree>,
    /// By slot: whether new work may be placed there.
    pub usable: Vec<bool>,
    /// Licences that nobody holds.
    pub licences: LicencesFree,
    /// See [`Shape`].
    pub shapes: Vec<Arc<Shape>>,
    /// In any order.
    pub jobs: Vec<Job>,
    /// Others wait behind them: where something was started, another pass is worth its while.
    pub more: bool,
    /// In any order.
    pub running: Vec<Running>,
}

/// Gives equal shapes one number.
#[derive(Default)]
pub(super) struct Shapes {
    known: BTreeMap<u64, u32>,
    list: Vec<Arc<Shape>>,
    /// Jobs of one shape often come together.
    last: Option<(u64, u32)>,
}

impl Shapes {
    /// `number` is the same for equal shapes.
    pub(super) fn place(&mut self, number: u64, shape: &Arc<Shape>) -> u32 {
        if let Some((_, place)) = self.last.filter(|(last, _)| *last == number) {
            return place;
        }
        let list = &mut self.list;
        let place = *self.known.entry(number).or_insert_with(|| {
            list.push(shape.clone());
            list.len() as u32 - 1
        });
        self.last = Some((number, place));
        place
    }

    pub(super) fn into_list(self) -> Vec<Arc<Shape>> {
        self.list
    }
}

impl Shape {
    /// Equal for equal shapes alone.
    pub(crate) fn key(&self) -> Vec<u8> {
        use prost::Message as _;
        let mut key = self.request.encode_length_delimited_to_vec();
        key.extend(self.user.to_le_bytes());
        key.extend(u64::from(self.time_limit_s.unwrap_or(0)).to_le_bytes());
        key.push(u8::from(self.time_limit_s.is_some()));
        key.extend((self.partitions.len() as u64).to_le_bytes());
        for text in self.partitions.iter().chain([&self.account, &self.qos]).chain(&self.groups) {
            key.extend((text.len() as u64).to_le_bytes());
            key.extend(text.as_bytes());
        }
        key
    }
}
