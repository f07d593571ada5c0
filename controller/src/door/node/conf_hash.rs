//! What nodes' copies of slurm.conf are compared with.

use std::sync::{Mutex, PoisonError};

use muster_dialect::conf::fingerprint;
use muster_model::cluster::InForce;

/// The fingerprint of the configuration that was asked for last: ten thousand nodes ask for the same.
#[derive(Default)]
pub(crate) struct ConfHashes(Mutex<Option<(u64, u64)>>);

impl ConfHashes {
    pub(crate) fn of(&self, config: &InForce) -> u64 {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((version, hash)) = *last
            && version == config.version
        {
            return hash;
        }
        let hash = fingerprint(config.files.files.iter().map(|file| (&file.path[..], &file.text[..])));
        *last = Some((config.version, hash));
        hash
    }
}
