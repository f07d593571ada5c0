//! Job dependencies: `afterok:12:13+5,afterany:4`, `singleton`.

use std::fmt;

use thiserror::Error;

/// Most terms of one list.
pub const TERMS_MAX: usize = 4_096;
/// Longest delay, in minutes.
const DELAY_MINUTES_MAX: u32 = 60 * 24 * 366;

/// What must have happened to the other job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Started or cancelled.
    After,
    /// Ended.
    AfterAny,
    /// Ended and its burst buffer was staged out.
    AfterBurstBuffer,
    /// The task with the same id ended well.
    AfterCorr,
    /// Ended badly.
    AfterNotOk,
    /// Ended well.
    AfterOk,
    /// Runs, and this job's resources are to be added to it.
    Expand,
    /// No other job of this name and user.
    Singleton,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::After,
        Kind::AfterAny,
        Kind::AfterBurstBuffer,
        Kind::AfterCorr,
        Kind::AfterNotOk,
        Kind::AfterOk,
        Kind::Expand,
        Kind::Singleton,
    ];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::After => "after",
            Self::AfterAny => "afterany",
            Self::AfterBurstBuffer => "afterburstbuffer",
            Self::AfterCorr => "aftercorr",
            Self::AfterNotOk => "afternotok",
            Self::AfterOk => "afterok",
            Self::Expand => "expand",
            Self::Singleton => "singleton",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(text))
    }
}

/// The job that a term waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    pub job: u32,
    pub tasks: Tasks,
}

/// Which tasks of the other job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tasks {
    /// The job, as written without a task. Whoever knows that it is an array turns this into `All`.
    Job,
    One(u32),
    All,
}

/// One thing to wait for. Fulfilled ones are no longer listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Term {
    pub kind: Kind,
    /// Nothing for `singleton` only.
    pub target: Option<Target>,
    /// `+minutes` after the other job began or ended.
    pub delay_minutes: u32,
    /// It can never be fulfilled any more.
    pub failed: bool,
}

/// The terms of a job: all must be fulfilled, or any.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct DependencyList {
    /// Without duplicates, in the order written.
    pub terms: Vec<Term>,
    /// `?` instead of `,`.
    pub any: bool,
}

/// Not a dependency list. `position` is the byte where the bad term starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Job dependency problem")]
pub struct DependencyError {
    pub position: usize,
}

impl DependencyList {
    /// An empty text is an empty list; a bare job id means `afterany`. One `?` makes the whole list alternatives.
    pub fn parse(text: &str) -> Result<Self, DependencyError> {
        let mut list = Self { terms: Vec::new(), any: text.contains('?') };
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let mut at = 0;
        for part in text.split([',', '?']) {
            for term in parse_part(part).ok_or(DependencyError { position: at })? {
                if list.terms.contains(&term) {
                    continue;
                }
                if list.terms.len() == TERMS_MAX {
                    return Err(DependencyError { position: at });
                }
                list.terms.push(term);
            }
            at += part.len() + 1;
        }
        Ok(list)
    }
}

fn parse_part(text: &str) -> Option<Vec<Term>> {
    let mut pieces = text.split(':').map(str::trim);
    let first = pieces.next()?;
    let Some(kind) = Kind::parse(first) else {
        return (pieces.next().is_none()).then(|| term(Kind::AfterAny, first).map(|t| vec![t]))?;
    };
    let targets: Vec<&str> = pieces.collect();
    match (kind, targets.is_empty()) {
        (Kind::Singleton, true) => Some(vec![Term { kind, target: None, delay_minutes: 0, failed: false }]),
        (Kind::Singleton, false) | (_, true) => None,
        (_, false) => targets.into_iter().map(|target| term(kind, target)).collect(),
    }
}

