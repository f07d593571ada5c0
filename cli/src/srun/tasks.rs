//! What became of each task, and how srun speaks of it.

use std::collections::BTreeMap;

use muster_dialect::exit_code::ExitCode;
use muster_dialect::{hostlist, signal};
use muster_proto::wire::StepPlace;

/// wait(2)'s bit for a core dump.
const CORE_DUMPED: u32 = 0x80;
const SIGKILL: u8 = 9;
const SIGTERM: u8 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Starting,
    Running,
    Exited(u32),
}

#[derive(Clone, Debug)]
struct Task {
    node: String,
    state: State,
    told: bool,
}

/// All tasks of the step, by global number.
#[derive(Debug, Default)]
pub(super) struct Tasks(BTreeMap<u32, Task>);

impl Tasks {
    /// As they were placed.
    pub(super) fn of(places: &[StepPlace]) -> Self {
        let each = places.iter().flat_map(|place| place.task_ids.iter().map(|id| (*id, place.node.clone())));
        Self(each.map(|(id, node)| (id, Task { node, state: State::Starting, told: false })).collect())
    }

    pub(super) fn on_started(&mut self, id: u32) {
        if let Some(task) = self.0.get_mut(&id).filter(|task| task.state == State::Starting) {
            task.state = State::Running;
        }
    }

    /// True if it was not known yet.
    pub(super) fn on_exited(&mut self, id: u32, wait_status: u32) -> bool {
        match self.0.get_mut(&id) {
            Some(task) if !matches!(task.state, State::Exited(_)) => {
                task.state = State::Exited(wait_status);
                true
            }
            _ => false,
        }
    }

    /// The node's tasks are over, also those that nobody spoke of: they share its status, and are not told of.
    pub(super) fn on_node_over(&mut self, node: &str, wait_status: u32) {
        for task in self.0.values_mut().filter(|task| task.node == node) {
            if !matches!(task.state, State::Exited(_)) {
                (task.state, task.told) = (State::Exited(wait_status), true);
            }
        }
    }

    /// Lines on ends that were not told yet: one for each way to end. Good ends are told only to who wants details.
    pub(super) fn untold(&mut self) -> Vec<(u32, String)> {
        let mut groups: BTreeMap<u32, (Vec<u32>, Vec<String>)> = BTreeMap::new();
        for (id, task) in &mut self.0 {
            if let State::Exited(status) = task.state
                && !task.told
            {
                task.told = true;
                let (ids, nodes) = groups.entry(status).or_default();
                ids.push(*id);
                nodes.push(task.node.clone());
            }
        }
        let mut lines: Vec<_> = groups.into_iter().collect();
        lines.sort_by_key(|(_, (ids, _))| ids.first().copied());
        lines.into_iter().map(|(status, (ids, nodes))| (status, line(status, &ids, &nodes))).collect()
    }

    /// `StepId=5.0 tasks 0-1: running`, one line a state.
    pub(super) fn summary(&self, step: &str) -> Vec<String> {
        let by_name = [("starting", 0), ("running", 1), ("exited", 2)].map(|(name, wanted)| {
            let is = |task: &Task| match task.state {
                State::Starting => 0,
                State::Running => 1,
                State::Exited(_) => 2,
            };
            (name, self.0.iter().filter(|(_, task)| is(task) == wanted).map(|(id, _)| *id).collect::<Vec<u32>>())
        });
        let filled = by_name.into_iter().filter(|(_, ids)| !ids.is_empty());
        filled.map(|(name, ids)| format!("StepId={step} {}: {name}", named(&ids))).collect()
    }

    /// The wait status that decides: that of the highest exit code.
    pub(super) fn wait_status(&self) -> u32 {
        let ended = self.0.values().filter_map(|task| match task.state {
            State::Exited(status) => Some(status),
            State::Starting | State::Running => None,
        });
        ended.max_by_key(|status| exit_code(*status)).unwrap_or(0)
    }

    /// Whether one of them was ended by TERM or KILL.
    pub(super) fn some_were_killed(&self) -> bool {
        let killed = |status: u32| [SIGKILL, SIGTERM].contains(&code(status).signal);
        self.0.values().any(|task| matches!(task.state, State::Exited(status) if killed(status)))
    }

    pub(super) fn all_exited(&self) -> bool {
        self.0.values().all(|task| matches!(task.state, State::Exited(_)))
    }

    /// Width of the widest number.
    pub(super) fn label_width(&self) -> usize {
        self.0.keys().next_back().map_or(1, |id| id.to_string().len())
    }
}

fn code(wait_status: u32) -> ExitCode {
    ExitCode::from_wait_status(wait_status.cast_signed())
}

/// What a shell would say: srun exits with the highest.
pub(super) fn exit_code(wait_status: u32) -> u8 {
    code(wait_status).shell_status()
}

fn line(status: u32, ids: &[u32], nodes: &[String]) -> String {
    let how = match code(status) {
        ExitCode { signal: 0, code: 0 } => "Completed".to_owned(),
        ExitCode { signal: 0, code } => format!("Exited with exit code {code}"),
        ExitCode { signal, .. } => {
            let core = if status & CORE_DUMPED != 0 { " (core dumped)" } else { "" };
            format!("{}{core}", signal::describe(signal))
        }
    };
    format!("{}: {}: {how}", hostlist::fold_sorted(nodes), named(ids))
}

/// `task 1`, `tasks 0-3,5`. Ascending.
fn named(ids: &[u32]) -> String {
    let runs = ids.chunk_by(|a, b| a + 1 == *b).map(|run| match run {
        [one] => one.to_string(),
        [first, .., last] => format!("{first}-{last}"),
        [] => String::new(),
    });
    let list = runs.collect::<Vec<_>>().join(",");
    if ids.len() == 1 { format!("task {list}") } else { format!("tasks {list}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four_on_two() -> Tasks {
        let place = |node: &str, task_ids: Vec<u32>| StepPlace { node: node.into(), task_ids, ..StepPlace::default() };
        Tasks::of(&[place("n1", vec![0, 1]), place("n2", vec![2, 3])])
    }

    #[test]
    fn ends_of_one_kind_are_one_line() {
        let mut tasks = four_on_two();
        for id in 0..4 {
            assert!(tasks.on_exited(id, 15));
        }
        assert!(!tasks.on_exited(0, 15), "it is known");
        assert_eq!(tasks.untold(), [(15, "n[1-2]: tasks 0-3: Terminated".to_owned())]);
        assert!(tasks.untold().is_empty() && tasks.some_were_killed() && tasks.all_exited());
    }

    #[test]
    fn the_highest_exit_code_decides() {
        let mut tasks = four_on_two();
        tasks.on_exited(0, 3 << 8);
        tasks.on_exited(1, 0);
        tasks.on_exited(2, 0x8b);
        let lines: Vec<String> = tasks.untold().into_iter().map(|(_, line)| line).collect();
        assert_eq!(
            lines,
            [
                "n1: task 0: Exited with exit code 3",
                "n1: task 1: Completed",
                "n2: task 2: Segmentation fault (core dumped)"
            ]
        );
        assert_eq!(exit_code(tasks.wait_status()), 139);
    }

    #[test]
    fn a_summary_has_a_line_for_each_state() {
        let mut tasks = four_on_two();
        (0..3).for_each(|id| tasks.on_started(id));
        tasks.on_exited(2, 0);
        let expected = ["StepId=5.0 task 3: starting", "StepId=5.0 tasks 0-1: running", "StepId=5.0 task 2: exited"];
        assert_eq!(tasks.summary("5.0"), expected);
    }
}
