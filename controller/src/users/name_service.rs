//! The name service of this host (NSS), asked on a thread of its own, since LDAP and its like may hang.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::sync::Mutex;
use std::time::Duration;

use muster_channel::BoxFuture;
use nix::unistd::{self, Gid, Uid};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::{Group, User, Users, UsersError};

/// Longest wait for one look-up.
const LOOKUP: Duration = Duration::from_secs(5);
/// Look-ups under way at once; a hanging directory must not use up the threads of everything else.
const LOOKUPS_AT_ONCE_MAX: usize = 16;
/// How long an answer is believed.
const FRESH: Duration = Duration::from_secs(60);
/// Users remembered.
const REMEMBERED_MAX: usize = 4096;

/// Asks the C library.
#[derive(Debug)]
pub struct NameService {
    known: Mutex<BTreeMap<Key, (Instant, Option<User>)>>,
    room: Semaphore,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Uid(u32),
    Name(String),
}

impl Default for NameService {
    fn default() -> Self {
        Self { known: Mutex::default(), room: Semaphore::new(LOOKUPS_AT_ONCE_MAX) }
    }
}

impl Users for NameService {
    fn by_uid(&self, uid: u32) -> BoxFuture<'_, Result<Option<User>, UsersError>> {
        Box::pin(self.find(Key::Uid(uid)))
    }

    fn by_name(&self, name: &str) -> BoxFuture<'_, Result<Option<User>, UsersError>> {
        Box::pin(self.find(Key::Name(name.to_owned())))
    }
}

impl NameService {
    async fn find(&self, key: Key) -> Result<Option<User>, UsersError> {
        if let Some(known) = self.recall(&key) {
            return Ok(known);
        }
        let asked = key.clone();
        let work = async {
            let _room = self.room.acquire().await;
            tokio::task::spawn_blocking(move || look_up(&asked)).await
        };
        let found = match timeout(LOOKUP, work).await {
            Err(_) => Err(UsersError::Unavailable(format!("no answer within {} s", LOOKUP.as_secs()))),
            Ok(Err(_)) => Err(UsersError::Unavailable("its thread ended".into())),
            Ok(Ok(Err(why))) => Err(UsersError::Unavailable(why.to_string())),
            Ok(Ok(Ok(found))) => Ok(found),
        }?;
        self.remember(key, found.clone());
        Ok(found)
    }

    fn recall(&self, key: &Key) -> Option<Option<User>> {
        let known = self.known.lock().expect("no holder of this lock panics");
        known.get(key).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, user)| user.clone())
    }

    fn remember(&self, key: Key, user: Option<User>) {
        let mut known = self.known.lock().expect("no holder of this lock panics");
        if known.len() >= REMEMBERED_MAX {
            known.retain(|_, (at, _)| at.elapsed() < FRESH);
        }
        if known.len() < REMEMBERED_MAX {
            known.insert(key, (Instant::now(), user));
        }
    }
}

fn look_up(key: &Key) -> nix::Result<Option<User>> {
    let found = match key {
        Key::Uid(uid) => unistd::User::from_uid(Uid::from_raw(*uid))?,
        Key::Name(name) => unistd::User::from_name(name)?,
    };
    found.map(with_groups).transpose()
}

fn with_groups(user: unistd::User) -> nix::Result<User> {
    let name = CString::new(user.name.clone()).map_err(|_| nix::Error::EINVAL)?;
    let gids = unistd::getgrouplist(&name, user.gid)?;
    Ok(User {
        uid: user.uid.as_raw(),
        name: user.name,
        gid: user.gid.as_raw(),
        groups: gids.into_iter().map(group).collect(),
        home: user.dir.to_string_lossy().into_owned(),
        shell: user.shell.to_string_lossy().into_owned(),
    })
}

fn group(gid: Gid) -> Group {
    // A group without a name is still a group.
    let name = unistd::Group::from_gid(gid).ok().flatten().map(|group| group.name).unwrap_or_default();
    Group { gid: gid.as_raw(), name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn root_is_found_by_uid_and_by_name_and_a_stranger_is_not() {
        let users = NameService::default();
        let root = users.by_uid(0).await.unwrap().unwrap();
        assert_eq!((root.name.as_str(), root.gid), ("root", 0));
        assert_eq!(root.group_name(0), Some("root"));
        assert_eq!(users.by_name("root").await.unwrap(), Some(root));
        assert_eq!(users.by_name("no-such-user-at-all").await.unwrap(), None);
    }
}
