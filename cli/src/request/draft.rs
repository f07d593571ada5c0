//! What the user asked for so far, while options are applied to it.

use std::collections::BTreeMap;

use muster_proto::durable::{JobSpec, Request, StepSpec};

use super::bad::Bad;
use super::client_side::ClientSide;

/// Where an option was given. Later ones are stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    Environment,
    Script,
    CommandLine,
}

/// The request as it grows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Draft {
    /// For `Submit`. Its request is [`Draft::request`], put in at the end.
    pub job: JobSpec,
    /// What it asks of nodes.
    pub request: Request,
    /// What only steps have.
    pub step: StepSpec,
    /// What the command itself does with it.
    pub client: ClientSide,
    /// Which of the three ways to ask for memory was used, and where.
    memory: Option<(Source, &'static str)>,
    /// The strongest source of each option that was given.
    given: BTreeMap<&'static str, Source>,
    now_ms: u64,
}

/// One option in the hands of the groups below.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given<'a> {
    pub(super) name: &'static str,
    pub(super) value: Option<&'a str>,
    pub(super) source: Source,
}

impl<'a> Given<'a> {
    /// The value; empty for an option that came without one.
    pub(super) fn text(&self) -> &'a str {
        self.value.unwrap_or_default()
    }
}

impl Draft {
    /// Nothing asked for yet. `now_ms`: what dates like `now+1hour` count from.
    #[must_use]
    pub(crate) fn new(now_ms: u64) -> Self {
        Self {
            job: JobSpec::default(),
            request: Request::default(),
            step: StepSpec::default(),
            client: ClientSide::default(),
            memory: None,
            given: BTreeMap::new(),
            now_ms,
        }
    }

    /// Notes where an option was given.
    pub(super) fn note(&mut self, given: &Given<'_>) {
        self.given.insert(given.name, given.source);
    }

    /// Whether the option was given in this source or a stronger one.
    pub(crate) fn is_given(&self, name: &str, source: Source) -> bool {
        self.given.get(name).is_some_and(|at| *at >= source)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Notes which way of asking for memory is used; a stronger source takes the place of a weaker one.
    pub(super) fn choose_memory(&mut self, given: &Given<'_>) -> Result<(), Bad> {
        if let Some((source, name)) = self.memory
            && source == given.source
            && source != Source::Environment
            && name != given.name
        {
            return Err(Bad::Fatal("--mem, --mem-per-cpu, and --mem-per-gpu are mutually exclusive.".into()));
        }
        self.memory = Some((given.source, given.name));
        self.request.mem_per_node_mib = None;
        self.request.mem_per_cpu_mib = None;
        self.request.mem_per_gres_mib = 0;
        self.job.has_mem_request = true;
        Ok(())
    }
}
