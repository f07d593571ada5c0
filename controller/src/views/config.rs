//! The configuration in force, and its history.

use muster_dialect::conf::show::{Runtime, show};
use muster_proto::wire::{ConfigText, ConfigVersionInfo, ConfigVersionList, ConfigVersions, KeyValue};
use sha2::{Digest, Sha256};

use crate::door::client::{Caller, Refusal};
use crate::member::Member;
use crate::seat::Seat;
use muster_dialect::errno;
use prost::Message;

/// Keys as `scontrol show config` prints them. Dates are left to the command, which knows the user's time zone.
pub(crate) async fn config_text(seat: &Seat, member: &Member) -> Result<ConfigText, Refusal> {
    let in_force = member.config().ok_or_else(|| Refusal::slurm(errno::ESLURM_DISABLED))?;
    let conf = &in_force.conf;
    let uid_of = async |name: &str| seat.users.by_name(name).await.ok().flatten().map(|user| user.uid);
    let next_job_id = member.core.read(|cluster| cluster.meta().next_job_id);
    let runtime = Runtime {
        conf_path: in_force.files.files.first().map(|file| file.path.clone()).unwrap_or_default(),
        version: muster_dialect::SLURM_VERSION.to_owned(),
        // Milliseconds: the command writes the date, in its user's time zone.
        boot_time: seat.boot_ms().to_string(),
        hash: "Match".to_owned(),
        next_job_id,
        slurm_user_uid: uid_of(&conf.slurm_user).await,
        slurmd_user_uid: uid_of(&conf.slurmd_user).await,
        controllers: controllers(member),
        ..Runtime::default()
    };
    let keys = show(conf, &runtime).into_iter().map(|(key, value)| KeyValue { key, value }).collect();
    let notes = unmatched(member);
    Ok(ConfigText {
        keys,
        // A node or client without files of its own reads them here ("configless").
        files: Some(in_force.files.clone()),
        version: in_force.version,
        notes,
        now_ms: member.now_ms(),
    })
}

/// Each controller of the configuration, and whether it is a member that answers.
fn controllers(member: &Member) -> Vec<(String, bool)> {
    let names = configured(member);
    let replicas = super::replicas(member).replicas;
    let is_up = |name: &str| replicas.iter().any(|it| it.name == name && it.role != "unreachable");
    names.into_iter().map(|name| (name.clone(), is_up(&name))).collect()
}

fn configured(member: &Member) -> Vec<String> {
    let config = member.config();
    config.map(|it| it.conf.slurmctld_hosts.iter().map(|host| host.name.clone()).collect()).unwrap_or_default()
}

/// Membership is what the log says: `SlurmctldHost` lines that differ are a warning.
fn unmatched(member: &Member) -> Vec<String> {
    let names = configured(member);
    let members: Vec<String> =
        member.core.read(|cluster| cluster.replicas().filter(|row| !row.retired).map(|row| row.name.clone()).collect());
    let missing = names.iter().filter(|name| !members.contains(name));
    let strange = members.iter().filter(|name| !names.contains(name));
    let missing = missing.map(|name| format!("SlurmctldHost {name} is not a replica of the cluster yet"));
    let strange = strange.map(|name| format!("replica {name} has no SlurmctldHost line"));
    missing.chain(strange).collect()
}

/// The versions that are kept, or the files of one.
pub(crate) fn config_versions(
    member: &Member,
    caller: &Caller,
    asked: &ConfigVersions,
) -> Result<ConfigVersionList, Refusal> {
    caller.require_admin()?;
    let rows: Vec<_> = member.core.read(|cluster| cluster.config_versions().cloned().collect());
    if asked.show != 0 {
        let row = rows.into_iter().find(|row| row.version == asked.show);
        let row =
            row.ok_or_else(|| Refusal::with(errno::SLURM_ERROR, format!("no configuration version {}", asked.show)))?;
        return Ok(ConfigVersionList { versions: Vec::new(), files: row.files });
    }
    let info = |row: &muster_proto::durable::ConfigRow| ConfigVersionInfo {
        version: row.version,
        applied_ms: row.applied_ms,
        by_uid: row.by_uid,
        hash: Sha256::digest(row.files.clone().unwrap_or_default().encode_to_vec()).to_vec().into(),
    };
    Ok(ConfigVersionList { versions: rows.iter().map(info).collect(), files: None })
}
