//! `--dependency`: the list as the contract has it.

use muster_dialect::dependency::{DependencyList, Kind, Target, Tasks, Term};
use muster_dialect::errno::ESLURM_DEPENDENCY;
use muster_proto::durable::dependency_term::Kind as WireKind;
use muster_proto::durable::{Dependency, DependencyTerm};

use super::bad::Bad;

/// The terms; none for an empty text.
pub(super) fn parse(text: &str) -> Result<Option<Dependency>, Bad> {
    let list = DependencyList::parse(text).map_err(|_| Bad::Submission(ESLURM_DEPENDENCY))?;
    if list.terms.is_empty() {
        return Ok(None);
    }
    let terms = list
        .terms
        .iter()
        .map(term)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Bad::NotBuilt("dependency=expand".into()))?;
    Ok(Some(Dependency { terms, any: list.any }))
}

/// As `scontrol update Dependency=` takes it: an empty list ends all dependencies; `None`: not a list.
pub(crate) fn dependency_of(text: &str) -> Option<Dependency> {
    parse(text).ok().map(Option::unwrap_or_default)
}

fn term(term: &Term) -> Option<DependencyTerm> {
    let kind = match term.kind {
        Kind::After => WireKind::After,
        Kind::AfterAny => WireKind::AfterAny,
        Kind::AfterBurstBuffer => WireKind::AfterBurstBuffer,
        Kind::AfterCorr => WireKind::AfterCorr,
        Kind::AfterNotOk => WireKind::AfterNotOk,
        Kind::AfterOk => WireKind::AfterOk,
        Kind::Singleton => WireKind::Singleton,
        Kind::Expand => return None,
    };
    let task = |target: Target| match target.tasks {
        Tasks::One(task) => Some(task),
        Tasks::Job | Tasks::All => None,
    };
    Some(DependencyTerm {
        kind: kind.into(),
        job_id: term.target.map_or(0, |target| target.job),
        array_task: term.target.and_then(task),
        delay_minutes: term.delay_minutes,
        ..DependencyTerm::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_keep_job_task_and_delay() {
        let list = parse("afterok:12_3,after:5+10").expect("valid").expect("not empty");
        assert_eq!(list.terms.len(), 2);
        assert_eq!((list.terms[0].job_id, list.terms[0].array_task), (12, Some(3)));
        assert_eq!((list.terms[1].job_id, list.terms[1].delay_minutes), (5, 10));
        assert!(!list.any);
    }

    #[test]
    fn nonsense_is_a_dependency_problem() {
        assert_eq!(parse("nosuch:1"), Err(Bad::Submission(ESLURM_DEPENDENCY)));
        assert_eq!(parse(""), Ok(None));
    }
}
