//! Licences of the cluster: `matlab:2,ansys`.

use std::collections::BTreeMap;

use super::state::Cluster;

/// Name and count of each; one where no count is given. Equal names add up.
pub fn parse(text: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for license in text.split([',', ';']).filter(|license| !license.is_empty()) {
        let (name, count) = license.rsplit_once([':', '=']).unwrap_or((license, "1"));
        let count: u64 = count.parse().unwrap_or(1);
        let total: &mut u64 = counts.entry(name.to_owned()).or_default();
        *total = total.saturating_add(count);
    }
    counts
}

impl Cluster {
    /// Licences that live attempts hold until their work has ended.
    pub fn licences_used(&self) -> &BTreeMap<String, u64> {
        &self.index.licences
    }

    pub(super) fn licences_fit(&self, text: &str) -> bool {
        let Some(settings) = self.settings() else { return text.is_empty() };
        parse(text).iter().all(|(name, wanted)| {
            let total = settings.licenses.get(name).copied().unwrap_or(0);
            let used = self.index.licences.get(name).copied().unwrap_or(0);
            used.saturating_add(*wanted) <= total
        })
    }
}
