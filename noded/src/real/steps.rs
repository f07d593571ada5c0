//! `Steps` on a real node.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};

use bytes::Bytes;
use muster_channel::{BoxFuture, BoxStream};
use muster_model::agent::{AttemptKey, Found, FoundStep, Input, NO_END, StepExit, StepKey};
use muster_proto::wire::{BroadcastDone, BroadcastStart, Hold, LaunchStep, PidInfo};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::hooks::{Hook, Hooks, Site};
use super::{Spool, broadcast, control, hardware, strays, verify};
use crate::stepd::wire::{End, ExitRecord, Launch, Signal, ToStep, to_step};
use crate::stepd::{exit_file, is_alive, lease, paths};
use crate::{Ending, JobUser, Load, News, Steps};

/// Orders that wait for one supervisor.
const ORDERS_WAITING_MAX: usize = 256;

/// What supervisors need to know of this node.
#[derive(Clone, Debug)]
pub struct StepSettings {
    /// `NodeName`.
    pub node_name: String,
    /// `SLURM_CONF` for tasks.
    pub slurm_conf: String,
    /// The node daemon's own program, which is the supervisor too.
    pub program: PathBuf,
    /// Prolog, epilog and their likes.
    pub hooks: Hooks,
    /// Milliseconds that srun has to attach to a step.
    pub attach_wait_ms: u64,
    /// Milliseconds that srun has to come back.
    pub resume_wait_ms: u64,
    /// `UnkillableStepTimeout`, seconds.
    pub unkillable_s: u32,
}

/// Supervisors as processes.
#[derive(Clone)]
pub struct RealSteps(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) spool: PathBuf,
    settings: RwLock<Arc<StepSettings>>,
    /// The spool was made just now: what lives from before is not known.
    fresh: bool,
    /// The spool's id: whose environment says it belongs to this spool's steps.
    pub(super) mark: String,
    news: OnceLock<News>,
    /// Since this daemon kept one: the end of the node's lease; 0: supervisors know of none.
    lease_until_ms: AtomicU64,
    /// Orders for each supervisor that is watched.
    controls: Mutex<BTreeMap<StepKey, mpsc::Sender<ToStep>>>,
}

impl RealSteps {
    /// Steps of `spool`.
    #[must_use]
    pub fn new(spool: &Spool, settings: StepSettings) -> Self {
        let mark = spool.id.iter().map(|byte| format!("{byte:02x}")).collect();
        if let Err(e) = nix::sys::prctl::set_child_subreaper(true) {
            warn!("orphans of killed supervisors will not come to this daemon: {e}");
        }
        let (fresh, spool, news) = (spool.fresh, spool.path.clone(), OnceLock::new());
        let settings = RwLock::new(Arc::new(settings));
        let (controls, lease_until_ms) = (Mutex::default(), AtomicU64::new(0));
        Self(Arc::new(Inner { fresh, spool, settings, mark, news, lease_until_ms, controls }))
    }

    /// As the configuration was read last.
    pub(super) fn settings(&self) -> Arc<StepSettings> {
        self.0.settings.read().expect("no holder of this lock panics").clone()
    }

    /// The configuration was read again: what is started from now on follows it.
    pub fn reconfigure(&self, settings: StepSettings) {
        *self.0.settings.write().expect("no holder of this lock panics") = Arc::new(settings);
    }

    fn watch(&self, step: StepKey, launch: Option<Launch>) {
        let (orders, waiting) = mpsc::channel(ORDERS_WAITING_MAX);
        self.controls().insert(step, orders);
        let steps = self.clone();
        tokio::spawn(async move {
            control::watch(&steps, step, launch, waiting).await;
            steps.controls().remove(&step);
        });
    }

    fn tell(&self, step: StepKey, body: to_step::Body) {
        let controls = self.controls();
        let told = controls.get(&step).map(|orders| orders.try_send(ToStep { body: Some(body) }));
        match told {
            Some(Ok(())) => {}
            Some(Err(e)) => warn!("step {step}: an order was lost: {e}"),
            None => info!("step {step}: an order, and no supervisor"),
        }
    }

    fn controls(&self) -> std::sync::MutexGuard<'_, BTreeMap<StepKey, mpsc::Sender<ToStep>>> {
        self.0.controls.lock().expect("no holder of this lock panics")
    }

    pub(super) async fn news(&self, input: Input) {
        if let Some(news) = self.0.news.get() {
            // The core is gone only when the daemon ends.
            let _ = news.send(input).await;
        }
    }

    pub(super) fn dir(&self, step: StepKey) -> PathBuf {
        paths::step(&self.0.spool, step)
    }

    pub(super) fn dirs_of(&self, attempt: AttemptKey) -> Vec<(StepKey, PathBuf)> {
        let steps = listed(&self.0.spool).into_iter().filter(|step| step.attempt == attempt);
        steps.map(|step| (step, self.dir(step))).collect()
    }

    fn launch_of(&self, step: StepKey) -> Launch {
        let settings = self.settings();
        let host_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Launch {
            uid: step.attempt.uid,
            attempt: step.attempt.attempt,
            step: step.step,
            order: None,
            hold: None,
            node_name: settings.node_name.clone(),
            spool: self.0.spool.to_string_lossy().into_owned(),
            slurm_conf: settings.slurm_conf.clone(),
            task_prolog: settings.hooks.task_prolog.clone().unwrap_or_default(),
            task_epilog: settings.hooks.task_epilog.clone().unwrap_or_default(),
            attach_wait_ms: settings.attach_wait_ms,
            resume_wait_ms: settings.resume_wait_ms,
            unkillable_s: settings.unkillable_s,
            host_name,
            mark: self.0.mark.clone(),
            lease_until_ms: self.0.lease_until_ms.load(Ordering::Relaxed),
        }
    }

    fn hook(&self, hook: Hook, attempt: AttemptKey, hold: Hold) {
        let steps = self.clone();
        tokio::spawn(async move {
            let settings = steps.settings();
            let (node_name, slurm_conf) = (&settings.node_name[..], &settings.slurm_conf[..]);
            let site = Site { hooks: &settings.hooks, node_name, slurm_conf };
            let failure = site.run(hook, &hold).await.err();
            let input = match hook {
                Hook::Prolog => Input::PrologEnded { attempt, failure },
                Hook::Epilog => Input::EpilogEnded { attempt, failure },
            };
            steps.news(input).await;
        });
    }
}

