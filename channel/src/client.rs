//! The client's side of the client door: any controller is enough, the leader is followed, a repeat is the same request.

mod at_once;
mod passes;
mod snapshot;
mod watch;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Age, Claim, Failure, Reply, Request, reply, request};
use prost::Message;
use thiserror::Error;
use tokio::time::Instant;
use tonic::Code;
use tonic::transport::Channel;

pub use snapshot::Saving;
pub use watch::Watching;

use crate::credential::{CredentialError, Credentials, seal};
use crate::half_sent::is_refused;
use crate::{MESSAGE_BYTES_MAX, Outside, REPLY_BYTES_MAX, dial::dial_attentively};
use passes::Passes;

/// How long a request id stays valid for execution. Outside of it a repeat is refused, never carried out. The cluster allows
/// five minutes ahead of its own time: the rest is for a client whose clock is fast.
const VALIDITY_MS: u64 = 4 * 60 * 1000;
const CONNECT: Duration = Duration::from_secs(2);
/// A controller that stands still holds a command up for twice this, then the next is asked. Less would give up those that
/// only have much to do.
const ATTENTION: Duration = Duration::from_secs(2);
const PAUSE_FIRST: Duration = Duration::from_millis(10);
/// An election takes half a second: those who wait for it ask often, and after `ELECTION` seldom.
const PAUSE_MAX: Duration = Duration::from_millis(100);
const PAUSE_MAX_LATER: Duration = Duration::from_millis(1000);
/// Longest pause that a controller can ask for at once.
const HOLD_OFF_MS_MAX: u64 = 10_000;
/// Pause after a door had no room for the request. Slurm's number: "Resource temporarily unavailable".
const HALF_SENT_AGAIN_MS: u32 = 200;
const EAGAIN: u32 = 11;
const ELECTION: Duration = Duration::from_secs(5);
/// Where nobody was, nobody leads for a while, whatever others still believe.
const GONE: Duration = Duration::from_secs(1);
/// Leaders that one request is sent on to in a hurry.
const LEADERS_NAMED_MAX: usize = 9;

/// How to reach the cluster.
#[derive(Clone)]
pub struct ClientOptions {
    /// `ClusterName`.
    pub cluster: String,
    /// `host:port` of every controller's client door, in the order of `SlurmctldHost`.
    pub controllers: Vec<String>,
    /// This host's name.
    pub host: String,
    /// The program's name, for statistics: "sbatch".
    pub program: String,
    /// How long one try may take before the next controller is asked.
    pub one_try: Duration,
    /// After this the outcome is unknown.
    pub give_up: Duration,
}

/// Why a call has no answer.
#[derive(Debug, Error)]
pub enum CallError {
    /// The cluster answered no. `error` is Slurm's number.
    #[error("{}", .0.message)]
    Refused(Failure),
    /// munge does not work here.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// No controller could be reached, so nothing was carried out.
    #[error("Unable to contact slurm controller (connect failure)")]
    Unreachable,
    /// The request may have been carried out: no answer came.
    #[error("no answer after {0:?}: the outcome is unknown")]
    Unknown(Duration),
}

/// Calls the cluster. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    outside: Outside,
    keeper: Arc<dyn Credentials>,
    options: Arc<ClientOptions>,
    // Where the last answer came from: the leader, most of the time.
    warm: Arc<Mutex<Option<(String, Channel)>>>,
    passes: Arc<Passes>,
}

/// What one try told.
enum Tried {
    Answer(reply::Body, Option<Age>),
    /// Not carried out; go to this controller (empty: any).
    Elsewhere(String),
    /// Not carried out; the same controller can be asked again, after its pause.
    Busy(Failure),
    /// It could not be asked.
    NotSent,
    /// Asked, and no answer: it may or may not be carried out.
    Silent,
}

impl Client {
    /// A client of the cluster that `options` describe.
    pub fn new(outside: Outside, keeper: Arc<dyn Credentials>, options: ClientOptions) -> Self {
        Self { outside, keeper, options: Arc::new(options), warm: Arc::default(), passes: Arc::default() }
    }

    /// Asks until there is an answer: mints one request id, and keeps it for every repeat.
    ///
    /// # Errors
    /// See [`CallError`]. A refused request was not carried out.
    pub async fn call(&self, body: request::Body) -> Result<reply::Body, CallError> {
        self.ask(self.question(body)).await
    }

    /// A request with an id of its own.
    pub fn question(&self, body: request::Body) -> Question {
        Question { encoded: self.encode(body, false), started: Instant::now(), sent: false }
    }

