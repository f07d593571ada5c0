//! The one loop that owns the agent: inputs in, actions carried out in order.
//!
//! What is to survive the death of this daemon is written before its effect: attempts, steps, ends. What the leader is told is
//! synced before, once for all that came in together; so are authority and registration before they are acted upon. More is not
//! needed against a power cut: it ends every process with the kernel, and the next boot id is the proof of that.

mod carry_out;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_channel::{Credentials, Outside, serve};
use muster_model::agent::{Action, Agent, AgentOptions, Input, Record};
use muster_proto::wire::{FromNode, Heartbeat, Inventory, Registered, Report, ToNode, from_node, to_node};
use prost::Message;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::{error, info, warn};

use crate::door::Door;
use crate::held_config::ConfigHeld;
use crate::session::{Session, SessionKeeper};
use crate::{JournalStore, Settings, Steps};

/// News of supervisors that waits for the core.
const NEWS_WAITING_MAX: usize = 1_024;
/// Messages of the leader that wait for the core.
const SESSION_WAITING_MAX: usize = 1_024;
/// Unacknowledged reports are sent again this often.
const REPEAT: Duration = Duration::from_secs(5);
/// Without a deadline the loop looks around this often.
const IDLE: Duration = Duration::from_secs(30);
/// Inputs of one kind that share one turn, and one fsync.
const TURN_MAX: usize = 256;

/// Why a node daemon did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its journal.
    #[error("cannot read the node's journal: {0}")]
    Journal(io::Error),
    /// Its door.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        error: io::Error,
    },
}

/// A running node daemon. Dropping it leaves it running; the steps outlive it in any case.
pub struct Noded {
    /// Where its door is.
    pub address: String,
    agent: Arc<Mutex<Agent>>,
    conf_hash: watch::Sender<u64>,
    stop: watch::Sender<bool>,
    core: JoinHandle<Result<(), io::Error>>,
}

impl Noded {
    /// Starts: reads the journal, finds what lives, opens the door, and dials the controllers.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(
        mut settings: Settings,
        outside: Outside,
        keeper: Arc<dyn Credentials>,
        steps: Arc<dyn Steps>,
        journal: Arc<dyn JournalStore>,
    ) -> Result<Self, StartError> {
        let loaded = journal.load().map_err(StartError::Journal)?;
        if loaded.damaged {
            error!("the node's journal is damaged: what followed the damage is lost");
            settings.journal_complete = false;
        }
        let records = loaded.records.iter().filter_map(|bytes| Record::decode(&bytes[..]).ok()).collect();
        let (news, news_rx) = mpsc::channel(NEWS_WAITING_MAX);
        let found = steps.open(news).await;
        let now_ms = (settings.boot_clock_ms)();
        let (mut agent, mut actions) = Agent::restore(settings.agent, &settings.boot_id, records, found, now_ms);
        actions.extend(agent.resume_lease(steps.lease_until_ms(), now_ms));
        let agent = Arc::new(Mutex::new(agent));

        let listen_error = |error| StartError::Listen { address: settings.listen.clone(), error };
        let listener = outside.net.listen(&settings.listen).await.map_err(listen_error)?;
        let address = listener.address().map_err(listen_error)?;
        let (stop, stopped) = watch::channel(false);
        let settings = Arc::new(settings);
        let start_ms = (outside.wall_ms)();
        let door = Door::new(settings.clone(), keeper.clone(), agent.clone(), steps.clone(), start_ms);
        let mut door_stop = stopped.clone();
        tokio::spawn(async move {
            let until = async move {
                let _ = door_stop.wait_for(|stop| *stop).await;
            };
            if let Err(e) = serve(listener, door.routes(), until).await {
                error!("the door closed: {e}");
            }
        });

        let (to_core, session_rx) = mpsc::channel(SESSION_WAITING_MAX);
        let conf_hash = watch::Sender::new(settings.conf_hash);
        let session = SessionKeeper {
            settings: settings.clone(),
            outside: outside.clone(),
            keeper,
            agent: agent.clone(),
            address: settings.advertise.clone().unwrap_or_else(|| address.clone()),
            start_ms,
            config: ConfigHeld::open(settings.config_store.clone()),
            conf_hash: conf_hash.subscribe(),
            to_core,
        };
        tokio::spawn(session.session_loop());
        let core = Core {
            settings,
            agent: agent.clone(),
            steps,
            journal,
            appended: loaded.records.len(),
            compact_at: carry_out::COMPACT_RECORDS,
            unsynced: false,
            must_sync: false,
            reports: Vec::new(),
            leader: None,
            heartbeat_ms: 0,
            beats: 0,
            refused_orders: 0,
        };
        let core = tokio::spawn(core.run(actions, news_rx, session_rx, stopped));
        Ok(Self { address, agent, conf_hash, stop, core })
    }

    /// The configuration was read again: what comes from now on follows it, and the leader is told what this node has.
    pub fn reconfigure(&self, options: AgentOptions, conf_hash: u64) {
        self.agent.lock().expect("no holder of this lock panics").set_options(options);
        self.conf_hash.send_if_modified(|known| std::mem::replace(known, conf_hash) != conf_hash);
    }

    /// What this node holds now.
    #[must_use]
    pub fn inventory(&self) -> Vec<muster_proto::wire::AttemptHere> {
        self.agent.lock().expect("no holder of this lock panics").inventory()
    }

    /// Ends the daemon, not its steps.
    ///
    /// # Errors
    /// The journal's, if that ended it before.
    pub async fn stop(mut self) -> io::Result<()> {
        let _ = self.stop.send(true);
        self.ended().await
    }

    /// Resolves when the daemon has ended by itself: its journal cannot be written. Not to be asked again.
    ///
    /// # Errors
    /// The journal's.
    pub async fn ended(&mut self) -> io::Result<()> {
        (&mut self.core).await.unwrap_or_else(|e| Err(io::Error::other(e)))
    }
}

