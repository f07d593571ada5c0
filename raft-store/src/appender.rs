//! The one writer of the log: takes what waits, writes it as one, syncs once, tells everybody.
//!
//! ```text
//! append, vote, truncate, purge ─► queue ─► write ─► sync ─► done(…) ─► watermark, now and then
//! ```
//!
//! A vote, and what shortens the log or makes room in it, has its watermark before it is acknowledged, and a clean stop
//! leaves it exact. Entries have theirs within [`WATERMARK_LAG`]: a second sync a commit would delay the next one. What that
//! weakens: a disk that loses synced entries of its last moments before a crash is not seen to have lied. Nothing that
//! syncs honestly is affected. RocksDB blocks, so it has a thread of its own; the simulation's disk has a task.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};

use crate::durations::Durations;
use crate::encoding::{Position, VoteRecord};
use crate::fault::Fault;
use crate::stall::Stall;
use crate::store::{LogFiles, LogOp, Watermark, failure};

/// Waiting writes; more and `append` waits.
const QUEUE_WRITES_MAX: usize = 1_024;
/// Log operations in one group.
const GROUP_OPS_MAX: usize = 8_192;

/// Entries are part of the watermark at most this much later than they are acknowledged.
pub(crate) const WATERMARK_LAG: Duration = Duration::from_millis(100);

/// Told once its group is durable, or why it never will be.
pub(crate) type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// One write of the log.
pub(crate) struct Work {
    pub(crate) ops: Vec<LogOp>,
    pub(crate) effect: Effect,
    pub(crate) done: Done,
}

/// What a write does to what this replica has promised.
pub(crate) enum Effect {
    /// The log now ends here.
    Append(Position),
    /// The log now ends here, which is earlier than before.
    Truncate(Option<Position>),
    /// Entries up to here are gone; the log ends there at least.
    Purge(Position),
    /// It voted.
    Vote(VoteRecord),
    /// The last one: nothing more is written.
    Stop,
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Appender {
    queue: mpsc::Sender<Work>,
    durable: watch::Receiver<Option<Position>>,
    times: Arc<Durations>,
    stall: Stall,
}

impl Appender {
    /// Starts the writer behind `files`, whose log ends at `last`.
    pub(crate) fn start(
        files: Arc<dyn LogFiles>,
        mark: Watermark,
        fault: Fault,
        own_thread: bool,
    ) -> io::Result<Appender> {
        let (queue, works) = mpsc::channel(QUEUE_WRITES_MAX);
        let (durable_sender, durable) = watch::channel(mark.last);
        let times = Arc::new(Durations::default());
        let stall = Stall::default();
        let writer = Writer {
            files,
            mark,
            mark_due: None,
            fault,
            durable: durable_sender,
            times: times.clone(),
            stall: stall.clone(),
        };
        if own_thread {
            // A clock for the watermark, and nothing else: writes block this thread.
            let clock = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
            std::thread::Builder::new().name("raft-log".into()).spawn(move || clock.block_on(writer.run(works)))?;
        } else {
            tokio::spawn(writer.run(works));
        }
        Ok(Appender { queue, durable, times, stall })
    }

    /// Queues a write; its `done` is called in any case.
    pub(crate) async fn submit(&self, work: Work) {
        if let Err(mpsc::error::SendError(work)) = self.queue.send(work).await {
            (work.done)(Err(failure("the log is closed")));
        }
    }

    /// Queues a write and waits until it is durable.
    pub(crate) async fn write(&self, ops: Vec<LogOp>, effect: Effect) -> io::Result<()> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result| drop(sender.send(result)));
        self.submit(Work { ops, effect, done }).await;
        receiver.await.unwrap_or_else(|_| Err(failure("the log is closed")))
    }

    /// Up to where the log is durable.
    pub(crate) fn durable(&self) -> watch::Receiver<Option<Position>> {
        self.durable.clone()
    }

    /// How long the group that is being written takes already.
    pub(crate) fn stall(&self) -> &Stall {
        &self.stall
    }

    /// Of syncs.
    pub(crate) fn times(&self) -> &Durations {
        &self.times
    }
}

struct Writer {
    files: Arc<dyn LogFiles>,
    mark: Watermark,
    /// When the watermark must be raised, if it lags.
    mark_due: Option<Instant>,
    fault: Fault,
    durable: watch::Sender<Option<Position>>,
    times: Arc<Durations>,
    stall: Stall,
}

/// Works that are written as one.
struct Group {
    ops: Vec<LogOp>,
    effects: Vec<Effect>,
    dones: Vec<Done>,
    stop: bool,
}