    /// Asks until there is an answer: every repeat is the same request.
    ///
    /// # Errors
    /// See [`CallError`]. A refused request was not carried out.
    pub async fn ask(&self, question: Question) -> Result<reply::Body, CallError> {
        self.answer(question).await.map(|(body, _)| body)
    }

    /// Asks any controller for what it has, whether or not it reaches the others; and how old that may be.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn call_stale(&self, body: request::Body) -> Result<(reply::Body, Age), CallError> {
        let encoded = self.encode_with(body, |request| request.stale = true);
        let (body, age) = self.answer(Question { encoded, started: Instant::now(), sent: false }).await?;
        // One that does not know of stale reads answered as ever: now.
        Ok((body, age.unwrap_or_default()))
    }

    async fn answer(&self, question: Question) -> Result<(reply::Body, Option<Age>), CallError> {
        let Question { encoded: bytes, started, mut sent } = question;
        let mut pause = PAUSE_FIRST;
        let mut next = self.warm_address();
        let mut busy = None;
        let mut named: Vec<String> = Vec::new();
        let mut gone = None;
        for turn in 0usize.. {
            let address = next.take().unwrap_or_else(|| self.nth(turn));
            match self.try_once(&address, &bytes).await? {
                Tried::Answer(reply::Body::Failure(failure), _) => return Err(CallError::Refused(failure)),
                Tried::Answer(body, age) => return Ok((body, age)),
                Tried::Elsewhere(leader)
                    if !leader.is_empty()
                        && !is_gone(&gone, &leader)
                        && (leader != address || is_news(&named, &leader)) =>
                {
                    // News is worth asking soon. A stale hint can point in a circle: never without a pause.
                    if is_news(&named, &leader) {
                        named.push(leader.clone());
                        pause = PAUSE_FIRST;
                    }
                    next = Some(leader);
                    if started.elapsed() < self.options.give_up {
                        self.rest(&mut pause, turn, started).await;
                        continue;
                    }
                }
                Tried::NotSent => gone = Some((address, Instant::now())),
                Tried::Elsewhere(_) => {}
                Tried::Busy(failure) => {
                    self.hold_off(&failure).await;
                    busy = Some(failure);
                    next = Some(address);
                }
                Tried::Silent => sent = true,
            }
            if started.elapsed() >= self.options.give_up {
                return Err(match busy {
                    _ if sent => CallError::Unknown(self.options.give_up),
                    Some(failure) => CallError::Refused(failure),
                    None => CallError::Unreachable,
                });
            }
            self.rest(&mut pause, turn, started).await;
        }
        unreachable!("the loop ends by returning")
    }

    /// Asks exactly the controller at `address`, once, about its own state.
    ///
    /// # Errors
    /// [`CallError::Unreachable`] when it does not answer within one try.
    pub async fn call_one(&self, address: &str, body: request::Body) -> Result<reply::Body, CallError> {
        let bytes = self.encode(body, true);
        match self.try_once(address, &bytes).await? {
            Tried::Answer(reply::Body::Failure(failure), _) => Err(CallError::Refused(failure)),
            Tried::Answer(body, _) => Ok(body),
            _ => Err(CallError::Unreachable),
        }
    }

    /// The controllers, as given.
    pub fn controllers(&self) -> &[String] {
        &self.options.controllers
    }

    fn encode(&self, body: request::Body, local: bool) -> Encoded {
        self.encode_with(body, |request| request.local = local)
    }

    fn encode_with(&self, body: request::Body, how: impl FnOnce(&mut Request)) -> Encoded {
        let request_id = self.outside.random.id();
        let mut request = Request {
            request_id: request_id.to_vec().into(),
            valid_until_ms: (self.outside.wall_ms)() + VALIDITY_MS,
            host: self.options.host.clone(),
            program: self.options.program.clone(),
            body: Some(body),
            ..Request::default()
        };
        how(&mut request);
        Encoded { id: request_id, bytes: request.encode_to_vec() }
    }

    async fn try_once(&self, address: &str, request: &Encoded) -> Result<Tried, CallError> {
        let signed = match self.proven(address, request).await? {
            Some(signed) => signed,
            // A fresh credential each time: munge refuses replays.
            None => seal(&self.keeper, request.bytes.clone(), self.claim(request)).await?,
        };
        let channel = self.channel(address);
        let answer = tokio::time::timeout(self.options.one_try, self.door(channel.clone()).call(signed.clone())).await;
        if let Ok(Ok(reply)) = &answer
            && let Some(reply::Body::Failure(Failure { pass_is_void: true, .. })) = &reply.get_ref().body
        {
            self.forget_pass(address, &signed).await;
        }
        Ok(match answer {
            Err(_) => Tried::Silent,
            Ok(Err(status)) => without_answer(&status)?,
            Ok(Ok(reply)) => {
                self.remember(address, channel);
                understood(reply.into_inner())
            }
        })
    }

    fn door(&self, channel: Channel) -> ControllerClient<Channel> {
        ControllerClient::new(channel)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .max_decoding_message_size(REPLY_BYTES_MAX)
    }

    fn claim(&self, request: &Encoded) -> Claim {
        Claim {
            cluster: self.options.cluster.clone(),
            request_id: request.id.to_vec().into(),
            audience: "controller".into(),
            sender: "client".into(),
            ..Claim::default()
        }
    }

    fn nth(&self, turn: usize) -> String {
        let controllers = &self.options.controllers;
        controllers.get(turn % controllers.len().max(1)).cloned().unwrap_or_default()
    }

    fn warm_address(&self) -> Option<String> {
        self.warm.lock().expect("no holder of this lock panics").as_ref().map(|(address, _)| address.clone())
    }

    fn channel(&self, address: &str) -> Channel {
        let warm = self.warm.lock().expect("no holder of this lock panics");
        match &*warm {
            Some((at, channel)) if at == address => channel.clone(),
            _ => dial_attentively(&self.outside, address, CONNECT, ATTENTION),
        }
    }

    fn remember(&self, address: &str, channel: Channel) {
        *self.warm.lock().expect("no holder of this lock panics") = Some((address.to_owned(), channel));
    }

    /// As long as the controller says, and up to a half more: those who are told together come back apart.
    async fn hold_off(&self, failure: &Failure) {
        let asked_ms = u64::from(failure.retry_after_ms).min(HOLD_OFF_MS_MAX);
        if asked_ms > 0 {
            let jitter_ms = self.outside.random.below(1 + asked_ms / 2);
            tokio::time::sleep(Duration::from_millis(asked_ms + jitter_ms)).await;
        }
    }

    async fn rest(&self, pause: &mut Duration, turn: usize, started: Instant) {
        // Every controller is tried once before the first real wait.
        if turn + 1 >= self.options.controllers.len() {
            let jitter = self.outside.random.below(1 + pause.as_millis() as u64 / 2);
            tokio::time::sleep(*pause + Duration::from_millis(jitter)).await;
            *pause = (*pause * 2).min(if started.elapsed() < ELECTION { PAUSE_MAX } else { PAUSE_MAX_LATER });
        }
    }
}

