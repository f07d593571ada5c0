//! What a simulated node does without: processes, and a door that others dial.

use std::io;
use std::sync::Arc;

use muster_channel::tls::Peer;
use muster_channel::{BoxFuture, BoxStream, Listener, Net, Outside};
use muster_model::agent::{AttemptKey, FoundStep, StepKey};
use muster_noded::{Ending, JobUser, Load, News, Steps};
use muster_proto::wire::{self, BroadcastDone, BroadcastStart, PidInfo};
use tokio::sync::mpsc;

/// TCP to others, and a door that nobody finds: ten thousand listening sockets are not what is measured.
pub(super) struct Unreachable(Arc<dyn Net>);

impl Default for Unreachable {
    fn default() -> Self {
        Self(Outside::real().net)
    }
}

struct Nobody;

impl Net for Unreachable {
    fn connect(&self, address: &str) -> BoxFuture<'static, io::Result<BoxStream>> {
        self.0.connect(address)
    }

    fn listen(&self, _: &str) -> BoxFuture<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(async { Ok(Box::new(Nobody) as Box<dyn Listener>) })
    }
}

impl Listener for Nobody {
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxStream, Peer)>> {
        Box::pin(std::future::pending())
    }

    fn address(&self) -> io::Result<String> {
        Ok("127.0.0.1:9".into())
    }
}

/// Nothing runs here.
pub(super) struct IdleSteps;

impl Steps for IdleSteps {
    fn open(&self, _: News) -> BoxFuture<'_, Vec<FoundStep>> {
        Box::pin(async { Vec::new() })
    }
    fn lease_until_ms(&self) -> u64 {
        0
    }
    fn keep_lease(&self, _: u64) {}
    fn start(&self, _: StepKey, _: wire::LaunchStep) {}
    fn start_extern(&self, _: StepKey, _: wire::Hold) {}
    fn signal(&self, _: StepKey, _: u32, _: bool) {}
    fn end(&self, _: StepKey, _: Ending) {}
    fn kill(&self, _: StepKey) {}
    fn prolog(&self, _: AttemptKey, _: wire::Hold) {}
    fn epilog(&self, _: AttemptKey, _: wire::Hold) {}
    fn verify_empty(&self, _: AttemptKey) {}
    fn clean(&self, _: AttemptKey) {}
    fn attach(&self, _: StepKey) -> BoxFuture<'_, io::Result<BoxStream>> {
        Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
    }
    fn pids(&self, _: StepKey, _: u32) -> BoxFuture<'_, Vec<PidInfo>> {
        Box::pin(async { Vec::new() })
    }
    fn broadcast(
        &self,
        _: JobUser,
        _: BroadcastStart,
        _: mpsc::Receiver<bytes::Bytes>,
    ) -> BoxFuture<'_, BroadcastDone> {
        Box::pin(async { BroadcastDone::default() })
    }
    fn load(&self) -> Load {
        Load::default()
    }
}
