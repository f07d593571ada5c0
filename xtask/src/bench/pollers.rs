//! A crowd that lists the queue again and again, in a thread of its own that takes what the others leave: what clients do with
//! their answers happens on other hosts, and must not hold up the clock of who works.
//!
//! It cannot be taken out altogether: where a processor is busy, even with what gives way to everything, others are woken
//! later. So the crowd can also just compute, for as long and in as many pieces as its listings took: the difference between the two
//! is what the cluster does for it.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use muster_channel::Client;
use muster_proto::wire::{ListJobs, request};
use tokio::sync::oneshot;

/// A poller lists as `squeue` does, waits so long, and lists again: `watch -n1 squeue`.
pub(super) const POLL_PAUSE: Duration = Duration::from_secs(1);

/// What everybody in it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Mode {
    Rests,
    Lists,
    Computes,
}

/// See the module.
pub(super) struct Pollers {
    shared: Arc<Shared>,
    count: usize,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    mode: AtomicU8,
    /// Listings answered, and under way.
    answered: AtomicUsize,
    under_way: AtomicUsize,
    /// Processor time of the thread, and of one piece of computing, nanoseconds.
    spent: AtomicU64,
    piece: AtomicU64,
}

impl Pollers {
    /// They rest.
    pub(super) fn begin(clients: Vec<Client>) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (shared, count) = (Arc::new(Shared::default()), clients.len());
        let of_thread = shared.clone();
        let run = move || {
            if let Err(why) = give_way() {
                eprintln!("pollers are as important as the cluster: {why:#}");
            }
            runtime.block_on(async {
                let mut pollers = tokio::task::JoinSet::new();
                for (number, client) in clients.into_iter().enumerate() {
                    let first = POLL_PAUSE * u32::try_from(number % 1_000).unwrap_or(0) / 1_000;
                    pollers.spawn(poll(client, first, of_thread.clone()));
                }
                // Dropping the sender is the signal, too.
                let _ = stopped.await;
            });
        };
        let thread = std::thread::Builder::new().name("pollers".into()).spawn(run)?;
        Ok(Self { shared, count, stop, thread })
    }

    /// Everybody lists, once they are at it.
    pub(super) async fn list(&self) {
        let before = self.answered();
        self.set(Mode::Lists);
        while self.answered() < before + self.count * 2 {
            tokio::time::sleep(POLL_PAUSE / 10).await;
        }
    }

    /// Everybody computes: `share` of one processor in all.
    pub(super) fn compute(&self, share: f64) {
        let piece = POLL_PAUSE.mul_f64(share).as_nanos() as u64 / self.count.max(1) as u64;
        self.shared.piece.store(piece, Ordering::Relaxed);
        self.set(Mode::Computes);
    }

    /// Nobody does anything, and nothing is under way.
    pub(super) async fn rest(&self) {
        self.set(Mode::Rests);
        while self.shared.under_way.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(POLL_PAUSE / 10).await;
        }
    }

    /// Listings so far.
    pub(super) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Processor time of all of them so far.
    pub(super) fn spent(&self) -> Duration {
        Duration::from_nanos(self.shared.spent.load(Ordering::Relaxed))
    }

    pub(super) fn end(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().map_err(|_| anyhow!("a poller panicked"))
    }

    fn set(&self, mode: Mode) {
        self.shared.mode.store(mode as u8, Ordering::Relaxed);
    }
}

/// This thread runs where nobody else wants to (SCHED_IDLE): the least niceness would still be let finish its turn by who wakes up.
fn give_way() -> Result<()> {
    let thread = rustix::thread::gettid().as_raw_nonzero().to_string();
    let done = Command::new("chrt").args(["--idle", "--pid", "0", &thread]).status().context("chrt of util-linux")?;
    ensure!(done.success(), "chrt: {done}");
    Ok(())
}

async fn poll(client: Client, first: Duration, shared: Arc<Shared>) {
    tokio::time::sleep(first).await;
    loop {
        let mode = shared.mode.load(Ordering::Relaxed);
        if mode == Mode::Lists as u8 {
            shared.under_way.fetch_add(1, Ordering::Relaxed);
            // A listing that is refused for now is asked again by the client itself.
            let asked = ListJobs { brief: true, ..ListJobs::default() };
            if client.call(request::Body::ListJobs(asked)).await.is_ok() {
                shared.answered.fetch_add(1, Ordering::Relaxed);
            }
            shared.under_way.fetch_sub(1, Ordering::Relaxed);
        } else if mode == Mode::Computes as u8 {
            compute(Duration::from_nanos(shared.piece.load(Ordering::Relaxed)));
        }
        shared.spent.store(thread_time().as_nanos() as u64, Ordering::Relaxed);
        tokio::time::sleep(POLL_PAUSE).await;
    }
}

/// For so much processor time.
fn compute(piece: Duration) {
    let begun = thread_time();
    let wall = Instant::now();
    // Who gets no processor gives up, as a client would.
    while thread_time() - begun < piece && wall.elapsed() < POLL_PAUSE {
        std::hint::black_box((0..1_000u64).fold(1, |product: u64, number| product.wrapping_mul(number | 1)));
    }
}

/// Of this thread.
fn thread_time() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec.try_into().unwrap_or(0), used.tv_nsec.try_into().unwrap_or(0))
}
