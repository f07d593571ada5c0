//! A fixed list of users.

use muster_channel::BoxFuture;

use super::{User, Users, UsersError};

/// Knows exactly the users that it was given.
#[derive(Clone, Debug, Default)]
pub struct UserTable(pub Vec<User>);

impl Users for UserTable {
    fn by_uid(&self, uid: u32) -> BoxFuture<'_, Result<Option<User>, UsersError>> {
        Box::pin(async move { Ok(self.0.iter().find(|user| user.uid == uid).cloned()) })
    }

    fn by_name(&self, name: &str) -> BoxFuture<'_, Result<Option<User>, UsersError>> {
        let found = self.0.iter().find(|user| user.name == name).cloned();
        Box::pin(async move { Ok(found) })
    }
}
