//! SlurmUser: who this process is.

use anyhow::{Context, Result, bail};
use nix::unistd::{Gid, Uid, User, geteuid, setgid, setgroups, setuid};

/// Whom to become.
pub(super) struct SlurmUser {
    name: String,
    pub(super) uid: Uid,
    pub(super) gid: Gid,
}

impl SlurmUser {
    /// SlurmUser must exist, and this process must be it or root.
    pub(super) fn find(name: &str) -> Result<Self> {
        let found = User::from_name(name).with_context(|| format!("cannot look up SlurmUser {name}"))?;
        let Some(found) = found else {
            bail!(
                "SlurmUser={name} does not exist on this host. Make it (useradd --system --no-create-home --shell \
                 /usr/sbin/nologin {name}), or name another user in slurm.conf"
            );
        };
        let own = geteuid();
        if !own.is_root() && own != found.uid {
            bail!(
                "SlurmUser is {name} (uid {}), but this process runs as uid {own}: start it as {name} or as root",
                found.uid
            );
        }
        Ok(Self { name: found.name, uid: found.uid, gid: found.gid })
    }

    /// For good. There are no other threads yet.
    pub(super) fn become_it(&self) -> Result<()> {
        if !geteuid().is_root() || self.uid.is_root() {
            return Ok(());
        }
        let name = std::ffi::CString::new(self.name.clone()).context("a user name has no NUL")?;
        let groups = nix::unistd::getgrouplist(&name, self.gid).context("groups of SlurmUser")?;
        setgroups(&groups).context("setgroups")?;
        setgid(self.gid).context("setgid")?;
        setuid(self.uid).with_context(|| format!("cannot become SlurmUser {}", self.name))
    }
}
