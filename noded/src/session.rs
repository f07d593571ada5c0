//! The session with the leader: found through any controller, kept open, opened again with bounded, jittered pauses.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use muster_channel::{Credentials, MESSAGE_BYTES_MAX, Outside, dial, seal};
use muster_model::agent::Agent;
use muster_proto::durable::{HeldAttempt, RegisterNode};
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Claim, FromNode, Hello, NodeUp, Registered, Signed, ToNode, from_node, to_node};
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;
use tracing::{debug, info, warn};

use crate::Settings;
use crate::held_config::ConfigHeld;

const CONNECT: Duration = Duration::from_secs(2);
/// How long a controller may take to answer the hello. One that has a crowd to answer takes longer: whoever gives up and begins
/// again adds to the crowd, so each time the patience is twice as long.
const HELLO: Duration = Duration::from_secs(5);
const HELLO_MAX: Duration = Duration::from_secs(40);
const PAUSE_FIRST_MS: u64 = 20;
const PAUSE_MAX_MS: u64 = 2_000;
/// After a final refusal (another machine has this name) there is no hurry.
const PAUSE_REFUSED_MS: u64 = 10_000;
/// Heartbeat intervals of silence after which the session is given up.
const SILENT_BEATS_MAX: u32 = 4;
/// Messages that wait for the leader; beyond it the session is given up, and everything is said again.
const UP_WAITING_MAX: usize = 4_096;
/// Redirects in a row that are worth a line in the log.
const REDIRECTS_NOTED: u32 = 10;
/// How long a credential is shown again after a redirect: well within its life.
const CREDENTIAL_KEPT: Duration = Duration::from_secs(30);
/// Heartbeat interval if the leader names none, milliseconds.
const HEARTBEAT_DEFAULT_MS: u32 = 5_000;

/// What the session tells the core.
pub(crate) enum Session {
    /// A leader registered this node; messages for it go there.
    Up { registered: Box<Registered>, leader: mpsc::Sender<FromNode> },
    /// It said something.
    Said(Box<ToNode>),
    /// It is gone.
    Down,
}

pub(crate) struct SessionKeeper {
    pub(crate) settings: Arc<Settings>,
    pub(crate) outside: Outside,
    pub(crate) keeper: Arc<dyn Credentials>,
    pub(crate) agent: Arc<Mutex<Agent>>,
    pub(crate) address: String,
    pub(crate) start_ms: u64,
    /// What leaders need not hand over again.
    pub(crate) config: ConfigHeld,
    /// Of the slurm.conf that this node has: when it changes, the leader is told in a new session.
    pub(crate) conf_hash: watch::Receiver<u64>,
    pub(crate) to_core: mpsc::Sender<Session>,
}

enum Ended {
    /// It had been up: try again at once.
    Lost,
    Elsewhere(String),
    /// Nobody is there.
    Unreached(String),
    /// Somebody is there, and says nothing.
    Silent,
    Failed(String),
    Refused(String),
    CoreGone,
}

/// A hello that nobody has taken yet.
struct Kept {
    signed: Signed,
    made: Instant,
}

struct Opened {
    registered: Box<Registered>,
    up: mpsc::Sender<NodeUp>,
    down: Streaming<muster_proto::wire::NodeDown>,
}