/// `12`, `12_3`, `12_*`, `12+5`.
fn term(kind: Kind, text: &str) -> Option<Term> {
    let (id, delay_minutes) = match text.split_once('+') {
        Some((id, delay)) => (id, number(delay).filter(|d| (1..=DELAY_MINUTES_MAX).contains(d))?),
        None => (text, 0),
    };
    let (job, tasks) = match id.split_once('_') {
        Some((job, "*")) => (job, Tasks::All),
        Some((job, task)) => (job, Tasks::One(number(task)?)),
        None => (id, Tasks::Job),
    };
    let job = number(job).filter(|job| (1..=u32::MAX - 2).contains(job))?;
    Some(Term { kind, target: Some(Target { job, tasks }), delay_minutes, failed: false })
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// As submitted, with no remark on what is fulfilled: reads back.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if let Some(target) = self.target {
            write!(f, ":{}", target.job)?;
            match target.tasks {
                Tasks::Job => {}
                Tasks::One(task) => write!(f, "_{task}")?,
                Tasks::All => f.write_str("_*")?,
            }
        }
        if self.delay_minutes > 0 {
            write!(f, "+{}", self.delay_minutes)?;
        }
        Ok(())
    }
}

impl DependencyList {
    /// `afterok:12(unfulfilled),afterany:13(failed)`: scontrol's `Dependency=`. Empty lists are the caller's `(null)`.
    #[must_use]
    pub fn print_with_state(&self) -> String {
        let state = |t: &Term| if t.failed { "failed" } else { "unfulfilled" };
        self.join(|t| format!("{t}({})", state(t)))
    }

    fn join(&self, print: impl Fn(&Term) -> String) -> String {
        let separator = if self.any { "?" } else { "," };
        self.terms.iter().map(print).collect::<Vec<_>>().join(separator)
    }
}

impl fmt::Display for DependencyList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join(Term::to_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_print_as_scontrol_prints_them() {
        for (text, shown) in [
            ("afterok:72", "afterok:72(unfulfilled)"),
            ("afterok:72:73", "afterok:72(unfulfilled),afterok:73(unfulfilled)"),
            ("after:72+5", "after:72+5(unfulfilled)"),
            ("afterany:72?afterok:73", "afterany:72(unfulfilled)?afterok:73(unfulfilled)"),
            (
                "afterok:72,afterok:73?singleton",
                "afterok:72(unfulfilled)?afterok:73(unfulfilled)?singleton(unfulfilled)",
            ),
            ("singleton", "singleton(unfulfilled)"),
            ("afterok:74_1:74_*", "afterok:74_1(unfulfilled),afterok:74_*(unfulfilled)"),
            ("AFTEROK:72,afterok:72", "afterok:72(unfulfilled)"),
            ("72", "afterany:72(unfulfilled)"),
            ("after:72:73+3", "after:72(unfulfilled),after:73+3(unfulfilled)"),
            ("afterok: 72", "afterok:72(unfulfilled)"),
            ("", ""),
        ] {
            let list = DependencyList::parse(text).unwrap();
            assert_eq!(list.print_with_state(), shown, "{text}");
            assert_eq!(DependencyList::parse(&list.to_string()), Ok(list));
        }
        let mut failed = DependencyList::parse("afterok:162").unwrap();
        failed.terms[0].failed = true;
        assert_eq!(failed.print_with_state(), "afterok:162(failed)");
    }

    #[test]
    fn what_is_no_dependency_says_where() {
        for (text, position) in [
            ("afterok:", 0),
            ("afterok", 0),
            ("nosuch:1", 0),
            ("afterok:abc", 0),
            ("afterok:72,", 11),
            ("afterok:72,?afterok:73", 11),
            ("after:72+0", 0),
            ("singleton:72", 0),
            ("none", 0),
            ("afterok:0", 0),
            ("afterok:-1", 0),
            ("1:2", 0),
        ] {
            assert_eq!(DependencyList::parse(text), Err(DependencyError { position }), "{text}");
        }
    }
}
