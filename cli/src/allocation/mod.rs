//! An allocation that the command itself holds: asked for, waited for, and given back. `salloc`, and `srun` outside of a
//! job, share it.

mod granted;
mod obtain;
mod revoke;

pub(crate) use granted::Granted;
pub(crate) use obtain::obtain;
pub(crate) use revoke::{ended, give_back};
