//! The running daemon: its runtimes, and the signals that it follows.

use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use muster_channel::Outside;
use muster_controller::{Controller, MailProg, NameService, ProcessAgents, Settings, Timers, priority, read_config};
use muster_raft_store::StoreKind;
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::auth;
use super::log::Log;
use super::pid_file::PidFile;
use super::plan::Plan;
use super::tls;

/// Threads of doors and duties.
const WORKERS_MAX: usize = 8;

/// Serves until a signal says stop (`Ok`), or the replica cannot go on.
pub(super) fn serve(plan: Plan, log: Log, pid_file: PidFile, ready: impl FnOnce()) -> Result<()> {
    let keeper = auth::keeper(&plan.config, &[&plan.listen, &plan.replica_listen])?;
    if keeper.name() == "auth/none" {
        tracing::warn!("AuthType=auth/none: whoever reaches these doors may claim to be anybody");
    }
    let outside = Outside::real();
    let tls = tls::load(&plan, &outside)?;
    let outside = outside.with_tls(tls.as_ref());
    let (raft, stop_raft) = own_thread("raft", || {}, priority::as_others)?;
    let (listings, stop_listings) = own_thread("listings", give_way, || {})?;
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, WORKERS_MAX));
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_all().build().context("threads")?;
    let served = runtime.block_on(async {
        if let Some(tls) = tls {
            tls.handshakes_on(Handle::current());
            tokio::spawn(tls.watch());
        }
        let controller =
            Controller::start(settings(&plan, raft, listings), outside, keeper, Arc::new(NameService::default()))
                .await?;
        tracing::info!(
            name = plan.name,
            clients = controller.client_address(),
            replicas = controller.replica_address(),
            state = %plan.state_dir.display(),
            "serving"
        );
        ready();
        follow_signals(controller, &log).await
    });
    drop((stop_raft, stop_listings));
    drop(pid_file);
    served
}

fn settings(plan: &Plan, raft: Handle, listings: Handle) -> Settings {
    let path = plan.conf_path.clone();
    Settings {
        name: plan.name.clone(),
        client_listen: plan.listen.clone(),
        replica_listen: plan.replica_listen.clone(),
        advertise: plan.advertise.clone(),
        store: StoreKind::Disk(plan.state_dir.clone()),
        files: plan.files.clone(),
        read_files: Arc::new(move || read_config(&path).map(|(files, _)| files)),
        controllers: plan.controllers.clone(),
        mailer: Arc::new(MailProg),
        fence_agents: Arc::new(ProcessAgents),
        own_uid: nix::unistd::geteuid().as_raw(),
        timers: Timers::default(),
        raft_runtime: Some(raft),
        listing_runtime: Some(listings),
        random_seed: None,
        snapshot_every: None,
        feature_level_max: None,
    }
}

/// A runtime with a thread of its own: Raft's, so that no door can starve its heartbeats; and that of listings, which shall
/// starve nobody. It ends when the sender is dropped. `helper` begins the threads that it starts for what blocks.
fn own_thread(name: &str, begin: fn(), helper: fn()) -> Result<(Handle, oneshot::Sender<()>)> {
    let mut builder = Builder::new_current_thread();
    let runtime = builder.enable_all().on_thread_start(helper).build();
    let runtime = runtime.with_context(|| format!("{name}: runtime"))?;
    let handle = runtime.handle().clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let run = move || {
        begin();
        // Dropping the sender is the signal.
        let _ = runtime.block_on(stopped);
    };
    std::thread::Builder::new().name(name.into()).spawn(run).with_context(|| format!("{name}: thread"))?;
    Ok((handle, stop))
}

/// Of the processor's time, this thread takes what the others leave: a tenth where they want all of it.
const LISTINGS_NICE: i32 = 10;

fn give_way() {
    if let Err(why) = rustix::process::nice(LISTINGS_NICE) {
        tracing::warn!(%why, "listings are built with the priority of everything else");
    }
}

async fn follow_signals(controller: Controller, log: &Log) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut user2 = signal(SignalKind::user_defined2())?;
    loop {
        tokio::select! {
            why = controller.failed() => {
                // RocksDB asserts when a file that failed is closed: the process ends with its store open, and says why.
                std::mem::forget(controller);
                return Err(anyhow!(why));
            }
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = user2.recv() => log.reopen(),
            _ = hang_up.recv() => match controller.reconfigure().await {
                Ok(version) => tracing::info!(version, "the configuration was read again"),
                Err(why) => tracing::error!(why, "the configuration was not changed"),
            },
        }
    }
    tracing::info!("stopping");
    controller.stop().await;
    Ok(())
}