/// Whether this leader was not named before; a controller may have been elected while it was asked, and names itself.
fn is_news(named: &[String], leader: &str) -> bool {
    named.len() < LEADERS_NAMED_MAX && named.iter().all(|known| known != leader)
}

/// Whether nobody was there a moment ago.
fn is_gone(gone: &Option<(String, Instant)>, address: &str) -> bool {
    gone.as_ref().is_some_and(|(known, at)| known == address && at.elapsed() < GONE)
}

/// A request on its way to an answer.
pub struct Question {
    encoded: Encoded,
    started: Instant,
    sent: bool,
}

impl Question {
    /// Whether it was sent to a controller that did not answer.
    pub fn may_be_done(&self) -> bool {
        self.sent
    }
}

struct Encoded {
    id: [u8; 16],
    bytes: Vec<u8>,
}

fn understood(reply: Reply) -> Tried {
    match reply.body {
        None => Tried::Silent,
        Some(reply::Body::NotLeader(hint)) => Tried::Elsewhere(hint.leader_address),
        Some(reply::Body::Failure(failure)) if failure.retry => Tried::Busy(failure),
        Some(body) => Tried::Answer(body, reply.age),
    }
}

fn without_answer(status: &tonic::Status) -> Result<Tried, CallError> {
    let refused =
        |message: &str| CallError::Refused(Failure { error: u32::MAX, message: message.into(), ..Failure::default() });
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted | Code::InvalidArgument | Code::Unimplemented => {
            Err(refused(status.message()))
        }
        // It did not have the whole of it: nothing was carried out.
        _ if is_refused(status) => Ok(Tried::Busy(Failure {
            error: EAGAIN,
            message: status.message().to_owned(),
            retry: true,
            retry_after_ms: HALF_SENT_AGAIN_MS,
            ..Failure::default()
        })),
        // A connection that never was. Anything else may have been carried out.
        Code::Unavailable if status.message().contains("connect") => Ok(Tried::NotSent),
        _ => Ok(Tried::Silent),
    }
}