impl Group {
    fn of(first: Work, works: &mut mpsc::Receiver<Work>) -> Group {
        let mut group = Group { ops: Vec::new(), effects: Vec::new(), dones: Vec::new(), stop: false };
        group.add(first);
        while group.ops.len() < GROUP_OPS_MAX && !group.stop {
            match works.try_recv() {
                Ok(work) => group.add(work),
                Err(_) => break,
            }
        }
        group
    }

    fn add(&mut self, work: Work) {
        self.stop |= matches!(work.effect, Effect::Stop);
        self.ops.extend(work.ops);
        self.effects.push(work.effect);
        self.dones.push(work.done);
    }
}

impl Writer {
    async fn run(mut self, mut works: mpsc::Receiver<Work>) {
        while let Some(first) = self.next(&mut works).await {
            let group = Group::of(first, &mut works);
            let _busy = self.stall.begin();
            let begun = self.begin(&group);
            let pause = self.files.sync_pause();
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            let ended = begun.and_then(|()| self.end(&group));
            if self.tell(group, ended) {
                return;
            }
        }
    }

    /// The next write; the watermark is raised when it is due.
    async fn next(&mut self, works: &mut mpsc::Receiver<Work>) -> Option<Work> {
        loop {
            let Some(due) = self.mark_due else { return works.recv().await };
            // Where writes never pause, it is due all the same.
            if Instant::now() < due
                && let Ok(work) = timeout_at(due, works.recv()).await
            {
                return work;
            }
            self.raise_mark();
        }
    }

    /// Writes. What shortens the log lowers the watermark first: a crash in between must not look like damage.
    fn begin(&mut self, group: &Group) -> io::Result<()> {
        if let Some(why) = self.fault.why() {
            return Err(failure(why));
        }
        let lowest = group.effects.iter().filter_map(|effect| match effect {
            Effect::Truncate(last) => Some(*last),
            Effect::Append(_) | Effect::Purge(_) | Effect::Vote(_) | Effect::Stop => None,
        });
        if let Some(lowest) = lowest.min().filter(|lowest| *lowest < self.mark.last) {
            self.set_mark(Watermark { last: lowest, ..self.mark })?;
        }
        if group.ops.is_empty() { Ok(()) } else { self.files.write(&group.ops) }
    }

    /// Syncs, and makes part of the watermark what may not lag: votes, and everything at a purge and at the end.
    fn end(&mut self, group: &Group) -> io::Result<()> {
        if !group.ops.is_empty() {
            let started = Instant::now();
            self.files.sync()?;
            self.times.add(started.elapsed());
        }
        let mut mark = self.mark;
        for effect in &group.effects {
            match effect {
                Effect::Vote(vote) => mark.vote = Some(*vote),
                Effect::Purge(_) | Effect::Stop => mark.last = mark.last.max(self.end_of(group)),
                Effect::Append(_) | Effect::Truncate(_) => {}
            }
        }
        if mark == self.mark { Ok(()) } else { self.set_mark(mark) }
    }

    /// Where the log ends once `group` is durable.
    fn end_of(&self, group: &Group) -> Option<Position> {
        group.effects.iter().fold(*self.durable.borrow(), last_after)
    }

    fn set_mark(&mut self, mark: Watermark) -> io::Result<()> {
        let mark = Watermark { sequence: self.mark.sequence + 1, ..mark };
        self.files.set_watermark(&mark)?;
        self.mark = mark;
        Ok(())
    }

    /// The watermark says all that was acknowledged.
    fn raise_mark(&mut self) {
        self.mark_due = None;
        let last = *self.durable.borrow();
        if last <= self.mark.last || self.fault.why().is_some() {
            return;
        }
        if let Err(error) = self.set_mark(Watermark { last, ..self.mark }) {
            self.fault.set(format!("watermark: {error}"));
        }
    }

    /// Tells everybody, and says whether this was the last group.
    fn tell(&mut self, group: Group, ended: io::Result<()>) -> bool {
        if let Err(error) = &ended {
            self.fault.set(format!("log: {error}"));
        } else {
            self.durable.send_replace(self.end_of(&group));
        }
        for done in group.dones {
            done(ended.as_ref().copied().map_err(|error| io::Error::new(error.kind(), error.to_string())));
        }
        if self.mark_due.is_none() && *self.durable.borrow() > self.mark.last {
            self.mark_due = Some(Instant::now() + WATERMARK_LAG);
        }
        group.stop
    }
}

/// Where the log ends after `effect`.
fn last_after(last: Option<Position>, effect: &Effect) -> Option<Position> {
    match effect {
        Effect::Append(end) => Some(*end),
        Effect::Truncate(end) => *end,
        Effect::Purge(to) => last.max(Some(*to)),
        Effect::Vote(_) | Effect::Stop => last,
    }
}