impl SessionKeeper {
    /// Keeps a session until the core is gone.
    pub(crate) async fn session_loop(self) {
        let mut turn = self.outside.random.next_u64() as usize;
        let mut pause = PAUSE_FIRST_MS;
        let mut next = None;
        let mut told = String::new();
        let mut redirects = 0u32;
        let mut kept = None;
        let mut patience = HELLO;
        loop {
            let address = next.take().unwrap_or_else(|| self.nth(turn));
            let ended = self.run(&address, &mut kept, patience).await;
            let waited = patience;
            patience = match ended {
                Ended::Silent => (patience * 2).min(HELLO_MAX),
                _ => HELLO,
            };
            if !matches!(ended, Ended::Elsewhere(_) | Ended::Unreached(_)) {
                kept = None;
            }
            match ended {
                Ended::CoreGone => return,
                Ended::Lost => {
                    redirects = 0;
                    info!("session with {address} ended");
                    (pause, told) = (PAUSE_FIRST_MS, String::new());
                }
                Ended::Elsewhere(leader) => {
                    // Once in a while is an election; again and again is something for the log.
                    redirects += 1;
                    if redirects.is_multiple_of(REDIRECTS_NOTED) {
                        warn!("no controller leads: {address} is the last of {redirects} that sent this node on");
                    }
                    next = Some(leader).filter(|leader| !leader.is_empty());
                }
                Ended::Silent => warn!("Unable to register with controller {address}: no answer in {waited:?}"),
                Ended::Unreached(why) | Ended::Failed(why) if why == told => debug!("{address}: {why}"),
                Ended::Unreached(why) | Ended::Failed(why) => {
                    warn!("Unable to register with controller {address}: {why}");
                    told = why;
                }
                Ended::Refused(why) => {
                    warn!("Registration refused by {address}: {why}");
                    pause = PAUSE_REFUSED_MS;
                }
            }
            if next.is_none() {
                turn = turn.wrapping_add(1);
            }
            let jittered = pause / 2 + self.outside.random.below(pause);
            tokio::time::sleep(Duration::from_millis(jittered)).await;
            pause = (pause * 2).clamp(PAUSE_FIRST_MS, PAUSE_MAX_MS);
        }
    }

    fn nth(&self, turn: usize) -> String {
        let controllers = &self.settings.controllers;
        controllers.get(turn % controllers.len().max(1)).cloned().unwrap_or_default()
    }

    async fn run(&self, address: &str, kept: &mut Option<Kept>, patience: Duration) -> Ended {
        let mut conf_hash = self.conf_hash.clone();
        conf_hash.mark_unchanged();
        let mut session = match tokio::time::timeout(patience, self.open(address, kept)).await {
            Err(_) => return Ended::Silent,
            Ok(Err(ended)) => return ended,
            Ok(Ok(session)) => session,
        };
        self.config.keep(&mut session.registered);
        let heartbeat = match session.registered.heartbeat_ms {
            0 => HEARTBEAT_DEFAULT_MS,
            told => told,
        };
        session.registered.heartbeat_ms = heartbeat;
        let (leader, mut outgoing) = mpsc::channel::<FromNode>(UP_WAITING_MAX);
        if self.to_core.send(Session::Up { registered: session.registered, leader }).await.is_err() {
            return Ended::CoreGone;
        }
        let silence = Duration::from_millis(u64::from(heartbeat)) * SILENT_BEATS_MAX;
        let ended = loop {
            tokio::select! {
                said = tokio::time::timeout(silence, session.down.next()) => match said {
                    Ok(Some(Ok(down))) => match ToNode::decode(&down.frame[..]) {
                        Ok(message) => {
                            if self.to_core.send(Session::Said(Box::new(message))).await.is_err() {
                                return Ended::CoreGone;
                            }
                        }
                        Err(e) => break Ended::Failed(format!("not a message for nodes: {e}")),
                    },
                    _ => break Ended::Lost,
                },
                Ok(()) = conf_hash.changed() => break Ended::Lost,
                message = outgoing.recv() => match message {
                    Some(message) => {
                        if send(&session.up, message).await.is_err() {
                            break Ended::Lost;
                        }
                    }
                    // The core gave this session up: too much waits in it.
                    None => break Ended::Lost,
                },
            }
        };
        match self.to_core.send(Session::Down).await {
            Ok(()) => ended,
            Err(_) => Ended::CoreGone,
        }
    }

