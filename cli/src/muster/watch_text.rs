//! Changes as lines: for people, and as JSON objects for programs.

use muster_dialect::exit_code::ExitCode;
use muster_proto::durable::StepState;
use muster_proto::wire::watched::Kind;
use muster_proto::wire::{JobInfo, NodeInfo, StepInfo, Watched};
use serde_json::{Value, json};

use crate::list::{job_name_id, reason};
use crate::show::{job_status, node_state, step_name};
use crate::show_time::local;

/// One line.
#[derive(Debug)]
pub(super) enum Line<'a> {
    /// Everything known before is void: what follows is all that there is.
    StateBegins,
    StateEnds {
        index: u64,
    },
    Job(When, &'a JobInfo),
    Step(When, &'a StepInfo),
    Node(When, &'a NodeInfo),
    /// A record that left memory; accounting still has it.
    Gone(When, u64),
    /// Everything up to here was told.
    Mark {
        index: u64,
    },
}

/// Index (0: part of the full state) and cluster time.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    index: u64,
    now_ms: u64,
}

/// What `watched` tells, in its order.
pub(super) fn lines(watched: &Watched) -> impl Iterator<Item = Line<'_>> {
    let when = When { index: watched.index, now_ms: watched.now_ms };
    let frame = match watched.kind() {
        Kind::StateBegins => Some(Line::StateBegins),
        Kind::StateEnds => Some(Line::StateEnds { index: watched.index }),
        Kind::Changes | Kind::State | Kind::Resume => None,
    };
    let jobs = watched.jobs.iter().map(move |job| Line::Job(when, job));
    let steps = watched.steps.iter().map(move |step| Line::Step(when, step));
    let nodes = watched.nodes.iter().map(move |node| Line::Node(when, node));
    let gone = watched.gone.iter().map(move |uid| Line::Gone(when, *uid));
    frame.into_iter().chain(jobs).chain(steps).chain(nodes).chain(gone)
}

impl Line<'_> {
    pub(super) fn json(&self) -> Value {
        match self {
            Self::StateBegins => json!({"event": "state_begins"}),
            Self::StateEnds { index } => json!({"event": "state_ends", "index": index}),
            Self::Job(when, job) => of_job(*when, job),
            Self::Step(when, step) => of_step(*when, step),
            Self::Node(when, node) => of_node(*when, node),
            Self::Gone(when, uid) => json!({"event": "gone", "index": when.index, "time_ms": when.now_ms, "uid": uid}),
            Self::Mark { index } => json!({"event": "mark", "index": index}),
        }
    }

    /// With its newline; nothing where people need no line.
    pub(super) fn text(&self) -> String {
        match self {
            Self::StateBegins => "-- the full state:\n".to_owned(),
            Self::StateEnds { index } => format!("-- up to {index}; changes follow\n"),
            Self::Mark { .. } => String::new(),
            Self::Gone(when, uid) => format!("{} gone record {uid}\n", when.text()),
            Self::Job(when, job) => format!("{} job {}\n", when.text(), job_text(job)),
            Self::Step(when, step) => {
                format!("{} step {} {} nodes={}\n", when.text(), step_name(step), step_state(step), step.nodes)
            }
            Self::Node(when, node) => {
                let row = node.row.as_ref();
                let why = row.map(|row| row.reason.as_str()).filter(|why| !why.is_empty());
                let why = why.map_or(String::new(), |why| format!(" reason={why}"));
                let name = row.map_or("", |row| row.name.as_str());
                format!("{} node {name} {}{why}\n", when.text(), node_state(node))
            }
        }
    }
}

impl When {
    fn text(self) -> String {
        match self.index {
            0 => format!("- {}", local(self.now_ms)),
            index => format!("{index} {}", local(self.now_ms)),
        }
    }
}

fn job_text(job: &JobInfo) -> String {
    let row = job.row.as_ref();
    let spec = row.and_then(|row| row.spec.as_deref());
    let (user, name) = spec.map_or(("", ""), |spec| (&spec.user_name, &spec.name));
    let status = job_status(job).long().to_owned();
    let place = if job.nodes.is_empty() { format!("reason={}", reason(job)) } else { format!("nodes={}", job.nodes) };
    let exit = row.filter(|row| row.end_ms != 0).map(|row| format!(" exit={}", exit_code(row.exit_status)));
    format!("{} {status} user={user} name={name} {place}{}", job_name_id(job), exit.unwrap_or_default())
}

