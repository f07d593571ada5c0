//! A watch that goes on: when its controller goes away, another one tells what comes after the last index.

use std::time::Duration;

use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::watched::Kind;
use muster_proto::wire::{Claim, Watch, Watched, request};
use tokio::time::{Instant, timeout};
use tonic::Streaming;

use super::{CONNECT, CallError, Client, PAUSE_FIRST};
use crate::credential::seal;
use crate::{REPLY_BYTES_MAX, dial};

/// A controller says something at least every ten seconds.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// A watch under way.
pub struct Watching {
    client: Client,
    asked: Watch,
    stream: Option<Streaming<Watched>>,
    /// Which controller is asked next.
    turn: usize,
    /// When something was heard last, or this began.
    heard: Instant,
    pause: Duration,
}

impl Client {
    /// Watches what `asked` names.
    pub fn watch(&self, asked: Watch) -> Watching {
        Watching { client: self.clone(), asked, stream: None, turn: 0, heard: Instant::now(), pause: PAUSE_FIRST }
    }
}

impl Watching {
    /// The next message; it resumes by itself, as long as some controller answers within `give_up`. What is told twice says
    /// the same; after `STATE_BEGINS` everything known before is void.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn next(&mut self) -> Result<Watched, CallError> {
        loop {
            match self.one().await? {
                Some(watched) => return Ok(watched),
                None if self.heard.elapsed() >= self.client.options.give_up => return Err(CallError::Unreachable),
                None => {
                    self.stream = None;
                    self.turn += 1;
                    let (turn, started) = (self.turn, self.heard);
                    self.client.rest(&mut self.pause, turn, started).await;
                }
            }
        }
    }

    /// Everything up to here has been told, and another watch may go on after it.
    pub fn index(&self) -> u64 {
        self.asked.after_index
    }

    /// `None`: this controller tells no more.
    async fn one(&mut self) -> Result<Option<Watched>, CallError> {
        if self.stream.is_none() {
            self.stream = self.open().await?;
        }
        let Some(stream) = &mut self.stream else { return Ok(None) };
        let Ok(Ok(Some(watched))) = timeout(SILENCE_MAX, stream.message()).await else { return Ok(None) };
        match watched.failure {
            Some(failure) if failure.retry => {
                self.client.hold_off(&failure).await;
                return Ok(None);
            }
            Some(failure) => return Err(CallError::Refused(failure)),
            None => {}
        }
        self.heard = Instant::now();
        self.pause = PAUSE_FIRST;
        if watched.index != 0 {
            self.asked.after_index = watched.index;
        }
        Ok(Some(watched).filter(|watched| watched.kind() != Kind::Resume))
    }

    async fn open(&self) -> Result<Option<Streaming<Watched>>, CallError> {
        let request = self.client.encode(request::Body::Watch(self.asked.clone()), false);
        let claim = Claim {
            cluster: self.client.options.cluster.clone(),
            request_id: request.id.to_vec().into(),
            audience: "controller".into(),
            sender: "client".into(),
            ..Claim::default()
        };
        let signed = seal(&self.client.keeper, request.bytes, claim).await?;
        let channel = dial(&self.client.outside, &self.client.nth(self.turn), CONNECT);
        let mut door = ControllerClient::new(channel).max_decoding_message_size(REPLY_BYTES_MAX);
        let opened = timeout(self.client.options.one_try, door.watch(signed)).await;
        Ok(opened.ok().and_then(Result::ok).map(tonic::Response::into_inner))
    }
}
