//! Who a user is: the leader's name service, asked where a request is completed.
//!
//! What it says is stamped into commands; nobody asks again on another host. [`NameService`] is the real one;
//! [`UserTable`] is a fixed list, for the simulation and tests.

mod name_service;
mod table;

pub use name_service::NameService;
pub use table::UserTable;

use muster_channel::BoxFuture;
use thiserror::Error;

/// A user as the name service knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Login name.
    pub name: String,
    /// Primary group.
    pub gid: u32,
    /// Every group, the primary one among them.
    pub groups: Vec<Group>,
    /// Home directory.
    pub home: String,
    /// Login shell.
    pub shell: String,
}

/// A group of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Group id.
    pub gid: u32,
    /// Its name; empty where the name service has none.
    pub name: String,
}

impl User {
    /// The name of a group that the user is in.
    pub fn group_name(&self, gid: u32) -> Option<&str> {
        self.groups.iter().find(|group| group.gid == gid).map(|group| group.name.as_str())
    }
}

/// Why the name service has no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum UsersError {
    /// It failed or was too slow; asking again may help.
    #[error("the name service does not answer: {0}")]
    Unavailable(String),
}

/// A name service.
pub trait Users: Send + Sync + 'static {
    /// The user of this id; `None`: there is no such user.
    fn by_uid(&self, uid: u32) -> BoxFuture<'_, Result<Option<User>, UsersError>>;
    /// The user of this login name; `None`: there is no such user.
    fn by_name(&self, name: &str) -> BoxFuture<'_, Result<Option<User>, UsersError>>;
}
