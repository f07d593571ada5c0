//! What the parts of one supervisor share. One thread: cells, not locks.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Write;
use std::rc::Rc;

use muster_proto::durable::EndCause;
use muster_proto::wire::{PidInfo, from_tasks};
use nix::libc;
use nix::sys::signal::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};
use tokio::sync::{Notify, watch};
use tokio::time::{Duration, Instant};

use super::input::TaskInput;
use super::outbox::Outbox;
use super::wire::{End, ExitRecord, Launch};
use super::{contain, notice, proc};

/// How far the step is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Stage {
    /// Waits for srun.
    #[default]
    Waiting,
    Started,
    Exited(ExitRecord),
}

/// A task that was started.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) local: usize,
    pub(crate) global: u32,
    pub(crate) pid: i32,
    pub(crate) status: Option<i32>,
}

/// Everything.
pub(crate) struct Shared {
    pub(crate) launch: Launch,
    pub(crate) title: String,
    pub(crate) is_batch: bool,
    pub(crate) outbox: Outbox,
    pub(crate) stage: watch::Sender<Stage>,
    pub(crate) tasks: RefCell<Vec<Task>>,
    pub(crate) inputs: RefCell<Vec<TaskInput>>,
    /// The standard error of the first task, where that is a file.
    pub(crate) notices: RefCell<Option<File>>,
    /// Set once the step was told to end.
    pub(crate) ending: Cell<bool>,
    /// KILL was sent, to whatever there was.
    killed: Cell<bool>,
    /// The node's lease is over.
    pub(crate) lease_has_ended: Cell<bool>,
    /// … and tasks were not: how they ended says nothing of the job.
    pub(crate) lease_over: Cell<bool>,
    pub(crate) told: Notify,
    /// The connection that owns the step; 0: none.
    pub(crate) owner: Cell<u64>,
    pub(crate) owner_lost: Cell<Option<Instant>>,
    pub(crate) owner_changed: Notify,
    /// The last numbered piece of input that came: it is handed to its tasks whatever becomes of the connection.
    pub(crate) input_taken: Cell<u64>,
    /// Pieces reach a task in the order in which they came, over several connections too.
    pub(crate) input_turn: tokio::sync::Mutex<()>,
    /// srun's stream is not read because a task does not read its input.
    pub(crate) input_paused: Cell<bool>,
}

impl Shared {
    pub(crate) fn new(launch: Launch, title: String, is_batch: bool) -> Rc<Self> {
        Rc::new(Self {
            launch,
            title,
            is_batch,
            outbox: Outbox::default(),
            stage: watch::channel(Stage::Waiting).0,
            tasks: RefCell::default(),
            inputs: RefCell::default(),
            notices: RefCell::default(),
            ending: Cell::new(false),
            killed: Cell::new(false),
            lease_has_ended: Cell::new(false),
            lease_over: Cell::new(false),
            told: Notify::new(),
            owner: Cell::new(0),
            owner_lost: Cell::new(None),
            owner_changed: Notify::new(),
            input_taken: Cell::new(0),
            input_turn: tokio::sync::Mutex::new(()),
            input_paused: Cell::new(false),
        })
    }

    /// A line for the user: into the job's standard error, or to srun.
    pub(crate) fn say(&self, line: &str) {
        match &mut *self.notices.borrow_mut() {
            Some(file) => {
                let _ = writeln!(file, "{line}");
            }
            None => self.outbox.push(from_tasks::Body::Notice(line.to_owned())),
        }
    }

    /// The notice, CONT and TERM now, KILL when the wait is over; or the notice and KILL.
    pub(crate) fn end(self: &Rc<Self>, end: End) {
        // The node ends its own work in this way alone.
        if end.at_once && end.cause == EndCause::NodeFail as i32 {
            self.note_lease_over();
        }
        if self.ending.replace(true) {
            if end.at_once {
                self.kill();
            }
            return;
        }
        let cause = EndCause::try_from(end.cause).unwrap_or(EndCause::None);
        let position = self.launch.order.as_ref().map_or(0, |order| order.step_position);
        let lives = self.tasks.borrow().iter().any(|task| task.status.is_none());
        if lives && (self.is_batch || !end.whole || position == 0) {
            let now_ms = muster_channel::Outside::real().wall_ms;
            self.say(&notice::ended(&self.launch.node_name, &self.title, cause, now_ms()));
        }
        if end.at_once {
            return self.kill();
        }
        contain::signal_all(Signal::SIGCONT as i32);
        contain::signal_all(Signal::SIGTERM as i32);
        self.told.notify_waiters();
        let shared = self.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(Duration::from_secs(u64::from(end.kill_wait_s))).await;
            shared.kill();
        });
    }

    /// Once: who comes second finds what the first has killed.
    fn note_lease_over(&self) {
        if self.lease_has_ended.replace(true) {
            return;
        }
        let tasks = self.tasks.borrow();
        let unfinished = tasks.is_empty() || tasks.iter().any(|task| task.status.is_none());
        self.lease_over.set(unfinished && !matches!(*self.stage.borrow(), Stage::Exited(_)));
    }

    /// How a step counts that was ended before it had a task: as its tasks would.
    pub(crate) fn status_without_tasks(&self) -> u32 {
        (if self.killed.get() { Signal::SIGKILL } else { Signal::SIGTERM }) as u32
    }

    /// SIGKILL to everything.
    pub(crate) fn kill(&self) {
        self.ending.set(true);
        self.killed.set(true);
        contain::signal_all(Signal::SIGKILL as i32);
        self.told.notify_waiters();
    }

    /// A signal by order of the user.
    pub(crate) fn signal(&self, signal: i32, batch_only: bool) {
        let Some(known) = proc::named(signal) else { return };
        let whole = [libc::SIGKILL, libc::SIGSTOP, libc::SIGCONT].contains(&signal) || self.is_batch;
        let tasks = self.tasks.borrow();
        let live = tasks.iter().filter(|task| task.status.is_none()).filter_map(|task| Pid::from_raw(task.pid));
        match (batch_only, whole) {
            (true, _) => live.for_each(|pid| _ = kill_process(pid, known)),
            (false, true) => contain::signal_all(signal),
            (false, false) => live.for_each(|pid| _ = kill_process_group(pid, known)),
        }
    }

    /// Processes of the step, tasks marked.
    pub(crate) fn pids(&self) -> Vec<PidInfo> {
        let tasks = self.tasks.borrow();
        let info = |process: proc::Process| {
            let task = tasks.iter().find(|task| task.pid == process.pid);
            PidInfo {
                pid: process.pid as u32,
                job_id: 0,
                step_id: self.launch.step,
                local_id: task.map_or(0, |task| task.local as u32),
                global_id: task.map_or(0, |task| task.global),
                task: task.is_some(),
            }
        };
        contain::members().into_iter().filter(|process| !process.is_zombie()).map(info).collect()
    }
}
