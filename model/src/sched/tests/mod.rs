//! Whole plans: what starts where, and what is told of the rest.

mod applied;
mod backfill;
mod placement;
mod properties;
mod reasons;