fn exit_code(wait_status: u32) -> String {
    ExitCode::from_wait_status(wait_status as i32).to_string()
}

fn of_job(when: When, job: &JobInfo) -> Value {
    let row = job.row.clone().unwrap_or_default();
    let spec = row.spec.as_deref().cloned().unwrap_or_default();
    json!({
        "event": "job", "index": when.index, "time_ms": when.now_ms, "uid": row.uid, "job_id": row.job_id,
        "array_job_id": row.array_job_id, "array_task": row.array_task, "array_pending": job.array_pending,
        "name": spec.name, "user": spec.user_name, "user_id": spec.uid, "account": spec.account,
        "partition": job.effective_partition, "state": job_status(job).long(), "reason": reason(job),
        "nodes": job.nodes, "restarts": row.restarts, "submit_ms": row.submit_ms, "end_ms": row.end_ms,
        "exit_code": exit_code(row.exit_status),
    })
}

fn step_state(step: &StepInfo) -> &'static str {
    match step.step.as_ref().map_or(StepState::Ended, |record| record.state()) {
        StepState::Pending => "PENDING",
        StepState::Running => "RUNNING",
        StepState::Completing => "COMPLETING",
        StepState::Ended => "ENDED",
    }
}

fn of_step(when: When, step: &StepInfo) -> Value {
    let record = step.step.clone().unwrap_or_default();
    json!({
        "event": "step", "index": when.index, "time_ms": when.now_ms, "uid": step.uid, "step": step_name(step),
        "job_id": step.job_id, "user": step.user_name, "state": step_state(step), "nodes": step.nodes,
        "start_ms": record.start_ms, "end_ms": record.end_ms, "exit_code": exit_code(record.wait_status),
    })
}

fn of_node(when: When, node: &NodeInfo) -> Value {
    let row = node.row.clone().unwrap_or_default();
    json!({
        "event": "node", "index": when.index, "time_ms": when.now_ms, "name": row.name,
        "state": node_state(node).to_string(), "reason": row.reason, "running_jobs": node.running_jobs,
    })
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::{JobRow, JobSpec};

    use super::*;

    fn told() -> Watched {
        let spec = JobSpec { name: "train".into(), user_name: "alice".into(), ..JobSpec::default() };
        let row = JobRow { uid: 5, job_id: 12, state: 1, spec: Some(Box::new(spec)), ..JobRow::default() };
        let job = JobInfo { row: Some(row), nodes: "n1".into(), ..JobInfo::default() };
        Watched { index: 7, jobs: vec![job], gone: vec![4], ..Watched::default() }
    }

    #[test]
    fn a_change_is_one_line_that_begins_with_its_index() {
        let told = told();
        let texts: Vec<String> = lines(&told).map(|line| line.text()).collect();
        assert!(texts[0].starts_with("7 ") && texts[0].ends_with(" job 12 RUNNING user=alice name=train nodes=n1\n"));
        assert!(texts[1].ends_with(" gone record 4\n") && texts.len() == 2);
    }

    #[test]
    fn programs_are_told_the_frame_of_a_full_state_and_each_record() {
        let state = |kind: Kind, index| Watched { kind: kind.into(), index, ..Watched::default() };
        let json =
            |watched: &Watched| lines(watched).map(|line| line.json().to_string()).collect::<Vec<_>>().join("\n");
        assert_eq!(json(&state(Kind::StateBegins, 0)), r#"{"event":"state_begins"}"#);
        assert_eq!(json(&state(Kind::StateEnds, 9)), r#"{"event":"state_ends","index":9}"#);
        let job = lines(&told()).next().map(|line| line.json()).unwrap();
        assert_eq!((&job["state"], &job["job_id"], &job["index"]), (&json!("RUNNING"), &json!(12), &json!(7)));
    }
}
