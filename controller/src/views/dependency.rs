//! What a job still waits for, as `scontrol` shows it.

use muster_dialect::dependency::{DependencyList, Kind, Target, Tasks, Term};
use muster_model::cluster::Job;
use muster_proto::durable::DependencyTerm;
use muster_proto::durable::dependency_term::Kind as Stored;

/// "afterok:12(unfulfilled)"; empty: nothing.
pub(super) fn text(job: &Job) -> String {
    let Some(dependency) = &job.spec().dependency else { return String::new() };
    DependencyList { terms: dependency.terms.iter().map(term).collect(), any: dependency.any }.print_with_state()
}

fn term(stored: &DependencyTerm) -> Term {
    let whole = if stored.array { Tasks::All } else { Tasks::Job };
    let tasks = stored.array_task.map_or(whole, Tasks::One);
    Term {
        kind: kind(stored.kind()),
        target: (stored.kind() != Stored::Singleton).then_some(Target { job: stored.job_id, tasks }),
        delay_minutes: stored.delay_minutes,
        failed: stored.failed,
    }
}

fn kind(stored: Stored) -> Kind {
    match stored {
        Stored::After => Kind::After,
        Stored::AfterAny => Kind::AfterAny,
        Stored::AfterOk => Kind::AfterOk,
        Stored::AfterNotOk => Kind::AfterNotOk,
        Stored::AfterCorr => Kind::AfterCorr,
        Stored::Singleton => Kind::Singleton,
        Stored::AfterBurstBuffer => Kind::AfterBurstBuffer,
    }
}
