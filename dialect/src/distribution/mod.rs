//! Which task runs on which node: what `-m` asks for, and the layout that follows from it.

mod layout;
mod request;

pub use layout::{LayoutError, TASKS_MAX, arbitrary, layout};
pub use request::{Distribution, DistributionError, Inner, NodeOrder};
