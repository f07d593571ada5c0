//! From options to what is asked of the cluster. `sbatch`, `srun` and `salloc` share nearly all of it.
//!
//! ```text
//! environment < #SBATCH lines < command line ── Draft::apply, one option at a time ──► Draft ──► JobSpec, StepSpec
//! ```
//!
//! An option that Slurm knows and this version does not build is refused by name, never skipped.

mod apply;
mod bad;
mod behaviour;
mod client;
mod client_side;
mod date;
mod dependency;
mod draft;
mod finish;
mod gres;
mod input;
mod mail;
mod placement;
mod resources;
mod timing;
mod variables;
mod who;

pub(crate) use bad::Bad;
pub(crate) use client_side::ClientSide;
pub(crate) use dependency::dependency_of;
pub(crate) use draft::{Draft, Source};
pub(crate) use finish::{Command, directory, ranges};
pub(crate) use input::{from_environment, variables_of};
pub(crate) use mail::mail_type_names;

#[cfg(test)]
mod tests;
