//! srun while its step runs: prints, forwards, reports, and knows when it is over.

use std::time::Duration;

use muster_proto::wire::{Resize, StepMade, StepOver, from_tasks};
use nix::sys::signal::Signal;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::ending::{How, end_step};
use super::interrupt::{Action, Interrupt};
use super::kept::Kept;
use super::node::{Control, Event, Gone, Link};
use super::output::Printer;
use super::prepare::StepDraft;
use super::streams::Input;
use super::tasks::{Tasks, exit_code};
use super::{stdin, terminal};
use crate::refusal::failed;
use crate::request::ClientSide;
use crate::say::{Voice, os_error};
use crate::signals::Signals;
use crate::site::{Reach, Site};

/// What nodes said and the console has not looked at.
const EVENTS_WAITING_MAX: usize = 64;
const CONTROLS_WAITING_MAX: usize = 16;
const INPUTS_WAITING_MAX: usize = 4;
/// Ends that come within this time are told together.
const GATHER: Duration = Duration::from_millis(20);
/// What srun waits for beyond KillWait, seconds.
const KILL_WAIT_MORE_S: u32 = 2;
/// How long the last words to the nodes may take.
const FAREWELL: Duration = Duration::from_millis(600);

/// The step, as its srun sees it.
pub(super) struct Console {
    reach: Reach,
    voice: Voice,
    made: StepMade,
    step: StepDraft,
    tasks: Tasks,
    keys: Interrupt,
    over: Vec<bool>,
    controls: Vec<mpsc::Sender<Control>>,
    kill_wait_s: u32,
    /// "Job step aborted" was said.
    aborted: bool,
    /// srun itself ends the step for a bad exit.
    ended_for_bad_exit: bool,
    launch_failed: bool,
    first_exit: Option<Instant>,
    tell_at: Option<Instant>,
    give_up_at: Option<Instant>,
    waited: bool,
    left: bool,
}

impl Console {
    pub(super) fn new(
        site: &Site,
        reach: &Reach,
        step: StepDraft,
        client: &ClientSide,
        made: StepMade,
        voice: Voice,
    ) -> Self {
        let keys = Interrupt::new(client.disable_status, client.quit_on_interrupt);
        Self {
            reach: reach.clone(),
            voice,
            tasks: Tasks::of(&made.places),
            over: vec![false; made.places.len()],
            controls: Vec::new(),
            kill_wait_s: site.config.kill_wait_s,
            made,
            step,
            keys,
            aborted: false,
            ended_for_bad_exit: false,
            launch_failed: false,
            first_exit: None,
            tell_at: None,
            give_up_at: None,
            waited: false,
            left: false,
        }
    }

