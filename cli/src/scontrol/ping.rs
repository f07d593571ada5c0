//! `scontrol ping`: whether each controller answers.

use muster_dialect::conf::show;
use muster_proto::wire::{Ping, request};

use super::Control;
use crate::site::{Reach, Site, block_on};

pub(super) fn run(control: &Control) -> u8 {
    let site = match control.site() {
        Ok(site) => site,
        Err(code) => return code,
    };
    let reach = match site.reach(control.voice.program) {
        Ok(reach) => reach,
        Err(error) => return error.report(control.voice),
    };
    let answers = block_on(all(&site, &reach));
    let code = control.print(&show::ping(&answers));
    // As Slurm: what counts is whether the cluster can be reached.
    if answers.iter().any(|(_, up)| *up) { code } else { 1 }
}

/// Name of each controller in the order of the configuration, and whether it answers.
pub(super) async fn all(site: &Site, reach: &Reach) -> Vec<(String, bool)> {
    let mut answers = Vec::new();
    for (name, address) in site.controllers() {
        let up = reach.client.call_one(&address, request::Body::Ping(Ping {})).await.is_ok();
        answers.push((name, up));
    }
    answers
}
