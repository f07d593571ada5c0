//! `srun`: runs a parallel command, in an allocation of its own or as a step of a job.
//!
//! ```text
//! options ─► prepare ─► (obtain an allocation) ─► make the step ─► attach to each of its nodes ─► console loop
//!                                                                       │ frames                   │
//!                                                      node::Link ──────┘   stdin, signals ────────┘
//! ```
//!
//! The tasks belong to the nodes: a lost connection is made again and resumed, and a change of leader is not noticed.

mod console;
mod ending;
mod interrupt;
mod kept;
mod mpi;
mod node;
mod output;
mod prepare;
mod stdin;
mod step;
mod streams;
mod tasks;
mod terminal;

use muster_dialect::options::tables::SRUN;
use muster_proto::durable::JobKind;

use crate::allocation::{Granted, give_back, obtain};
use crate::entry;
use crate::process::{Here, Variables};
use crate::request::{ClientSide, Command, Draft};
use crate::say::Voice;
use crate::signals::Signals;
use crate::site::{Reach, Site, block_on};
use prepare::{Inside, StepDraft};

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SRUN, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut voice = Voice::new("srun");
    voice.verbosity = if parsed.has("quiet") { -1 } else { entry::count(&parsed, "verbose") };
    if parsed.last("mpi") == Some(Some("list")) {
        return mpi::list();
    }
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    let mine = Variables::of_this_process();
    let inside = Inside::of(&parsed, &mine);
    let draft = match prepare::draft(&parsed, &mine, &inside) {
        Ok(draft) => draft,
        Err(bad) => return bad.report(voice),
    };
    if parsed.operands.is_empty() {
        voice.fatal("No command given to execute.");
        return 1;
    }
    if draft.client.relative_given && inside == Inside::Nothing {
        voice.fatal("--relative option invalid for job allocation request");
        return 1;
    }
    let here = Here::look(&[vec!["srun".to_owned()], words.to_vec()].concat());
    match site.reach(voice.program) {
        Ok(reach) if draft.client.test_only && matches!(inside, Inside::Nothing) => {
            match StepDraft::of(&draft, &parsed.operands, &here, &site, &inside) {
                Ok(_) => test_only(&site, &reach, draft, &parsed.operands, &here, voice),
                Err(bad) => bad.report(voice),
            }
        }
        Ok(reach) => block_on(launch(&site, &reach, draft, &parsed.operands, &inside, &here, voice)),
        Err(error) => error.report(voice),
    }
}

async fn launch(
    site: &Site,
    reach: &Reach,
    draft: Draft,
    command: &[String],
    inside: &Inside,
    here: &Here,
    voice: Voice,
) -> u8 {
    let Ok(mut signals) = Signals::install() else {
        voice.error("signals cannot be waited for");
        return 1;
    };
    let client = draft.client.clone();
    let step = match StepDraft::of(&draft, command, here, site, inside) {
        Ok(step) => step,
        Err(bad) => return bad.report(voice),
    };
    match inside {
        Inside::Job { .. } => step::run_inside(site, reach, step, inside, &client, &mut signals, voice).await,
        Inside::Nothing => {
            let granted = match own_allocation(site, reach, draft, command, here, &mut signals, voice).await {
                Ok(granted) => granted,
                Err(code) => return code,
            };
            let step = step.sized_by(&granted);
            let (code, wait_status) = step::run_in(site, reach, step, &granted, &client, &mut signals, voice).await;
            give_back(&reach.client, granted.uid, wait_status).await;
            code
        }
    }
}

/// `srun` outside of a job asks for a job of its own.
async fn own_allocation(
    site: &Site,
    reach: &Reach,
    draft: Draft,
    command: &[String],
    here: &Here,
    signals: &mut Signals,
    voice: Voice,
) -> Result<Granted, u8> {
    let client: ClientSide = draft.client.clone();
    let job = draft.into_job(here, site, job_command(command)).map_err(|bad| bad.report(voice))?;
    obtain(&reach.client, job, Vec::new(), &client, signals, voice).await.map_err(|denied| denied.0)
}

fn job_command(command: &[String]) -> Command {
    let name = command[0].rsplit('/').next().unwrap_or_default().to_owned();
    Command { kind: JobKind::Run, name, args: command.to_vec(), script: String::new() }
}

fn test_only(site: &Site, reach: &Reach, draft: Draft, command: &[String], here: &Here, voice: Voice) -> u8 {
    let client = draft.client.clone();
    match draft.into_job(here, site, job_command(command)) {
        Ok(job) => {
            let submission = crate::sbatch::Submission { job, script: Vec::new(), environment: Vec::new(), client };
            submission.carry_out(&reach.client, &site.config.cluster_name, voice)
        }
        Err(bad) => bad.report(voice),
    }
}
