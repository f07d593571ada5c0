//! Views: what listings show, built from shared pointers that were taken out of the state under a short lock.
//!
//! One file a kind of record. A view never decides: what is not in the state is not invented here.

mod allocation;
mod around;
mod brief;
mod config;
mod dependency;
mod fences;
mod history;
mod job;
mod job_list;
mod node;
mod now;
mod partition;
mod reckon;
mod replicas;
mod script;
mod sight;
mod stats;
mod step;
mod target;
mod walk;
mod watched;
mod will_run;

pub(crate) use config::{config_text, config_versions};
pub(crate) use fences::{fence_plan, fences};
pub(crate) use history::history;
pub(crate) use job_list::jobs;
pub(crate) use node::{node_address, nodes};
pub(crate) use now::{is_hidden_job, job_nodes, job_now, step_now};
pub(crate) use partition::partitions;
pub(crate) use replicas::{SILENCE, answers, is_distrusted, replicas};
pub(crate) use script::script;
pub(crate) use sight::Sight;
pub(crate) use stats::stats;
pub(crate) use step::{step_places, steps};
pub(crate) use watched::Watcher;
pub(crate) use will_run::will_run;
