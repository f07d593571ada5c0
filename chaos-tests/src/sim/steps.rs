//! noded's seam to processes, played on a [`Machine`].
//!
//! Prologs, epilogs and the news of supervisors take a few virtual milliseconds, and are lost with noded when it is killed;
//! processes are not.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use muster_channel::{BoxFuture, BoxStream, Random};
use muster_model::agent::{AttemptKey, Found, FoundStep, Input, NO_END, StepKey};
use muster_noded::{Ending, JobUser, Load, News, Steps};
use muster_proto::durable::EndCause;
use muster_proto::wire::{BroadcastDone, BroadcastStart, Hold, LaunchStep, PidInfo};
use tokio::sync::mpsc;

use super::clock::now_ms;
use super::machine::{Machine, Work};
use super::script;
use crate::oracle::Run;

/// Longest prolog, epilog, start or delivery of news, virtual ms.
const CHORE_MS_MAX: u64 = 20;
const SIGKILL: u32 = 9;
/// An extern step lives until it is ended.
const FOR_EVER_MS: u64 = 1 << 40;

/// One noded's view of its machine; a new noded gets a new one.
#[derive(Clone)]
pub(crate) struct SimSteps {
    machine: Machine,
    random: Random,
    news: Arc<OnceLock<News>>,
    /// The end of the lease that new supervisors are told, virtual ms; 0: none.
    lease_ms: Arc<AtomicU64>,
}

impl SimSteps {
    /// Of a noded that is about to start on `machine`.
    pub(crate) fn new(machine: Machine, random: Random) -> Self {
        Self { machine, random, news: Arc::default(), lease_ms: Arc::default() }
    }

    fn chore(&self) -> Duration {
        Duration::from_millis(1 + self.random.below(CHORE_MS_MAX))
    }

    async fn tell(&self, input: Input) {
        if let Some(news) = self.news.get() {
            // The core is gone only when noded ends.
            let _ = news.send(input).await;
        }
    }

    fn later(&self, work: impl Future<Output = ()> + Send + 'static) {
        let chore = self.chore();
        tokio::spawn(async move {
            tokio::time::sleep(chore).await;
            work.await;
        });
    }

    fn later_tell(&self, input: Input) {
        let steps = self.clone();
        self.later(async move { steps.tell(input).await });
    }

    /// Tells that the step started, and how it ends.
    fn watch(&self, step: StepKey) {
        let steps = self.clone();
        self.later(async move {
            steps.tell(Input::StepStarted { step }).await;
            steps.tell_exit(step).await;
        });
    }

    async fn tell_exit(&self, step: StepKey) {
        while let Some(ends_ms) = self.machine.ends_ms(step, now_ms()) {
            // Someone may end it earlier: looked at again often enough.
            let wait = ends_ms.saturating_sub(now_ms()).clamp(1, 50);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        tokio::time::sleep(self.chore()).await;
        if let Some(exit) = self.machine.exit(step) {
            self.tell(Input::StepExited { step, exit }).await;
        }
    }

    fn begin(&self, step: StepKey, cores: Vec<u8>, work: Work) {
        let AttemptKey { uid, attempt } = step.attempt;
        let (node, began_ms) = (self.machine.name.clone(), now_ms());
        let run = Run { uid, attempt, step: step.step, node, cores, began_ms, over_ms: None, ended_with: None };
        let lease_ms = Some(self.lease_ms.load(Ordering::Relaxed)).filter(|until_ms| *until_ms != 0);
        self.machine.begin(run, work, lease_ms);
        self.watch(step);
    }
}

impl Steps for SimSteps {
    fn open(&self, news: News) -> BoxFuture<'_, Vec<FoundStep>> {
        let _ = self.news.set(news);
        let found = self.machine.found(now_ms());
        for living in found.iter().filter(|found| found.found == Found::Lives) {
            self.watch(living.step);
        }
        Box::pin(std::future::ready(found))
    }

    fn lease_until_ms(&self) -> u64 {
        self.machine.lease_ms().map_or(0, |until_ms| until_ms.saturating_sub(self.machine.booted_ms()))
    }

    fn keep_lease(&self, until_ms: u64) {
        let until_ms = if until_ms == NO_END { NO_END } else { until_ms + self.machine.booted_ms() };
        self.lease_ms.store(if until_ms == NO_END { 0 } else { until_ms }, Ordering::Relaxed);
        self.machine.keep_lease(now_ms(), until_ms);
    }

    fn start(&self, step: StepKey, launch: LaunchStep) {
        let cores = launch.place.as_ref().map(|place| place.cores.to_vec()).unwrap_or_default();
        let arguments = launch.spec.as_ref().map(|spec| spec.args.join(" ")).unwrap_or_default();
        let text = String::from_utf8_lossy(&launch.script).into_owned() + &arguments;
        self.begin(step, cores, script::work(&text));
    }

    fn start_extern(&self, step: StepKey, hold: Hold) {
        let cores = hold.share.as_ref().map(|share| share.cores.to_vec()).unwrap_or_default();
        self.begin(step, cores, Work { run_ms: FOR_EVER_MS, status: 0, stubborn: false });
    }

    fn signal(&self, step: StepKey, signal: u32, _: bool) {
        if signal == SIGKILL {
            self.kill(step);
        }
    }

    fn end(&self, step: StepKey, how: Ending) {
        if how.at_once {
            if how.cause == EndCause::NodeFail {
                self.machine.note_lease_over(step);
            }
            return self.kill(step);
        }
        let term_ms = 1 + self.random.below(30);
        self.machine.end(step, now_ms(), term_ms, u64::from(how.kill_wait_s) * 1_000);
    }

    fn kill(&self, step: StepKey) {
        self.machine.end(step, now_ms(), 1, 1);
    }

    fn prolog(&self, attempt: AttemptKey, _: Hold) {
        self.later_tell(Input::PrologEnded { attempt, failure: None });
    }

    fn epilog(&self, attempt: AttemptKey, _: Hold) {
        self.later_tell(Input::EpilogEnded { attempt, failure: None });
    }

    fn verify_empty(&self, attempt: AttemptKey) {
        let steps = self.clone();
        self.later(async move {
            for step in steps.machine.living(attempt, now_ms()) {
                steps.kill(step);
            }
            while !steps.machine.living(attempt, now_ms()).is_empty() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            steps.tell(Input::ContainmentEmpty { attempt, drain_reason: String::new() }).await;
        });
    }

    fn clean(&self, attempt: AttemptKey) {
        self.machine.clean(attempt);
    }

    fn attach(&self, _: StepKey) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(std::future::ready(Err(io::Error::from(io::ErrorKind::Unsupported))))
    }

    fn pids(&self, _: StepKey, _: u32) -> BoxFuture<'_, Vec<PidInfo>> {
        Box::pin(std::future::ready(Vec::new()))
    }

    fn broadcast(&self, _: JobUser, _: BroadcastStart, _: mpsc::Receiver<Bytes>) -> BoxFuture<'_, BroadcastDone> {
        Box::pin(std::future::ready(BroadcastDone { message: "not simulated".into(), error: 1, bytes: 0 }))
    }

    fn load(&self) -> Load {
        Load::default()
    }
}