    /// Until every node said that it is over. Exit code and wait status.
    pub(super) async fn run(mut self, signals: &mut Signals) -> (u8, u32) {
        let opened = match self.step.streams.open(self.made.job_id, self.made.step_id) {
            Ok(opened) => opened,
            Err((what, error)) => {
                self.voice.error(&format!("Could not open {what} file: {}", os_error(&error)));
                end_step(&self.reach.client, self.made.uid, self.made.step_id, How::AtOnce);
                return (failed(), 1 << 8);
            }
        };
        let spec = &self.step.spec;
        let label = spec.label.then(|| self.tasks.label_width());
        let mut printer = Printer::new(opened, label, spec.unbuffered, spec.pty.then_some(0));
        let raw = if spec.pty { terminal::Raw::enter() } else { None };
        let (mut links, mut events) = self.connect();
        while !self.left && !self.over.iter().all(|over| *over) {
            let alarm = self.next_alarm();
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.on_event(event, &mut printer),
                    None => break,
                },
                signal = signals.next() => self.on_signal(signal),
                () = sleep_until(alarm.unwrap_or_else(Instant::now)), if alarm.is_some() => self.on_alarm(),
            }
        }
        printer.finish_all();
        drop(raw);
        self.say_untold();
        if !self.left {
            let farewell = async { while links.join_next().await.is_some() {} };
            let _late = timeout(FAREWELL, farewell).await;
        }
        self.result()
    }

    /// A task of this process for each node, and one for the input.
    fn connect(&mut self) -> (JoinSet<()>, mpsc::Receiver<Event>) {
        let (events, received) = mpsc::channel(EVENTS_WAITING_MAX);
        let mut links = JoinSet::new();
        let mut inputs = Vec::new();
        for (position, place) in self.made.places.clone().into_iter().enumerate() {
            let (control, controls) = mpsc::channel(CONTROLS_WAITING_MAX);
            let (input, waiting) = mpsc::channel(INPUTS_WAITING_MAX);
            inputs.push((place.task_ids.clone(), input));
            self.controls.push(control);
            let link = Link {
                position,
                place,
                step: self.made.clone(),
                reach: self.reach.clone(),
                events: events.clone(),
                control: controls,
                input: waiting,
                kept: Kept::default(),
                seen: 0,
                started: 0,
            };
            links.spawn(link.run());
        }
        let from = std::mem::replace(&mut self.step.streams.input, Input::Elsewhere);
        if let Input::Mine(Some(task)) = &from {
            inputs.retain(|(ids, _)| ids.contains(task));
        }
        tokio::spawn(stdin::pump(from, inputs.into_iter().map(|(_, input)| input).collect()));
        (links, received)
    }

    fn name(&self) -> String {
        format!("{}.{}", self.made.job_id, muster_dialect::step::StepId(self.made.step_id))
    }

    fn on_event(&mut self, event: Event, printer: &mut Printer) {
        match event {
            Event::Said(position, body) => self.on_said(position, body, printer),
            Event::Refused(position, why) => self.on_over(position, &StepOver { wait_status: 0, error: why }),
            Event::Gone(position, gone) => self.on_gone(position, gone),
        }
    }

    fn on_said(&mut self, position: usize, body: from_tasks::Body, printer: &mut Printer) {
        match body {
            from_tasks::Body::Output(output) => {
                if printer.write(output.task, output.stderr, &output.data).is_err() && self.give_up_at.is_none() {
                    // Nobody reads it: the tasks must not write for ever.
                    self.end(How::AtOnce);
                }
            }
            from_tasks::Body::TaskStarted(started) => self.tasks.on_started(started.task),
            from_tasks::Body::TaskExited(exited) => {
                printer.finish(exited.task);
                if self.tasks.on_exited(exited.task, exited.wait_status) {
                    self.on_exit(exited.wait_status);
                }
            }
            from_tasks::Body::Notice(text) => {
                let first = self.made.places[position].task_ids.first().copied().unwrap_or(0);
                if text.contains(" CANCELLED AT ") && !self.ended_for_bad_exit {
                    self.say_aborted();
                }
                printer.notice(first, &text);
            }
            from_tasks::Body::Over(over) => self.on_over(position, &over),
            from_tasks::Body::Failure(_) | from_tasks::Body::Attached(_) => {}
        }
    }

    fn on_exit(&mut self, wait_status: u32) {
        let now = Instant::now();
        self.first_exit.get_or_insert(now);
        self.tell_at.get_or_insert(now + GATHER);
        if wait_status != 0 && self.step.spec.kill_on_bad_exit && !self.ended_for_bad_exit && !self.tasks.all_exited() {
            self.say_untold();
            self.ended_for_bad_exit = true;
            self.say_terminating();
            self.end(How::Gently);
        }
    }

    fn on_over(&mut self, position: usize, over: &StepOver) {
        let node = self.made.places[position].node.clone();
        if !over.error.is_empty() && !self.launch_failed {
            self.launch_failed = true;
            let why = &over.error;
            self.voice.error(&format!("Task launch for StepId={} failed on node {node}: {why}", self.name()));
            self.voice.error(&format!("Application launch failed: {why}"));
            self.voice.info("Job step aborted");
            self.aborted = true;
            end_step(&self.reach.client, self.made.uid, self.made.step_id, How::AtOnce);
        }
        let wait_status = if over.error.is_empty() { over.wait_status } else { over.wait_status.max(1 << 8) };
        self.tasks.on_node_over(&node, wait_status);
        self.over[position] = true;
    }

    fn on_gone(&mut self, position: usize, gone: Gone) {
        let node = self.made.places[position].node.clone();
        if gone.node_failed {
            self.voice.error(&format!("Node failure on {node}"));
        }
        let wait_status = if gone.node_failed { gone.wait_status.max(1 << 8) } else { gone.wait_status };
        self.tasks.on_node_over(&node, wait_status);
        self.over[position] = true;
    }

    fn on_signal(&mut self, signal: i32) {
        for action in self.keys.on_signal(signal, Instant::now()) {
            match action {
                Action::Tell => {
                    self.voice.info("interrupt (one more within 1 sec to abort)");
                    self.say_summary();
                }
                Action::Interrupt => {
                    self.voice.info(&format!("sending Ctrl-C to StepId={}", self.name()));
                    self.to_nodes(&Control::Signal(Signal::SIGINT as u32));
                }
                Action::Forward(number) => self.to_nodes(&Control::Signal(number.unsigned_abs())),
                Action::Terminate => {
                    self.voice.info("forcing job termination");
                    self.say_aborted();
                    self.end(How::AtOnce);
                }
                Action::Leave => {
                    self.left = true;
                    self.end(How::AtOnce);
                }
                Action::Resize => self.resize(),
                Action::Say(text) if text == "Quit" || self.give_up_at.is_some() => self.voice.info(text),
                Action::Say(_) => {}
            }
        }
    }

    fn resize(&self) {
        if let (true, Some((rows, columns))) = (self.step.spec.pty, terminal::size()) {
            self.to_nodes(&Control::Resize(Resize { rows: u32::from(rows), columns: u32::from(columns) }));
        }
    }

    fn to_nodes(&self, control: &Control) {
        for node in &self.controls {
            // A node that is over hears nothing.
            let _over = node.try_send(control.clone());
        }
    }

    /// Ends the step, and this command with it at the latest when KillWait is over.
    fn end(&mut self, how: How) {
        let patience = Duration::from_secs(u64::from(self.kill_wait_s + KILL_WAIT_MORE_S));
        self.give_up_at.get_or_insert(Instant::now() + patience);
        end_step(&self.reach.client, self.made.uid, self.made.step_id, how);
    }

    fn next_alarm(&self) -> Option<Instant> {
        [self.tell_at, self.give_up_at, self.wait_until()].into_iter().flatten().min()
    }

    /// `-W`: how long the first exit is waited for the others.
    fn wait_until(&self) -> Option<Instant> {
        let wait_s = self.step.spec.wait_s;
        let first = self.first_exit.filter(|_| wait_s > 0 && !self.waited && !self.tasks.all_exited())?;
        Some(first + Duration::from_secs(u64::from(wait_s)))
    }

    fn on_alarm(&mut self) {
        let now = Instant::now();
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.tell_at) {
            self.say_untold();
        }
        if due(self.wait_until()) {
            self.waited = true;
            self.voice.info(&format!("First task exited {}s ago", self.step.spec.wait_s));
            self.say_summary();
            self.say_terminating();
            self.end(How::AtOnce);
        }
        if due(self.give_up_at) {
            self.voice.error("Timed out waiting for job step to complete");
            self.left = true;
        }
    }

    fn say_summary(&self) {
        self.tasks.summary(&self.name()).iter().for_each(|line| self.voice.info(line));
    }

    fn say_terminating(&self) {
        self.voice.info(&format!("launch/slurm: _step_signal: Terminating StepId={}", self.name()));
    }

    fn say_aborted(&mut self) {
        if !std::mem::replace(&mut self.aborted, true) {
            let wait = self.kill_wait_s + KILL_WAIT_MORE_S;
            self.voice.info(&format!("Job step aborted: Waiting up to {wait} seconds for job step to finish."));
        }
    }

    fn say_untold(&mut self) {
        self.tell_at = None;
        for (status, line) in self.tasks.untold() {
            if status == 0 {
                self.voice.verbose(&line);
            } else {
                self.voice.error(&line);
            }
        }
    }

    fn result(&self) -> (u8, u32) {
        if self.tasks.some_were_killed() && !self.aborted {
            self.voice.info(&format!("Force Terminated StepId={}", self.name()));
        }
        let wait_status = self.tasks.wait_status();
        let code = exit_code(wait_status);
        if self.left && code == 0 { (failed(), 1 << 8) } else { (code, wait_status) }
    }
}
