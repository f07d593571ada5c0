//! Verbs on jobs: hold, release, requeue, suspend, notify, wait.

use muster_dialect::errno;
use muster_dialect::jobid::JobSpec;
use muster_proto::durable::{JobTarget, NotifyJob, RequeueJob, SuspendJob, UpdateJob};
use muster_proto::wire::{WaitJob, reply, request, wait_job};

use super::{Control, ask, change};
use crate::refusal::Refusal;
use crate::site::{Reach, block_on};
use crate::target::target;

/// How long one wait lasts before it is asked again, ms.
const PATIENCE_MS: u32 = 20_000;

pub(super) fn hold(control: &Control, ids: &[String], by_user: bool) -> u8 {
    let body = move |target| {
        let update =
            UpdateJob { target: Some(target), hold: Some(true), user_hold: Some(by_user), ..UpdateJob::default() };
        request::Body::UpdateJob(update)
    };
    each(control, ids, "hold", body, Some("slurm_suspend error"))
}

pub(super) fn release(control: &Control, ids: &[String]) -> u8 {
    let body = |target| {
        request::Body::UpdateJob(UpdateJob { target: Some(target), hold: Some(false), ..UpdateJob::default() })
    };
    each(control, ids, "release", body, Some("slurm_suspend error"))
}

/// Words before the ids may say more: `incomplete`, `State=SpecialExit`.
pub(super) fn requeue(control: &Control, words: &[String], hold: bool) -> u8 {
    let special = words.iter().any(|word| {
        let word = word.to_ascii_lowercase();
        matches!(word.as_str(), "state=se" | "state=specialexit")
    });
    if words.iter().any(|word| word.eq_ignore_ascii_case("incomplete")) {
        return control.fail("requeue incomplete: not supported by this version");
    }
    let ids: Vec<String> = words.iter().filter(|word| !word.contains('=')).cloned().collect();
    let body =
        move |target| request::Body::RequeueJob(RequeueJob { target: Some(target), hold, special_exit: special });
    each(control, &ids, if hold { "requeuehold" } else { "requeue" }, body, None)
}

pub(super) fn suspend(control: &Control, ids: &[String], resume: bool) -> u8 {
    let verb = if resume { "resume" } else { "suspend" };
    if ids.is_empty() {
        return control.fail(&format!("too few arguments for keyword:{verb}"));
    }
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let mut code = 0;
    for word in ids {
        let named = JobSpec::parse_list(word).ok().filter(|ids| ids.iter().all(|id| id.step.is_none()));
        let Some(named) = named else {
            code = told(control, word, "Invalid job id specified", None);
            continue;
        };
        for id in named {
            let body = request::Body::SuspendJob(SuspendJob { target: Some(target(&id)), resume });
            if let Err(refusal) = block_on(change(&reach, body)) {
                code = not_suspended(control, &id, &refusal);
            }
        }
    }
    code
}

/// Slurm answers for tasks by themselves, and has no answer of that kind for a job that it does not know.
fn not_suspended(control: &Control, id: &JobSpec, refusal: &Refusal) -> u8 {
    if id.array.is_some() {
        return control.fail(&format!("{id}: {}", refusal.text));
    }
    if refusal.error == errno::ESLURM_INVALID_JOB_ID {
        return told(control, &id.to_string(), &errno::SLURM_UNEXPECTED_MSG_ERROR.to_string(), None);
    }
    told(control, &id.to_string(), &refusal.text, None)
}

pub(super) fn notify(control: &Control, words: &[String]) -> u8 {
    let Some((id, text)) = words.split_first().filter(|(_, text)| !text.is_empty()) else {
        return control.fail("too few arguments for keyword:notify");
    };
    let text = text.join(" ");
    let body = move |target| request::Body::NotifyJob(NotifyJob { target: Some(target), text: text.clone() });
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let asked = match JobSpec::parse(id) {
        Ok(id) => block_on(change(&reach, body(target(&id)))).map_err(|refusal| refusal.text),
        Err(_) => Err("Invalid job id specified".to_owned()),
    };
    asked.map_or_else(|why| control.fail(&format!("job notify failure: {why}")), |_| 0)
}

/// Asks for each job by itself, so that one that fails does not keep the others from it.
fn each(
    control: &Control,
    words: &[String],
    verb: &str,
    body: impl Fn(JobTarget) -> request::Body,
    then: Option<&str>,
) -> u8 {
    if words.is_empty() {
        return control.fail(&format!("too few arguments for keyword:{verb}"));
    }
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let mut code = 0;
    for word in words {
        let word = word.strip_prefix("jobid=").or_else(|| word.strip_prefix("JobId=")).unwrap_or(word);
        let Ok(ids) = JobSpec::parse_list(word) else {
            code = told(control, word, "Invalid job id specified", then);
            continue;
        };
        for id in &ids {
            if let Err(refusal) = block_on(change(&reach, body(target(id)))) {
                code = told(control, &id.job.to_string(), &refusal.text, then);
            }
        }
    }
    code
}

fn told(control: &Control, job: &str, why: &str, then: Option<&str>) -> u8 {
    control.fail(&format!("{why} for job {job}"));
    if let Some(then) = then {
        control.fail(&format!("{then}: {why}"));
    }
    1
}

/// `wait_job ID`: until its nodes are ready; 0 if they are.
pub(super) fn wait(control: &Control, words: &[String]) -> u8 {
    let Some(word) = words.first() else { return control.fail("too few arguments for keyword:wait_job") };
    let Ok(id) = word.parse::<u32>() else { return control.fail(&format!("Invalid job_id {word}")) };
    match control.reach() {
        Ok(reach) => block_on(wait_for(control, &reach, id)),
        Err(code) => code,
    }
}

async fn wait_for(control: &Control, reach: &Reach, job_id: u32) -> u8 {
    loop {
        let question = WaitJob { job_id, uid: 0, until: wait_job::Until::Started.into(), patience_ms: PATIENCE_MS };
        match ask(reach, request::Body::WaitJob(question)).await {
            Ok(reply::Body::JobNow(now)) if !now.known => {
                return control.fail(&format!("scontrol: Problem running job {job_id}"));
            }
            Ok(reply::Body::JobNow(now)) if now.reached => {
                return control.print(&format!("Nodes ready for job {job_id}\n"));
            }
            Ok(_) => {}
            Err(refusal) => return control.fail(&refusal.text),
        }
    }
}
