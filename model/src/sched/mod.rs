//! The scheduler: a view of the cluster goes in, a plan (a proposal for the log) comes out.
//!
//! ```text
//! Cluster ─► View ─► order ─► eligible? ─► candidates ─► fit ─► layout ─► Placement
//!                                │            (which        (how     (tasks     │
//!                                │             nodes)        much)    on nodes)  ├─► CommitPlan
//!                                └──► Verdict (why not yet) ◄── backfill ◄───────┘
//!                                                               on a time profile
//! ```
//!
//! A plan is only a wish: every placement is checked again against the newest state when it is applied. So nothing here
//! changes anything, and the same view always gives the same plan: integers only, ordered maps only, no clock.

mod ask;
mod backfill;
mod candidates;
mod classes;
mod earliest;
mod eligible;
mod feasible;
mod features;
mod fit;
mod gres;
mod layout;
mod licences;
mod limits;
mod memory_limit;
mod of_cluster;
mod order;
mod place;
mod plan;
mod profile;
mod site;
mod verdict;
mod view;
mod will_run;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

pub use feasible::{Infeasible, feasible};
pub use features::{FeatureError, Features};
pub use limits::Limits;
pub(crate) use memory_limit::exceeds_node_limit;
pub use memory_limit::spread_memory;
pub use plan::plan;
pub use site::{Class, Select, Site, SiteNode, SitePartition, Unit};
pub use view::{DependsOn, Job, Running, Shape, Shown, View};
pub use will_run::{Estimate, will_run};
