//! Another configuration version, for the whole cluster at once.

use muster_dialect::conf::Proof;
use muster_dialect::errno;
use muster_model::cluster::PROOF_LEVEL;
use muster_proto::durable::{ApplyConfig, ConfigFiles, command};
use muster_proto::wire::Reconfigure;

use super::mutation::told;
use super::{Answered, At, Refusal, done};
use crate::config;
use crate::member::Member;
use crate::seat::Seat;

impl At<'_> {
    /// Takes the files of the request, or the leader's own.
    pub(super) async fn reconfigure(&self, asked: Reconfigure) -> Answered {
        if !self.caller.admin {
            return Err(Refusal::slurm(errno::ESLURM_USER_ID_MISSING));
        }
        self.require_leader()?;
        let given = asked.files.filter(|files| !files.files.is_empty());
        let files = given.map_or_else(|| (self.seat.settings.read_files)(), Ok).map_err(refused)?;
        let notes = check(&files, self.seat.cluster())?;
        check_level(&files, self.member)?;
        check_users(&files, self.seat, self.member).await?;
        let body = command::Body::ApplyConfig(ApplyConfig { files: Some(files), base_version: 0 });
        let answer = self.propose(body).await?;
        let message = if answer.message.is_empty() { notes } else { answer.message };
        Ok(done(message, answer.count, answer.version))
    }
}

/// SIGHUP at the leader: its own files.
pub(crate) async fn reconfigure_here(seat: &Seat, member: &Member) -> Result<u64, String> {
    let files = (seat.settings.read_files)()?;
    let text = |refusal: Refusal| match refusal {
        Refusal::No(failure) => failure.message,
        Refusal::Elsewhere(_) => "this controller does not lead".to_owned(),
        Refusal::Unknown(why) => why,
    };
    check(&files, seat.cluster()).and_then(|_| check_level(&files, member)).map_err(text)?;
    check_users(&files, seat, member).await.map_err(text)?;
    let body = command::Body::ApplyConfig(ApplyConfig { files: Some(files), base_version: 0 });
    let outcome = member.proposer.duty(body).await.map_err(|why| why.to_string())?;
    told(outcome).map(|answer| answer.version).map_err(text)
}

/// Refuses what cannot be used, with every finding; warnings are for the operator to see.
pub(super) fn check(files: &ConfigFiles, cluster: &str) -> Result<String, Refusal> {
    let parsed = config::parse(files);
    let (errors, notes) = config::findings(&parsed.diagnostics);
    let Some(found) = parsed.config.filter(|_| errors.is_empty()) else {
        return Err(refused(errors));
    };
    if found.cluster_name != cluster {
        return Err(refused(format!("ClusterName is {} and cannot become {}", cluster, found.cluster_name)));
    }
    Ok(notes)
}

/// Not even proposed: an older replica could not read it.
fn check_level(files: &ConfigFiles, member: &Member) -> Result<(), Refusal> {
    let proof = config::parse(files).config.map_or(Proof::Certain, |found| found.fence.proof);
    if proof == Proof::Certain || member.core.read(|cluster| cluster.meta().feature_level) >= PROOF_LEVEL {
        return Ok(());
    }
    let why = format!("ProofOfDeath needs feature level {PROOF_LEVEL}: run \"muster upgrade status\"");
    Err(Refusal::with(errno::ESLURM_NOT_SUPPORTED, why))
}

/// A controller does not start where these users do not exist: they may not become such.
async fn check_users(files: &ConfigFiles, seat: &Seat, member: &Member) -> Result<(), Refusal> {
    let (Some(found), Some(known)) = (config::parse(files).config, member.config()) else { return Ok(()) };
    let (user, node_user) = (&known.conf.slurm_user, &known.conf.slurmd_user);
    for (key, name, old) in [("SlurmUser", &found.slurm_user, user), ("SlurmdUser", &found.slurmd_user, node_user)] {
        // Where nobody can say, nothing is refused.
        if name != old && matches!(seat.users.by_name(name).await, Ok(None)) {
            return Err(refused(format!(
                "{key}={name} does not exist on the leader's host: no controller would start again"
            )));
        }
    }
    Ok(())
}

fn refused(why: String) -> Refusal {
    Refusal::with(errno::SLURM_ERROR, why)
}
