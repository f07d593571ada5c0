//! Sends what is to be cancelled, and tells what could not be.

use muster_channel::CallError;
use muster_dialect::errno;
use muster_dialect::jobid::JobSpec;
use muster_proto::durable::CancelJobs;
use muster_proto::wire::{Done, reply, request};

use super::wanted::Wanted;
use crate::refusal::{Refusal, unexpected};
use crate::say::Voice;
use crate::site::Client;
use crate::target::target;

/// Ids that go into one request.
const TARGETS_MAX: usize = 1_000;
const SIGKILL: u32 = 9;

/// Cancels all that is wanted. The exit code.
pub(crate) async fn all(client: &Client, wanted: &Wanted, voice: Voice) -> u8 {
    if wanted.ids.is_empty() {
        return by_filters(client, wanted, voice).await;
    }
    wanted.ids.iter().for_each(|id| announce(id, wanted, voice));
    let mut code = 0;
    for ids in wanted.ids.chunks(TARGETS_MAX) {
        code = code.max(several(client, wanted, ids, voice).await);
    }
    code
}

/// `Terminating job 5`, for those who want to read it.
pub(crate) fn announce(id: &JobSpec, wanted: &Wanted, voice: Voice) {
    let kind = match (id.step, wanted.cancel.batch_only, wanted.cancel.full) {
        (Some(_), ..) => "step",
        (None, true, _) => "batch job",
        (None, false, true) => "full job",
        (None, false, false) => "job",
    };
    match wanted.cancel.signal {
        0 | SIGKILL => voice.verbose(&format!("Terminating {kind} {id}")),
        signal => voice.verbose(&format!("Signal {signal} to {kind} {id}")),
    }
}

async fn by_filters(client: &Client, wanted: &Wanted, voice: Voice) -> u8 {
    match send(client, request_for(wanted, &[])).await {
        Ok(done) => {
            let told = done.errors.iter().map(|error| {
                let refusal = Refusal::of_failure(error.error, &error.message);
                tell(&error.target, false, &refusal, wanted, voice)
            });
            told.max().unwrap_or(0)
        }
        Err(error) => {
            let refusal = Refusal::of(&error, "which jobs were cancelled");
            voice.error(&format!("Kill job error: {}", refusal.text));
            refusal.exit_code()
        }
    }
}

async fn several(client: &Client, wanted: &Wanted, ids: &[JobSpec], voice: Voice) -> u8 {
    if let [id] = ids {
        return one(client, wanted, id, voice).await;
    }
    match send(client, request_for(wanted, ids)).await {
        Ok(done) => {
            let told = done.errors.iter().map(|error| {
                let refusal = Refusal::of_failure(error.error, &error.message);
                tell(&error.target, false, &refusal, wanted, voice)
            });
            told.max().unwrap_or(0)
        }
        // The refusal is not said of which: ask for each by itself.
        Err(CallError::Refused(_)) => {
            let mut code = 0;
            for id in ids {
                code = code.max(one(client, wanted, id, voice).await);
            }
            code
        }
        Err(error) => {
            let refusal = Refusal::of(&error, "whether the jobs were cancelled");
            ids.iter().map(|id| tell(&id.to_string(), false, &refusal, wanted, voice)).max().unwrap_or(0)
        }
    }
}

/// Cancels one job or step.
pub(crate) async fn one(client: &Client, wanted: &Wanted, id: &JobSpec, voice: Voice) -> u8 {
    // As Slurm has it: a step that is not there is told of by its job.
    let shown = JobSpec { step: None, ..id.clone() };
    let told = |refusal: &Refusal| tell(&shown.to_string(), id.step.is_some(), refusal, wanted, voice);
    match send(client, request_for(wanted, std::slice::from_ref(id))).await {
        Ok(done) => match done.errors.first() {
            Some(error) => told(&Refusal::of_failure(error.error, &error.message)),
            None => 0,
        },
        Err(error) => told(&Refusal::of(&error, "whether it was cancelled")),
    }
}

/// What is asked for. KILL ends a job as a cancel does, unless it is for the batch script alone.
pub(crate) fn request_for(wanted: &Wanted, ids: &[JobSpec]) -> CancelJobs {
    let mut cancel = wanted.cancel.clone();
    cancel.targets = ids.iter().map(target).collect();
    if let [id] = ids {
        cancel.step_id = id.step.map(|step| step.0);
    }
    if cancel.signal == SIGKILL && !cancel.batch_only && !cancel.full {
        cancel.signal = 0;
    }
    cancel
}

async fn send(client: &Client, cancel: CancelJobs) -> Result<Done, CallError> {
    match client.call(request::Body::CancelJobs(cancel)).await? {
        reply::Body::Done(done) => Ok(done),
        _ => Err(unexpected()),
    }
}

/// A job that is gone is what the user wanted, unless more was asked than that it be gone.
fn tell(id: &str, step: bool, refusal: &Refusal, wanted: &Wanted, voice: Voice) -> u8 {
    let gone = [errno::ESLURM_INVALID_JOB_ID, errno::ESLURM_ALREADY_DONE].contains(&refusal.error);
    let what = if step { "job step id" } else { "job id" };
    let line = format!("Kill job error on {what} {id}: {}", refusal.text);
    if gone && !wanted.strict && !step {
        if voice.verbosity > 0 {
            voice.error(&line);
        }
        return 0;
    }
    if !(gone && wanted.quiet) {
        voice.error(&line);
    }
    if gone && !step { 1 } else { refusal.exit_code() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(strict: bool, verbosity: i8) -> (Wanted, Voice) {
        let wanted = Wanted { strict, verbosity, ..Wanted::default() };
        (wanted, Voice { program: "scancel", verbosity })
    }

    #[test]
    fn a_job_that_is_gone_is_an_error_only_where_more_was_asked() {
        let gone = Refusal::of_failure(errno::ESLURM_INVALID_JOB_ID.code, "");
        let (plain, voice) = wanted(false, 0);
        assert_eq!(tell("9", false, &gone, &plain, voice), 0);
        assert_eq!(tell("9", true, &gone, &plain, voice), 225, "a step of a job that is there");
        let (strict, voice) = wanted(true, 0);
        assert_eq!(tell("9", false, &gone, &strict, voice), 1);
    }

    #[test]
    fn other_errors_exit_with_their_number() {
        let (plain, voice) = wanted(false, 0);
        let (strict, _) = wanted(true, 0);
        for wanted in [plain, strict] {
            assert_eq!(tell("9", false, &Refusal::of_failure(2002, ""), &wanted, voice), 210);
        }
    }

    #[test]
    fn kill_is_a_cancel_but_for_the_batch_script() {
        let (mut wanted, _) = wanted(true, 0);
        wanted.cancel.signal = SIGKILL;
        assert_eq!(request_for(&wanted, &[]).signal, 0);
        wanted.cancel.batch_only = true;
        assert_eq!(request_for(&wanted, &[]).signal, SIGKILL);
    }
}
