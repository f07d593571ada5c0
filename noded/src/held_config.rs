//! The cluster's configuration as a leader handed it over last. Kept in the spool, so that neither a daemon that starts again nor a
//! crowd of nodes that lost their leader has to be told it anew.
//!
//! It decides nothing here: a node reads its own slurm.conf. Whoever does not have the whole of a version says that it has none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_proto::wire::{Authority, HeldConfig, Registered};
use prost::Message;
use tracing::warn;

use crate::JournalStore;

/// The files in a store of one record, which of them in memory.
pub(crate) struct ConfigHeld {
    store: Arc<dyn JournalStore>,
    which: Mutex<Option<HeldConfig>>,
}

impl ConfigHeld {
    /// What an earlier run of this daemon was handed. What cannot be read is asked for again.
    pub(crate) fn open(store: Arc<dyn JournalStore>) -> Self {
        let loaded = store.load().unwrap_or_else(|e| {
            warn!("the configuration that this node holds cannot be read, and is asked for: {e}");
            Default::default()
        });
        let which = loaded.records.first().and_then(|bytes| which(&Registered::decode(&bytes[..]).ok()?));
        Self { store, which: Mutex::new(which) }
    }

    /// Which version of which cluster and generation.
    pub(crate) fn which(&self) -> Option<HeldConfig> {
        self.lock().clone()
    }

    /// Keeps the files that came with a registration, if any did.
    pub(crate) fn keep(&self, registered: &mut Registered) {
        let Some(files) = registered.config.take() else { return };
        let authority = registered.authority.clone().unwrap_or_default();
        let record = Registered {
            authority: Some(Authority { term: 0, ..authority }),
            config_version: registered.config_version,
            config: Some(files),
            cluster: registered.cluster.clone(),
            ..Registered::default()
        };
        let kept = self.store.replace(&[record.encode_to_vec()]);
        if let Err(e) = &kept {
            warn!("the configuration cannot be kept, and will be asked for again: {e}");
        }
        *self.lock() = kept.ok().and_then(|()| which(&record));
    }

    fn lock(&self) -> MutexGuard<'_, Option<HeldConfig>> {
        self.which.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn which(kept: &Registered) -> Option<HeldConfig> {
    let authority = kept.authority.as_ref().filter(|_| kept.config.is_some())?;
    let (cluster_id, generation) = (authority.cluster_id.clone(), authority.generation);
    Some(HeldConfig { cluster_id, generation, version: kept.config_version })
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::{ConfigFile, ConfigFiles};

    use super::*;
    use crate::journal::{FileJournal, MemoryJournal};

    fn registered(version: u64) -> Registered {
        let file = ConfigFile { path: "slurm.conf".into(), text: "ClusterName=x\n".into() };
        Registered {
            authority: Some(Authority { cluster_id: vec![7; 16].into(), generation: 2, term: 5 }),
            config_version: version,
            config: Some(ConfigFiles { files: vec![file] }),
            ..Registered::default()
        }
    }

    fn held(version: u64) -> Option<HeldConfig> {
        Some(HeldConfig { cluster_id: vec![7; 16].into(), generation: 2, version })
    }

    #[test]
    fn what_was_handed_over_is_held_over_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let open = || ConfigHeld::open(Arc::new(FileJournal::open(&dir.path().join("config")).unwrap()));
        let first = open();
        assert_eq!(first.which(), None);
        first.keep(&mut registered(3));
        assert_eq!((first.which(), open().which()), (held(3), held(3)));
        first.keep(&mut Registered { config: None, ..registered(4) });
        assert_eq!(first.which(), held(3), "a version that was not handed over is not held");
        first.keep(&mut registered(4));
        assert_eq!(open().which(), held(4));
    }

    #[test]
    fn what_cannot_be_kept_or_read_is_not_held() {
        let store = MemoryJournal::default();
        let config = ConfigHeld::open(Arc::new(store.clone()));
        config.keep(&mut registered(3));
        store.make_fail(true);
        config.keep(&mut registered(4));
        assert_eq!(config.which(), None);
        store.make_fail(false);
        store.replace(&[b"\xff\xff".to_vec()]).unwrap();
        assert_eq!(ConfigHeld::open(Arc::new(store)).which(), None);
    }
}
