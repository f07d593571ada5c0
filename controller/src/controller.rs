//! One controller, from its start to its end.

use std::sync::Arc;

use muster_channel::{Credentials, Listener, Outside, serve};
use muster_raft_store::{OpenError, Replica, peek};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tonic::service::Routes;

use crate::enter::enter;
use crate::seat::{Seat, SeatParts};
use crate::settings::Settings;
use crate::users::Users;
use crate::{config, door, joining};

/// Why a controller does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration cannot be used: every finding, one a line.
    #[error("{0}")]
    Config(String),
    /// An address is taken, or not of this host.
    #[error("cannot listen on {address}: {why}")]
    Listen {
        /// `host:port`
        address: String,
        /// The system's word.
        why: std::io::Error,
    },
    /// The store belongs to another, is in use, or is damaged.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store is of this replica, but not under this name.
    #[error("the store belongs to replica {found}, this controller is {name}")]
    AnotherName {
        /// Of the store.
        found: String,
        /// Of this controller.
        name: String,
    },
}

/// A running controller.
pub struct Controller {
    seat: Arc<Seat>,
    stop: watch::Sender<bool>,
    serving: Vec<JoinHandle<()>>,
    joining: JoinHandle<()>,
}

impl Controller {
    /// Opens the store if it is a replica's, or waits to be founded or admitted, and serves.
    ///
    /// # Errors
    /// See [`StartError`]. Nothing is left running then.
    pub async fn start(
        settings: Settings,
        outside: Outside,
        keeper: Arc<dyn Credentials>,
        users: Arc<dyn Users>,
    ) -> Result<Self, StartError> {
        let parsed = config::parse(&settings.files);
        let local = parsed.config.ok_or_else(|| StartError::Config(config::findings(&parsed.diagnostics).0))?;
        let client = listen(&outside, &settings.client_listen).await?;
        let raft = settings.raft_runtime.clone().unwrap_or_else(Handle::current);
        let replica = listen_on(&raft, &outside, &settings.replica_listen).await?;
        let store = peek(&settings.store)?;
        let identity = store.identity;
        if let Some(found) = identity.as_ref().filter(|found| found.name != settings.name) {
            return Err(StartError::AnotherName { found: found.name.clone(), name: settings.name });
        }
        let seat = Seat::new(SeatParts {
            client_address: advertised(&settings, &*client),
            replica_address: advertised(&settings, &*replica),
            store_id: store.store_id,
            settings,
            local,
            outside,
            keeper,
            users,
        });
        seat.learn_admins(&seat.local.slurm_user, &seat.local.slurmd_user).await;
        let joining = match identity {
            None => tokio::spawn(joining::ask_until_member(seat.clone())),
            Some(identity) => {
                let member = enter(&seat, identity).await?;
                seat.seat_member(member.clone());
                tokio::spawn(joining::tell_address(seat.clone(), member))
            }
        };
        let stop = watch::Sender::new(false);
        let serving = vec![
            serve_door(&Handle::current(), &seat, client, door::client_routes(seat.clone()), &stop),
            serve_door(&raft, &seat, replica, door::replica_routes(seat.clone()), &stop),
        ];
        Ok(Self { seat, stop, serving, joining })
    }

    /// `host:port` of the client door, as others reach it.
    pub fn client_address(&self) -> &str {
        &self.seat.client_address
    }

    /// `host:port` of the replica door.
    pub fn replica_address(&self) -> &str {
        &self.seat.replica_address
    }

    /// The cluster that this controller belongs to, once it does.
    pub fn cluster_id(&self) -> Option<[u8; 16]> {
        self.seat.member().map(|member| member.core.identity.cluster_id)
    }

    /// Whether it leads, as it knows.
    pub fn leads(&self) -> bool {
        self.seat.member().is_some_and(|member| member.leads())
    }

    /// The index that this replica has applied up to, and the digest of its state: replicas at one index must agree.
    pub fn digest(&self) -> Option<(u64, u128)> {
        self.seat.member().map(|member| member.core.replica.digest())
    }

    /// Its replica, once it is a member: for whoever judges it from outside, as the simulation does.
    pub fn replica(&self) -> Option<Replica> {
        self.seat.member().map(|member| member.core.replica.clone())
    }

    /// Resolves when it is a member of a cluster.
    pub async fn until_member(&self) {
        self.seat.until_member().await;
    }

    /// Reads its configuration files again and puts them in force, if it leads. The answer is for the log.
    ///
    /// # Errors
    /// What is wrong with the files, or that it does not lead.
    pub async fn reconfigure(&self) -> Result<u64, String> {
        let member = self.seat.member().filter(|member| member.leads());
        let member = member.ok_or_else(|| "this controller does not lead: nothing was changed".to_owned())?;
        door::client::reconfigure_here(&self.seat, &member).await
    }

    /// Resolves with the reason once it cannot go on: the process must end.
    pub async fn failed(&self) -> String {
        let mut failure = self.seat.failure();
        let found = failure.wait_for(Option::is_some).await;
        found.ok().and_then(|why| why.clone()).unwrap_or_default()
    }

    /// Hands leadership over, lets requests under way finish for a moment, and closes the store.
    pub async fn stop(mut self) {
        self.joining.abort();
        if let Some(member) = self.seat.member() {
            // Where all controllers stop at once nobody takes it.
            if tokio::time::timeout(HAND_OVER, member.hand_over()).await.is_err() {
                tracing::warn!("leadership was not handed over in time");
            }
            // Those who watch go on elsewhere.
            member.journal.close();
        }
        self.stop.send_replace(true);
        for door in self.serving.drain(..) {
            let abort = door.abort_handle();
            if tokio::time::timeout(DOORS_CLOSE, door).await.is_err() {
                abort.abort();
            }
        }
        if let Some(member) = self.seat.member() {
            member.stop().await;
        }
    }
}

/// How long handing leadership over may take.
const HAND_OVER: std::time::Duration = std::time::Duration::from_millis(500);
/// How long requests under way may take at the end.
const DOORS_CLOSE: std::time::Duration = std::time::Duration::from_millis(200);

async fn listen(outside: &Outside, address: &str) -> Result<Box<dyn Listener>, StartError> {
    let listening = outside.net.listen(address).await;
    listening.map_err(|why| StartError::Listen { address: address.to_owned(), why })
}

/// The sockets of a door belong to the runtime that serves it.
async fn listen_on(runtime: &Handle, outside: &Outside, address: &str) -> Result<Box<dyn Listener>, StartError> {
    let (outside, wanted) = (outside.clone(), address.to_owned());
    let listening = runtime.spawn(async move { listen(&outside, &wanted).await }).await;
    listening.unwrap_or_else(|why| {
        Err(StartError::Listen { address: address.to_owned(), why: std::io::Error::other(why.to_string()) })
    })
}

/// Where others reach a door: the host that they are told, and the port that it has.
fn advertised(settings: &Settings, listener: &dyn Listener) -> String {
    let address = listener.address().unwrap_or_default();
    match (&settings.advertise, address.rsplit_once(':')) {
        (Some(host), Some((_, port))) => format!("{host}:{port}"),
        _ => address,
    }
}

fn serve_door(
    runtime: &Handle,
    seat: &Arc<Seat>,
    listener: Box<dyn Listener>,
    routes: Routes,
    stop: &watch::Sender<bool>,
) -> JoinHandle<()> {
    let mut stopped = stop.subscribe();
    let seat = seat.clone();
    runtime.spawn(async move {
        let until = async move {
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        if let Err(why) = serve(listener, routes, until).await {
            seat.fail(format!("a door closed: {why}"));
        }
    })
}
