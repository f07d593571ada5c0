//! Listings for many: built by parts, encoded once, sent to all who asked the same.
//!
//! ```text
//! asks alike ─┐                    ┌─► answer   the same bytes for each,
//! asks alike ─┼─► flight ─► rows ──┼─► answer   never copied
//! asks alike ─┘   (one build)      └─► answer
//! ```
//!
//! - [`rows`]: rows become bytes one by one; whoever builds gives way after some of them.
//! - [`flights`]: who may share a build, so that everybody still reads what was committed before they asked.
//! - [`body`]: the bytes as the body of a reply.

mod body;
mod flights;
mod rows;

pub(crate) use body::Sharing;
pub(crate) use flights::{Flights, Key, Shared};
pub(crate) use rows::{Encoded, Rows};
