//! Resource limits that a job inherits: `--propagate`, `PropagateResourceLimits`. What `…Except` leaves is worked out
//! where the configuration is read.

use muster_proto::durable::RLimit;
use rustix::process::{Resource, getrlimit};
use thiserror::Error;

/// Name as in `SLURM_RLIMIT_*`, in the order of Slurm's manual.
const LIMITS: [(&str, Resource); 10] = [
    ("CPU", Resource::Cpu),
    ("FSIZE", Resource::Fsize),
    ("DATA", Resource::Data),
    ("STACK", Resource::Stack),
    ("CORE", Resource::Core),
    ("RSS", Resource::Rss),
    ("NPROC", Resource::Nproc),
    ("NOFILE", Resource::Nofile),
    ("MEMLOCK", Resource::Memlock),
    ("AS", Resource::As),
];

/// A name that is no limit.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("Bad rlimit name: {0}")]
pub(crate) struct LimitError(pub String);

/// Which limits go along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Propagate {
    /// All of them.
    All,
    /// None.
    None,
    /// These, by name.
    Only(Vec<String>),
}

impl Propagate {
    /// `ALL`, `NONE`, or names separated by commas, with or without `RLIMIT_`.
    ///
    /// # Errors
    /// A name that is no limit.
    pub(crate) fn parse(text: &str) -> Result<Self, LimitError> {
        match text.to_ascii_uppercase().as_str() {
            "" | "ALL" => Ok(Self::All),
            "NONE" => Ok(Self::None),
            _ => names(text).map(Self::Only),
        }
    }

    fn takes(&self, name: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|n| n == name);
        match self {
            Self::All => true,
            Self::None => false,
            Self::Only(list) => named(list),
        }
    }
}

fn names(text: &str) -> Result<Vec<String>, LimitError> {
    let each = |word: &str| {
        let upper = word.trim().to_ascii_uppercase();
        let bare = upper.strip_prefix("RLIMIT_").unwrap_or(&upper).to_owned();
        let known = LIMITS.iter().any(|(name, _)| *name == bare);
        if known { Ok(bare) } else { Err(LimitError(word.to_owned())) }
    };
    text.split(',').map(each).collect()
}

/// The soft limits of this process, as far as `propagate` lets them go along.
#[must_use]
pub(crate) fn captured(propagate: &Propagate) -> Vec<RLimit> {
    let taken = LIMITS.iter().filter(|(name, _)| propagate.takes(name));
    taken
        .map(|(name, resource)| RLimit {
            name: (*name).to_owned(),
            soft: getrlimit(*resource).current.unwrap_or(u64::MAX),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_with_and_without_their_prefix() {
        assert_eq!(
            Propagate::parse("stack,RLIMIT_NOFILE"),
            Ok(Propagate::Only(vec!["STACK".to_owned(), "NOFILE".to_owned()]))
        );
        assert_eq!(Propagate::parse("all"), Ok(Propagate::All));
        assert_eq!(Propagate::parse("x"), Err(LimitError("x".to_owned())));
    }

    #[test]
    fn only_what_was_asked_for_goes_along() {
        let names = |p: &Propagate| captured(p).into_iter().map(|l| l.name).collect::<Vec<_>>();
        assert_eq!(names(&Propagate::parse("CORE").expect("a limit")), ["CORE"]);
        assert!(names(&Propagate::None).is_empty());
        assert_eq!(names(&Propagate::All).len(), LIMITS.len());
    }
}
