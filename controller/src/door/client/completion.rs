//! Completing a request: who the job's user is, by the leader's name service. A client's word for it counts for nothing.

use muster_dialect::errno;
use muster_proto::durable::JobSpec;

use super::{At, Refusal};
use crate::users::User;

impl At<'_> {
    /// The user that the job is for: the speaker, or for administrators the one that `--uid` names.
    pub(super) async fn user_of(&self, spec: &JobSpec) -> Result<User, Refusal> {
        let asked = spec.uid;
        let uid = if asked == 0 || asked == self.caller.uid { self.caller.uid } else { asked };
        if !self.caller.may_act_for(uid) {
            return Err(Refusal::slurm(errno::ESLURM_USER_ID_MISSING));
        }
        let user = self.seat.users.by_uid(uid).await?;
        user.ok_or_else(|| Refusal::slurm(errno::ESLURM_USER_ID_MISSING))
    }

    /// The group of the job: that of the speaker's process, or for administrators the one that `--gid` names.
    fn group_of(&self, spec: &JobSpec, user: &User) -> Result<u32, Refusal> {
        if user.uid == self.caller.uid && (spec.gid == 0 || spec.gid == self.caller.gid) {
            return Ok(self.caller.gid);
        }
        let allowed = self.caller.admin || user.group_name(spec.gid).is_some();
        match spec.gid {
            0 => Ok(user.gid),
            gid if allowed => Ok(gid),
            _ => Err(Refusal::slurm(errno::ESLURM_GROUP_ID_MISSING)),
        }
    }

    /// Stamps user and groups into `spec`.
    pub(super) fn stamp_user(&self, spec: &mut JobSpec, user: &User) -> Result<(), Refusal> {
        spec.gid = self.group_of(spec, user)?;
        spec.uid = user.uid;
        spec.group_name = user.group_name(spec.gid).unwrap_or_default().to_owned();
        spec.groups = user.groups.iter().map(|group| group.gid).collect();
        // For `AllowGroups`, which apply checks: it cannot ask a name service.
        spec.group_names = user.groups.iter().map(|group| group.name.clone()).filter(|name| !name.is_empty()).collect();
        spec.user_name = user.name.clone();
        spec.home = user.home.clone();
        spec.shell = user.shell.clone();
        Ok(())
    }
}
