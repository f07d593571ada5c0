//! What the site's people change while its cluster runs: who the controllers are, slurm.conf, programs, disks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use super::site::Shape;

/// Of programs at the start of a run that has upgrades.
pub(crate) const OLD_LEVEL: u32 = 1;
/// Of their successors.
pub(crate) const NEW_LEVEL: u32 = 2;

/// Shared by hosts, the storm and clients. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Changes(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    /// Who shall be a replica, in the order of slurm.conf.
    members: Vec<String>,
    /// Who was one once.
    were: BTreeSet<String>,
    /// How often slurm.conf was edited.
    edits: u32,
    levels: BTreeMap<String, u32>,
    /// Controllers that got the old program back.
    put_back: BTreeSet<String>,
    /// Whether somebody wishes that the new level be put in force.
    level_wanted: bool,
    /// Whether fence.conf may say what older programs do not know.
    new_words: bool,
    /// Controllers whose disk fails: they may end by themselves.
    ill: BTreeMap<String, u32>,
    disks_replaced: u64,
}

impl Changes {
    /// Of a run's beginning.
    pub(crate) fn new(shape: &Shape) -> Self {
        let members = shape.controllers();
        let level = |name: String| (name, if shape.upgrades() { OLD_LEVEL } else { NEW_LEVEL });
        let levels = members.iter().cloned().map(level).collect();
        let new_words = !shape.upgrades();
        Self(Arc::new(Mutex::new(Inner { members, levels, new_words, ..Inner::default() })))
    }

    /// Who shall be a replica.
    pub(crate) fn members(&self) -> Vec<String> {
        self.inner().members.clone()
    }

    /// Whether `name` shall.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.inner().members.iter().any(|member| member == name)
    }

    /// `name` shall; its program is a new one.
    pub(crate) fn add(&self, name: &str) {
        let mut inner = self.inner();
        inner.members.push(name.to_owned());
        inner.levels.insert(name.to_owned(), NEW_LEVEL);
        inner.edits += 1;
    }

    /// `name` shall not any more.
    pub(crate) fn remove(&self, name: &str) {
        let mut inner = self.inner();
        inner.were.insert(name.to_owned());
        inner.members.retain(|member| member != name);
        inner.edits += 1;
    }

    /// Whether `name` was one, and is not any more.
    pub(crate) fn was_member(&self, name: &str) -> bool {
        self.inner().were.contains(name)
    }

    /// slurm.conf is edited.
    pub(crate) fn edit(&self) {
        self.inner().edits += 1;
    }

    /// How often it was.
    pub(crate) fn edits(&self) -> u32 {
        self.inner().edits
    }

    /// The newest feature level of the program on `name`'s host.
    pub(crate) fn level(&self, name: &str) -> u32 {
        self.inner().levels.get(name).copied().unwrap_or(NEW_LEVEL)
    }

    /// A new program is installed there. Whether it is newer.
    pub(crate) fn upgrade(&self, name: &str) -> bool {
        let mut inner = self.inner();
        inner.put_back.remove(name);
        inner.levels.insert(name.to_owned(), NEW_LEVEL) == Some(OLD_LEVEL)
    }

    /// The old program is put back there. Whether it was gone.
    pub(crate) fn downgrade(&self, name: &str) -> bool {
        let mut inner = self.inner();
        let newer = inner.levels.insert(name.to_owned(), OLD_LEVEL) == Some(NEW_LEVEL);
        if newer {
            inner.put_back.insert(name.to_owned());
        }
        newer
    }

    /// Whether `name` had the new program once, and has the old one now.
    pub(crate) fn came_back_old(&self, name: &str) -> bool {
        self.inner().put_back.contains(name)
    }

    /// The new level is to be put in force.
    pub(crate) fn want_level(&self) {
        self.inner().level_wanted = true;
    }

    /// Whether it is.
    pub(crate) fn is_level_wanted(&self) -> bool {
        self.inner().level_wanted
    }

    /// The new level is in force: the site's files may use what came with it.
    pub(crate) fn write_new_words(&self) {
        self.inner().new_words = true;
    }

    /// Whether they do.
    pub(crate) fn has_new_words(&self) -> bool {
        self.inner().new_words
    }

    /// Whether `name` ended, saying `why`, because its program is older than what is in force.
    pub(crate) fn is_too_old(&self, name: &str, why: &str) -> bool {
        self.level(name) == OLD_LEVEL && why.contains("feature level")
    }

    /// Whether every controller has the new program.
    pub(crate) fn all_upgraded(&self) -> bool {
        let inner = self.inner();
        inner.members.iter().all(|name| inner.levels.get(name) == Some(&NEW_LEVEL))
    }

    /// The disk of `name` fails from now on, or no longer.
    pub(crate) fn set_ill(&self, name: &str, ill: bool) {
        let mut inner = self.inner();
        let count = inner.ill.entry(name.to_owned()).or_default();
        *count = if ill { *count + 1 } else { count.saturating_sub(1) };
    }

    /// Whether anybody's does.
    pub(crate) fn anybody_ill(&self) -> bool {
        self.inner().ill.values().any(|count| *count > 0)
    }

    /// Whether `name` may end by itself: its disk fails, or it was removed.
    pub(crate) fn excuse(&self, name: &str) -> bool {
        let inner = self.inner();
        inner.ill.get(name).is_some_and(|count| *count > 0) || !inner.members.iter().any(|member| member == name)
    }

    /// A number for a new disk.
    pub(crate) fn next_disk(&self) -> u64 {
        let mut inner = self.inner();
        inner.disks_replaced += 1;
        inner.disks_replaced
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock panics")
    }
}
