//! Licences: counts of the whole cluster that jobs hold while they run.

use std::collections::BTreeMap;

/// Most names of one request that are read.
const NAMES_MAX: usize = 64;

/// Reads `matlab:2,ansys` (a count may also follow `=` or `*`). `None`: not a request.
///
/// `a|b` (one of them) is not served: it is no request either.
pub(super) fn parse(text: &str) -> Option<Vec<(String, u64)>> {
    let mut asked = Vec::new();
    for entry in text.split([',', ';']).map(str::trim).filter(|e| !e.is_empty()) {
        let (name, count) = match entry.split_once([':', '=', '*']) {
            Some((name, count)) => (name, count.parse().ok()?),
            None => (entry, 1),
        };
        if name.is_empty() || name.contains('|') || asked.len() == NAMES_MAX {
            return None;
        }
        asked.push((name.to_string(), count));
    }
    Some(asked)
}

/// Free licences by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LicencesFree(pub BTreeMap<String, u64>);

impl LicencesFree {
    /// Whether all of `asked` are free.
    pub fn has(&self, asked: &[(String, u64)]) -> bool {
        asked.iter().all(|(name, count)| self.0.get(name).is_some_and(|free| free >= count))
    }

    /// Takes them: what is more than free leaves none.
    pub fn take(&mut self, asked: &[(String, u64)]) {
        for (name, count) in asked {
            if let Some(free) = self.0.get_mut(name) {
                *free = free.saturating_sub(*count);
            }
        }
    }

    /// Gives them back.
    pub fn give(&mut self, asked: &[(String, u64)]) {
        for (name, count) in asked {
            if let Some(free) = self.0.get_mut(name) {
                *free = free.saturating_add(*count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_counted() {
        assert_eq!(parse("matlab:2,ansys"), Some(vec![("matlab".into(), 2), ("ansys".into(), 1)]));
        assert_eq!(parse("a|b"), None);
        assert_eq!(parse("a:x"), None);
        let mut free = LicencesFree([("matlab".to_string(), 2)].into());
        let asked = parse("matlab:2").unwrap();
        assert!(free.has(&asked));
        free.take(&asked);
        assert!(!free.has(&asked));
        assert!(!free.has(&[("nosuch".into(), 1)]));
        free.give(&asked);
        assert!(free.has(&asked));
    }
}
