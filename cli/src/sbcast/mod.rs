//! `sbcast`: copies a file to every node of a job.

mod node;
mod wanted;

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use futures::StreamExt;
use muster_channel::CallError;
use muster_dialect::options::tables::SBCAST;
use muster_proto::wire::{BroadcastStart, JobNodes, NodeAddresses, StepPlace, reply, request};

use crate::entry;
use crate::process::{Here, Variables};
use crate::refusal::{Refusal, unexpected};
use crate::say::{Voice, os_error};
use crate::site::{Reach, Site, block_on};
use node::Copy;
use wanted::Wanted;

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SBCAST, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let mut voice = Voice::new("sbcast");
    let variables = Variables::of_this_process();
    let wanted = match Wanted::read(&parsed, &variables, &Here::look(words).directory) {
        Ok(wanted) => wanted,
        Err(error) => return error.report(voice),
    };
    voice.verbosity = wanted.verbosity;
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    match site.reach(voice.program) {
        Ok(reach) => block_on(broadcast(&reach, &wanted, voice)),
        Err(error) => error.report(voice),
    }
}

async fn broadcast(reach: &Reach, wanted: &Wanted, voice: Voice) -> u8 {
    let nodes = match nodes_of(reach, wanted).await {
        Ok(nodes) => nodes,
        Err(error) => {
            let refusal = Refusal::of(&error, "where the job runs");
            voice.error(&format!("Slurm job {} lookup error: {}", wanted.job_id, refusal.text));
            return 255;
        }
    };
    let start = match start(wanted, &nodes) {
        Ok(start) => start,
        Err(error) => {
            let line = match error.kind() {
                ErrorKind::IsADirectory => format!("Can't mmap file `{}`, No such device.", wanted.source),
                _ => format!("Can't open `{}`: {}", wanted.source, os_error(&error)),
            };
            voice.error(&line);
            return 255;
        }
    };
    voice.verbose(&format!("modes    = {:o}", start.mode));
    voice.verbose(&format!("node_cnt = {}", nodes.nodes.len()));
    voice.verbose(&format!("source   = {}", wanted.source));
    voice.verbose(&format!("dest     = {}", wanted.dest));
    let copies = futures::stream::iter(nodes.nodes).map(|place| to_node(reach, wanted, &start, place));
    let mut failures: Vec<(String, u8)> =
        copies.buffer_unordered(wanted.fanout).filter_map(|failure| async { failure }).collect().await;
    failures.sort();
    failures.iter().for_each(|(line, _)| voice.error(line));
    failures.iter().map(|(_, code)| *code).max().unwrap_or(0)
}

async fn nodes_of(reach: &Reach, wanted: &Wanted) -> Result<NodeAddresses, CallError> {
    let asked = JobNodes { job_id: wanted.job_id, uid: 0, names: wanted.nodes.clone() };
    match reach.client.call(request::Body::JobNodes(asked)).await? {
        reply::Body::NodeAddresses(nodes) => Ok(nodes),
        _ => Err(unexpected()),
    }
}

fn start(wanted: &Wanted, nodes: &NodeAddresses) -> std::io::Result<BroadcastStart> {
    let about = File::open(&wanted.source)?.metadata()?;
    if !about.is_file() {
        return Err(std::io::Error::from_raw_os_error(nix::errno::Errno::EISDIR as i32));
    }
    let ms = |seconds: i64, nanoseconds: i64| u64::try_from(seconds * 1000 + nanoseconds / 1_000_000).unwrap_or(0);
    Ok(BroadcastStart {
        uid: nodes.uid,
        attempt: nodes.attempt,
        path: wanted.dest.clone(),
        mode: about.mode() & 0o7777,
        size: about.len(),
        force: wanted.force,
        preserve: wanted.preserve,
        modified_ms: ms(about.mtime(), about.mtime_nsec()),
        accessed_ms: ms(about.atime(), about.atime_nsec()),
    })
}

/// What went wrong on the node, if anything did.
async fn to_node(reach: &Reach, wanted: &Wanted, start: &BroadcastStart, place: StepPlace) -> Option<(String, u8)> {
    let name = place.node.clone();
    let copy = Copy { reach, wanted, start, place };
    let why = copy.carry_out().await.err()?;
    Some((format!("REQUEST_FILE_BCAST({name}): {why}"), why.exit_code()))
}