struct Core {
    settings: Arc<Settings>,
    agent: Arc<Mutex<Agent>>,
    steps: Arc<dyn Steps>,
    journal: Arc<dyn JournalStore>,
    appended: usize,
    compact_at: usize,
    /// Records that are written and not yet synced.
    unsynced: bool,
    /// Something unsynced must not wait for a report.
    must_sync: bool,
    /// Reports of this turn: sent once what they say is synced.
    reports: Vec<Report>,
    leader: Option<mpsc::Sender<FromNode>>,
    heartbeat_ms: u32,
    beats: u64,
    /// Orders that this node did not obey.
    refused_orders: u64,
}

impl Core {
    async fn run(
        mut self,
        first: Vec<Action>,
        mut news: mpsc::Receiver<Input>,
        mut session: mpsc::Receiver<Session>,
        mut stopped: watch::Receiver<bool>,
    ) -> io::Result<()> {
        self.carry_out(first)?;
        self.end_turn()?;
        let mut repeat_at = Instant::now() + REPEAT;
        let mut beat_at = Instant::now() + IDLE;
        loop {
            let wake = self.next_wake();
            tokio::select! {
                biased;
                _ = stopped.wait_for(|stop| *stop) => return Ok(()),
                Some(input) = news.recv() => self.on(input)?,
                said = session.recv() => match said {
                    None => return Ok(()),
                    Some(said) => {
                        let opens = matches!(said, Session::Up { .. });
                        self.on_session(said)?;
                        if opens {
                            beat_at = self.next_beat();
                        }
                    }
                },
                () = tokio::time::sleep_until(beat_at) => {
                    self.beat()?;
                    beat_at = self.next_beat();
                }
                () = tokio::time::sleep_until(repeat_at) => {
                    self.repeat_reports();
                    repeat_at = Instant::now() + REPEAT;
                }
                () = tokio::time::sleep(wake) => self.on(Input::Tick)?,
            }
            self.take_what_waits(&mut news, &mut session)?;
            self.end_turn()?;
        }
    }

    /// What came meanwhile shares this turn's fsync.
    fn take_what_waits(
        &mut self,
        news: &mut mpsc::Receiver<Input>,
        session: &mut mpsc::Receiver<Session>,
    ) -> io::Result<()> {
        for _ in 0..TURN_MAX {
            let Ok(input) = news.try_recv() else { break };
            self.on(input)?;
        }
        for _ in 0..TURN_MAX {
            // The first of a session is heard in a turn of its own.
            let is_new = self.leader.is_none();
            let Some(said) = (!is_new).then(|| session.try_recv().ok()).flatten() else { break };
            self.on_session(said)?;
        }
        Ok(())
    }

