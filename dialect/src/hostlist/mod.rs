//! Host list expressions: `n[1-3,5],rack[0-1]node[08-11]` ↔ names.
//!
//! [`parse`] expands in the order written and keeps duplicates, [`fold`] merges neighbours that differ in a trailing
//! number, as `scontrol show hostlist` and squeue print them. `parse(fold(x)) == x` for names without separators and
//! brackets. Expansion is bounded, in hosts and in bytes, before anything is allocated.

mod expand;
mod fold;

pub use expand::{HOSTS_MAX, HostlistError, NAME_BYTES_MAX, parse};
pub use fold::{fold, fold_sorted, sort};

#[cfg(test)]
mod tests;
