//! What a command knows of its own process: where it runs, as whom, and with which limits and environment. A job
//! inherits these.

mod environment;
mod identity;
mod limits;

pub(crate) use environment::{Export, ExportError, Variables};
pub(crate) use identity::{Here, user_id};
pub(crate) use limits::{Propagate, captured};