    async fn open(&self, address: &str, kept: &mut Option<Kept>) -> Result<Opened, Ended> {
        let failed = |e: &dyn std::fmt::Display| Ended::Failed(e.to_string());
        let mut client = ControllerClient::new(dial(&self.outside, address, CONNECT))
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .max_decoding_message_size(2 * MESSAGE_BYTES_MAX);
        let (up, frames) = mpsc::channel(UP_WAITING_MAX);
        let hello = self.hello(kept).await.map_err(|e| failed(&e))?;
        send(&up, hello).await.map_err(|e| failed(&e))?;
        let answer = client.session(ReceiverStream::new(frames)).await;
        let mut down = answer.map_err(|status| Ended::Unreached(status.message().to_owned()))?.into_inner();
        let first = down.next().await.ok_or_else(|| failed(&"the session was closed"))?;
        let first = first.map_err(|status| failed(&status.message()))?;
        let first = ToNode::decode(&first.frame[..]).map_err(|e| failed(&e))?;
        match first.body {
            Some(to_node::Body::Registered(registered)) => Ok(Opened { registered: Box::new(registered), up, down }),
            Some(to_node::Body::Redirect(redirect)) => Err(Ended::Elsewhere(redirect.leader_address)),
            Some(to_node::Body::Refused(refused)) if refused.r#final => Err(Ended::Refused(refused.why)),
            Some(to_node::Body::Refused(refused)) => Err(Ended::Failed(refused.why)),
            _ => Err(Ended::Failed("an answer that is none".into())),
        }
    }

    /// The hello of now, under the credential of the last try where it says the same: whoever sent this node on without having
    /// looked at it left it good.
    async fn hello(&self, kept: &mut Option<Kept>) -> Result<FromNode, muster_channel::CredentialError> {
        let hello = self.say_hello();
        let request = hello.encode_to_vec();
        let good = kept.take().filter(|kept| kept.signed.request == request && kept.made.elapsed() < CREDENTIAL_KEPT);
        let kept = match good {
            Some(good) => kept.insert(good),
            None => {
                let signed = seal(&self.keeper, request, self.claim(hello.cluster_id)).await?;
                kept.insert(Kept { signed, made: Instant::now() })
            }
        };
        Ok(FromNode { body: Some(from_node::Body::Hello(kept.signed.clone())) })
    }

    fn say_hello(&self) -> Hello {
        let settings = &self.settings;
        let (newest, holds, lease_ms) = {
            let agent = self.agent.lock().expect("no holder of this lock panics");
            let ended = |row: &muster_model::agent::AttemptRow| row.phase() >= muster_model::agent::Phase::Released;
            let held = agent.attempts().map(|row| {
                let (ended, lives) = (ended(row), row.may_live());
                HeldAttempt { uid: row.uid, attempt: row.attempt, ended, lives }
            });
            (agent.newest().clone(), held.collect(), agent.lease_to_say_ms())
        };
        let held_config = self.config.which();
        let registration = RegisterNode {
            name: settings.node_name.clone(),
            machine: settings.machine.clone().into(),
            boot_id: settings.boot_id.clone(),
            spool_id: settings.spool_id.clone().into(),
            hardware: Some(settings.hardware.clone()),
            version: settings.version.clone(),
            boot_ms: settings.boot_ms,
            start_ms: self.start_ms,
            address: self.address.clone(),
            config_version: held_config.as_ref().map_or(0, |held| held.version),
            journal_complete: settings.journal_complete,
            holds,
            lease_ms,
        };
        Hello {
            registration: Some(registration),
            cluster: settings.cluster.clone(),
            cluster_id: newest.cluster_id.clone(),
            newest: Some(newest),
            conf_hash: *self.conf_hash.borrow(),
            held_config,
        }
    }

    fn claim(&self, cluster_id: Bytes) -> Claim {
        Claim {
            cluster: self.settings.cluster.clone(),
            cluster_id,
            request_id: self.outside.random.id().to_vec().into(),
            audience: "controller".into(),
            sender: format!("node:{}", self.settings.node_name),
            ..Claim::default()
        }
    }
}

async fn send(up: &mpsc::Sender<NodeUp>, message: FromNode) -> Result<(), &'static str> {
    let up = up.send(NodeUp { frame: message.encode_to_vec().into() });
    up.await.map_err(|_| "the session was closed")
}
