//! The replica daemon: Raft, the doors, and the leader's duties.
//!
//! ```text
//! clients, nodes ─► door::client, door::node ─► propose ─► raft-store ─► model::cluster (apply)
//! replicas ───────► door::replica ────────────────────────► raft-store        │
//!                                                                            ▼
//!                          orders to nodes ◄── leader/ (duties) ◄── events, state
//! ```
//!
//! Nothing is decided here: commands are decided in apply, plans in `model::sched`. A leader acts on nodes only from
//! committed state, and keeps no memory that the next one would need. Everything from outside (network, clocks,
//! randomness, credentials, the name service, mail) comes in through [`muster_channel::Outside`], [`Settings`] and traits,
//! so that the simulation runs the same code.
//!
//! [`Controller::start`] is the one entry.

mod config;
mod controller;
mod core;
mod counters;
mod door;
mod enter;
mod fence_agent;
mod freshness;
mod heard;
mod http;
mod joining;
mod journal;
mod leader;
mod listing;
mod mail;
mod member;
pub mod priority;
mod propose;
mod seat;
mod settings;
mod users;
mod views;
mod watchers;

pub use config::read as read_config;
pub use controller::{Controller, StartError};
pub use fence_agent::{FenceAction, FenceAgents, FenceCall, FenceSaid, NoAgents, ProcessAgents};
pub use mail::{Mail, MailProg, Mailer, NoMail};
pub use settings::{ReadFiles, Settings, Timers};
pub use users::{Group, NameService, User, UserTable, Users, UsersError};
