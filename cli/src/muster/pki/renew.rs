//! New certificates and keys for those that have some. Daemons take them up by themselves.

use muster_channel::tls::Certificate;

use super::authority::{DAY_S, owners};
use super::error::PkiError;
use super::place::{Pair, members};
use super::{Pki, now_s, say};

impl Pki<'_> {
    pub(super) fn renew(&self) -> Result<u8, PkiError> {
        let soon = now_s() + self.options.within_days() * DAY_S;
        let due = |ends_s: u64| self.options.all || ends_s < soon;
        let ca = Pair::authority(&self.dir).cert;
        // It outlives what it signs: a late end of theirs needs a later one of its own.
        if due(Certificate::read(&ca, &owners())?.ends_s) {
            self.renew_authority()?;
            say(&format!("{}: made anew with the same key; put it on every host", ca.display()));
        }
        let authority = self.authority()?;
        let (mut made, mut left) = (0u32, 0u32);
        for path in members(&self.dir) {
            let certificate = Certificate::read(&path, &self.all_owners())?;
            let Some(identity) = certificate.identity.filter(|_| due(certificate.ends_s)) else {
                left += 1;
                continue;
            };
            self.make(&authority, &identity, self.owner(&identity))?;
            say(&format!("{identity}: made anew"));
            made += 1;
        }
        say(&format!("{made} made anew, {left} left as they are"));
        Ok(0)
    }

    /// Of files that were given to others: root, this user, SlurmUser, SlurmdUser.
    pub(super) fn all_owners(&self) -> Vec<u32> {
        let names = [&self.site.config.slurm_user, &self.site.config.slurmd_user];
        let users = names.into_iter().filter_map(|name| nix::unistd::User::from_name(name).ok().flatten());
        users.map(|user| user.uid.as_raw()).chain(owners()).collect()
    }
}
