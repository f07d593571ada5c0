//! The replicated state machine: [`Cluster::apply`] is its one door.
//!
//! ```text
//! log entry ─► Batch ─► apply ─► outcomes   (what the proposer learns)
//!                         ├────► Changes    (rows to store with the applied index; events that wake loops)
//!                         └────► memory     (what scheduling and listings read)
//! ```

mod changes;
mod outcome;

pub use changes::{Changes, Event, Row, RowError, Table};
pub use outcome::Outcome;
