//! `sdiag`: what the controller has done.

mod page;

use muster_dialect::options::Parsed;
use muster_dialect::options::tables::SDIAG;
use muster_proto::wire::{Stats, reply, request};

use crate::entry;
use crate::refusal::Refusal;
use crate::say::{Voice, to_stdout};
use crate::site::{Site, block_on};
use page::{Order, page};

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SDIAG, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let voice = Voice::new("sdiag");
    if let Some(name) = ["json", "yaml", "clusters"].into_iter().find(|name| parsed.has(name)) {
        voice.error(&format!("--{name}: not supported by this version"));
        return 1;
    }
    let site = match Site::read() {
        Ok(site) => site,
        Err(error) => return error.report(voice),
    };
    let reach = match site.reach(voice.program) {
        Ok(reach) => reach,
        Err(error) => return error.report(voice),
    };
    let reset = parsed.has("reset");
    match block_on(reach.client.call(request::Body::Stats(Stats { reset }))) {
        Ok(reply::Body::Stats(_)) if reset => u8::from(!to_stdout("Reset scheduling statistics\n")),
        Ok(reply::Body::Stats(stats)) => u8::from(!to_stdout(&page(&stats, order(&parsed)))),
        Ok(reply::Body::Done(_)) => 0,
        Ok(_) => 1,
        Err(error) => {
            let what = if reset { "slurm_reset_statistics" } else { "slurm_get_statistics" };
            voice.bare(&format!("{what}: {}", Refusal::of(&error, "whether it was reset").text));
            // As Slurm exits here.
            255
        }
    }
}

fn order(parsed: &Parsed) -> Order {
    match () {
        () if parsed.has("sort-by-id") => Order::Id,
        () if parsed.has("sort-by-time") => Order::TotalTime,
        () if parsed.has("sort-by-time2") => Order::MeanTime,
        () => Order::Count,
    }
}
