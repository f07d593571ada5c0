//! `scontrol`: shows everything, and changes jobs, nodes, partitions and the configuration.

mod batch_script;
mod configuration;
mod hosts;
mod interactive;
mod jobs;
mod ping;
mod show;
mod update;
mod verb;

use muster_dialect::options::tables::SCONTROL;

use crate::entry;
use crate::list::zone;
use crate::refusal::{Refusal, unexpected};
use crate::say::{Voice, to_stderr, to_stdout};
use crate::show::Form;
use crate::site::{Reach, Site};
use muster_proto::wire::{Done, reply, request};

/// What a verb works with.
struct Control {
    form: Form,
    quiet: bool,
    voice: Voice,
}

/// Runs the command with the words after its name.
pub(crate) fn run(words: &[String]) -> u8 {
    let parsed = match entry::options(&SCONTROL, words) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    let voice = Voice::new("scontrol");
    for name in ["clusters", "sibling", "local", "federation", "json", "yaml", "future", "uid"] {
        if parsed.has(name) {
            voice.error(&format!("--{name}: not supported by this version"));
            return 1;
        }
    }
    let form = Form { one_line: parsed.has("oneliner"), details: parsed.has("details"), zone: zone() };
    let control = Control { form, quiet: parsed.has("quiet"), voice };
    if parsed.operands.is_empty() { interactive::run(control) } else { verb::run(&control, &parsed.operands) }
}

impl Control {
    /// The cluster; told when there is none.
    fn site(&self) -> Result<Site, u8> {
        Site::read_all().map_err(|error| error.report(self.voice))
    }

    /// How to speak to it.
    fn reach(&self) -> Result<Reach, u8> {
        self.site()?.reach(self.voice.program).map_err(|error| error.report(self.voice))
    }

    /// Prints to standard output; the exit code.
    fn print(&self, text: &str) -> u8 {
        u8::from(!to_stdout(text))
    }

    /// A line for standard error, unless `--quiet`; exit code 1.
    fn fail(&self, line: &str) -> u8 {
        if !self.quiet {
            to_stderr(&format!("{line}\n"));
        }
        1
    }
}

/// Asks; the outcome of a change may be unknown.
async fn ask(reach: &Reach, body: request::Body) -> Result<reply::Body, Refusal> {
    reach.client.call(body).await.map_err(|error| Refusal::of(&error, "whether it was done"))
}

/// Asks for a change.
async fn change(reach: &Reach, body: request::Body) -> Result<Done, Refusal> {
    match ask(reach, body).await? {
        reply::Body::Done(done) => Ok(done),
        _ => Err(Refusal::of(&unexpected(), "")),
    }
}