    fn on_session(&mut self, said: Session) -> io::Result<()> {
        match said {
            Session::Up { registered, leader } => self.on_up(registered, leader),
            Session::Down => {
                self.leader = None;
                Ok(())
            }
            Session::Said(message) => self.on_said(*message),
        }
    }

    fn next_wake(&self) -> Duration {
        let deadline = self.agent().next_deadline_ms();
        let now = (self.settings.boot_clock_ms)();
        deadline.map_or(IDLE, |at| Duration::from_millis(at.saturating_sub(now)).clamp(Duration::from_millis(1), IDLE))
    }

    fn next_beat(&self) -> Instant {
        let interval = if self.leader.is_some() { u64::from(self.heartbeat_ms.max(10)) } else { 30_000 };
        Instant::now() + Duration::from_millis(interval)
    }

    fn agent(&self) -> std::sync::MutexGuard<'_, Agent> {
        self.agent.lock().expect("no holder of this lock panics")
    }

    fn on(&mut self, input: Input) -> io::Result<()> {
        let now = (self.settings.boot_clock_ms)();
        let actions = self.agent().on(input, now);
        self.carry_out(actions)
    }

    fn on_up(&mut self, registered: Box<Registered>, leader: mpsc::Sender<FromNode>) -> io::Result<()> {
        info!("registered as node {} with epoch {}", registered.node, registered.epoch);
        self.leader = Some(leader);
        self.heartbeat_ms = registered.heartbeat_ms;
        self.on(Input::Registered(registered))?;
        self.end_turn()?;
        let attempts = self.agent().inventory();
        self.say(from_node::Body::Inventory(Inventory { attempts }));
        self.repeat_reports();
        self.beat()
    }

    fn on_said(&mut self, message: ToNode) -> io::Result<()> {
        match message.body {
            Some(to_node::Body::Order(order)) => self.on(Input::Order(Box::new(order))),
            Some(to_node::Body::Ack(ack)) => {
                if !ack.stale.is_empty() {
                    info!("report {} recorded nothing: {}", ack.seq, ack.stale);
                }
                self.on(Input::Acked { seq: ack.seq })
            }
            Some(to_node::Body::HeartbeatAck(ack)) => self.on(Input::HeartbeatAcked(Box::new(ack))),
            Some(to_node::Body::Registered(registered)) => self.on(Input::Registered(Box::new(registered))),
            Some(to_node::Body::Redirect(_) | to_node::Body::Refused(_)) => {
                // Dropping the sender ends the session; the next one finds the leader.
                self.leader = None;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn beat(&mut self) -> io::Result<()> {
        if self.leader.is_none() {
            return Ok(());
        }
        self.beats += 1;
        // Before it leaves: a lease counts from here.
        self.on(Input::Beat { seq: self.beats })?;
        let load = self.steps.load();
        let heartbeat = Heartbeat {
            seq: self.beats,
            load_hundredths: load.load_hundredths,
            free_mem_mib: load.free_mem_mib,
            refused_orders: self.refused_orders,
        };
        self.say(from_node::Body::Heartbeat(heartbeat));
        // The leader answers an inventory with what may be forgotten; nothing else would ever shorten the journal.
        let attempts = self.agent().forgettable();
        if !attempts.is_empty() {
            self.say(from_node::Body::Inventory(Inventory { attempts }));
        }
        Ok(())
    }

    fn repeat_reports(&mut self) {
        if self.leader.is_none() {
            return;
        }
        let reports = self.agent().unacknowledged();
        for report in reports {
            self.say(from_node::Body::Report(report));
        }
    }

    /// Says it if there is a session with room; otherwise a later one will hear it.
    fn say(&mut self, body: from_node::Body) {
        let Some(leader) = &self.leader else { return };
        if leader.try_send(FromNode { body: Some(body) }).is_err() {
            warn!("the session with the leader does not take more: giving it up");
            self.leader = None;
        }
    }
}
