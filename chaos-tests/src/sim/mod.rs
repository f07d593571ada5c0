//! The cluster inside of turmoil.

mod net;
mod trace;

pub use net::SimNet;
pub use trace::Trace;
