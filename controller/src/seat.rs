//! A controller's seat: what its doors share, whether or not it is a member of a cluster yet.
//!
//! An empty seat never founds and never votes by itself. It becomes a [`Member`] in one of three ways: its store says so,
//! `muster init` founds the cluster here, or a leader admits it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use muster_channel::{CredentialError, Credentials, Expect, Outside, Speaker, verify};
use muster_dialect::conf::Config;
use muster_proto::wire::Signed;
use tokio::sync::watch;

use crate::counters::{Counters, add_one};
use crate::door::client::Passes;
use crate::door::limits::Limits;
use crate::door::node::ConfHashes;
use crate::listing::Flights;
use crate::mail::Mailer;
use crate::member::Member;
use crate::settings::Settings;
use crate::users::Users;

/// No uid: the name of SlurmUser could not be resolved.
const NOBODY: u32 = u32::MAX;

/// See the module.
pub(crate) struct Seat {
    pub(crate) settings: Settings,
    /// Of the configuration that this host has.
    pub(crate) local: Config,
    pub(crate) outside: Outside,
    pub(crate) keeper: Arc<dyn Credentials>,
    pub(crate) users: Arc<dyn Users>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) limits: Limits,
    pub(crate) flights: Arc<Flights>,
    pub(crate) passes: Passes,
    pub(crate) conf_hashes: ConfHashes,
    pub(crate) mailer: Arc<dyn Mailer>,
    /// Where others reach the doors, `host:port`.
    pub(crate) client_address: String,
    pub(crate) replica_address: String,
    /// Made by the empty store.
    pub(crate) store_id: [u8; 16],
    /// Founding and joining exclude each other.
    pub(crate) becoming: tokio::sync::Mutex<()>,
    /// Replicas are removed one after the other.
    pub(crate) removing: tokio::sync::Mutex<()>,
    member: watch::Sender<Option<Arc<Member>>>,
    failure: watch::Sender<Option<String>>,
    /// Wall clock at the start.
    boot_ms: u64,
    slurm_uid: AtomicU32,
    slurmd_uid: AtomicU32,
}

/// What a seat is made of.
pub(crate) struct SeatParts {
    pub(crate) settings: Settings,
    pub(crate) local: Config,
    pub(crate) outside: Outside,
    pub(crate) keeper: Arc<dyn Credentials>,
    pub(crate) users: Arc<dyn Users>,
    pub(crate) client_address: String,
    pub(crate) replica_address: String,
    pub(crate) store_id: [u8; 16],
}

impl Seat {
    pub(crate) fn new(parts: SeatParts) -> Arc<Self> {
        let counters = Arc::new(Counters::default());
        let boot_ms = (parts.outside.wall_ms)();
        counters.reset(boot_ms);
        Arc::new(Self {
            boot_ms,
            mailer: parts.settings.mailer.clone(),
            settings: parts.settings,
            limits: Limits::new(&parts.local),
            flights: Flights::new(counters.clone()),
            passes: Passes::default(),
            conf_hashes: ConfHashes::default(),
            local: parts.local,
            outside: parts.outside,
            keeper: parts.keeper,
            users: parts.users,
            counters,
            client_address: parts.client_address,
            replica_address: parts.replica_address,
            store_id: parts.store_id,
            becoming: tokio::sync::Mutex::default(),
            removing: tokio::sync::Mutex::default(),
            member: watch::Sender::new(None),
            failure: watch::Sender::new(None),
            slurm_uid: AtomicU32::new(NOBODY),
            slurmd_uid: AtomicU32::new(NOBODY),
        })
    }

    /// The name of the `SlurmctldHost` line.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// When this controller started: `BOOT_TIME`.
    pub(crate) fn boot_ms(&self) -> u64 {
        self.boot_ms
    }

    /// `ClusterName`.
    pub(crate) fn cluster(&self) -> &str {
        &self.local.cluster_name
    }

    /// This controller as a member of the cluster, once it is one.
    pub(crate) fn member(&self) -> Option<Arc<Member>> {
        self.member.borrow().clone()
    }

    /// Resolves when this controller is a member.
    pub(crate) async fn until_member(&self) -> Arc<Member> {
        let mut seen = self.member.subscribe();
        let found = seen.wait_for(Option::is_some).await;
        let member = found.ok().and_then(|member| member.clone());
        member.expect("the sender lives in the seat, and the condition was awaited")
    }

    pub(crate) fn seat_member(&self, member: Arc<Member>) {
        self.member.send_replace(Some(member));
    }

    /// Ends the controller: `why` is printed, and the process exits with an error.
    pub(crate) fn fail(&self, why: String) {
        tracing::error!("{why}");
        self.failure.send_if_modified(|failure| match failure {
            Some(_) => false,
            None => {
                *failure = Some(why);
                true
            }
        });
    }

    pub(crate) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failure.subscribe()
    }

    /// Learns the uids behind `SlurmUser` and `SlurmdUser`.
    pub(crate) async fn learn_admins(&self, slurm_user: &str, slurmd_user: &str) {
        for (name, uid) in [(slurm_user, &self.slurm_uid), (slurmd_user, &self.slurmd_uid)] {
            match self.users.by_name(name).await {
                Ok(Some(user)) => uid.store(user.uid, Ordering::Relaxed),
                Ok(None) => tracing::warn!("user {name} of the configuration does not exist on this host"),
                Err(why) => tracing::warn!("user {name} of the configuration: {why}"),
            }
        }
    }

    /// root or SlurmUser; also the user that runs this process where nobody vouches for uids (`auth/none`).
    pub(crate) fn is_admin(&self, uid: u32) -> bool {
        uid == 0 || uid == self.slurm_uid.load(Ordering::Relaxed) || self.is_self(uid)
    }

    /// Who may speak for a node.
    pub(crate) fn may_be_node(&self, uid: u32) -> bool {
        self.is_admin(uid) || uid == self.slurmd_uid.load(Ordering::Relaxed)
    }

    fn is_self(&self, uid: u32) -> bool {
        self.keeper.name() == "auth/none" && uid == self.settings.own_uid
    }

    /// Checks a credential that should speak to `audience`.
    pub(crate) async fn verify(&self, signed: &Signed, audience: &str) -> Result<Speaker, CredentialError> {
        let member = self.member();
        let cluster_id = member.as_ref().map_or(&[][..], |member| &member.core.identity.cluster_id[..]);
        let expect = Expect { cluster: self.cluster(), cluster_id, audience };
        let believed = verify(&self.keeper, signed, expect).await;
        if believed.is_err() {
            add_one(&self.counters.refused_credentials);
        }
        believed
    }
}