/// Every step that has a directory.
pub(super) fn listed(spool: &Path) -> Vec<StepKey> {
    let Ok(entries) = std::fs::read_dir(paths::steps(spool)) else { return Vec::new() };
    entries.filter_map(|entry| StepKey::parse(entry.ok()?.file_name().to_str()?)).collect()
}

pub(super) fn step_exit(record: ExitRecord) -> StepExit {
    StepExit {
        wait_status: record.wait_status,
        usage: record.usage.unwrap_or_default(),
        end_ms: record.end_ms,
        error: record.error,
        empty: record.empty,
        lease_over: record.lease_over,
        drain_reason: record.drain_reason,
    }
}

impl Steps for RealSteps {
    fn open(&self, news: News) -> BoxFuture<'_, Vec<FoundStep>> {
        let _ = self.0.news.set(news);
        let mut all = Vec::new();
        for step in listed(&self.0.spool) {
            let dir = self.dir(step);
            let found = match exit_file::read(&dir) {
                Some(record) => Found::Exited(step_exit(record)),
                None if is_alive(&dir) => {
                    self.watch(step, None);
                    Found::Lives
                }
                // The exit file may have come between the two looks.
                None => exit_file::read(&dir).map_or(Found::Lost, |record| Found::Exited(step_exit(record))),
            };
            all.push(FoundStep { step, found });
        }
        Box::pin(async move {
            if self.0.fresh {
                strays::end(&self.0.spool).await;
            }
            all
        })
    }

    fn lease_until_ms(&self) -> u64 {
        lease::read(&self.0.spool, &super::boot_id()).unwrap_or(0)
    }

    fn keep_lease(&self, until_ms: u64) {
        self.0.lease_until_ms.store(if until_ms == NO_END { 0 } else { until_ms }, Ordering::Relaxed);
        if let Err(e) = lease::write(&self.0.spool, &super::boot_id(), until_ms) {
            error!("the renewed lease cannot be written down, and steps will end for it: {e}");
        }
    }

    fn start(&self, step: StepKey, launch: LaunchStep) {
        let order = Some(Box::new(launch));
        self.watch(step, Some(Launch { order, ..self.launch_of(step) }));
    }

    fn start_extern(&self, step: StepKey, hold: Hold) {
        let hold = Some(Box::new(hold));
        self.watch(step, Some(Launch { hold, ..self.launch_of(step) }));
    }

    fn signal(&self, step: StepKey, signal: u32, batch_only: bool) {
        self.tell(step, to_step::Body::Signal(Signal { signal, batch_only }));
    }

    fn end(&self, step: StepKey, how: Ending) {
        let Ending { cause, kill_wait_s, whole, at_once } = how;
        self.tell(step, to_step::Body::End(End { cause: cause as i32, kill_wait_s, whole, at_once }));
    }

    fn kill(&self, step: StepKey) {
        self.tell(step, to_step::Body::Kill(true));
    }

    fn prolog(&self, attempt: AttemptKey, hold: Hold) {
        self.hook(Hook::Prolog, attempt, hold);
    }

    fn epilog(&self, attempt: AttemptKey, hold: Hold) {
        self.hook(Hook::Epilog, attempt, hold);
    }

    fn verify_empty(&self, attempt: AttemptKey) {
        let steps = self.clone();
        tokio::spawn(async move {
            let drain_reason = verify::until_empty(&steps, attempt).await;
            steps.news(Input::ContainmentEmpty { attempt, drain_reason }).await;
        });
    }

    fn clean(&self, attempt: AttemptKey) {
        let steps = self.clone();
        tokio::spawn(async move {
            // A supervisor that still keeps output for srun loses its files, not its socket's connection.
            for (_, dir) in steps.dirs_of(attempt) {
                if let Err(e) = verify::remove(&steps, &dir) {
                    warn!("cannot remove {}: {e}", dir.display());
                }
            }
        });
    }

    fn attach(&self, step: StepKey) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async move { control::connect(&self.dir(step)).await.map(|stream| Box::new(stream) as BoxStream) })
    }

    fn pids(&self, step: StepKey, job_id: u32) -> BoxFuture<'_, Vec<PidInfo>> {
        Box::pin(async move {
            let mut pids = control::pids(&self.dir(step)).await.unwrap_or_default();
            pids.iter_mut().for_each(|pid| pid.job_id = job_id);
            pids
        })
    }

    fn broadcast(
        &self,
        user: JobUser,
        start: BroadcastStart,
        data: mpsc::Receiver<Bytes>,
    ) -> BoxFuture<'_, BroadcastDone> {
        let settings = self.settings();
        Box::pin(async move { broadcast::write(&settings.program, user, start, data).await })
    }

    fn load(&self) -> Load {
        hardware::load()
    }
}
