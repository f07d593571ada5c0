//! The cluster inside of turmoil.
//!
//! ```text
//! run ─► found ─► storm (faults of the seed) ─► heal ─► rest ─► judged
//!         │
//!         ├─ world: controllers c1…, nodes n1…, clients on "login", one turmoil host each
//!         ├─ machine + steps: processes in virtual time behind noded's seam
//!         ├─ bmc + power: devices that switch nodes off, behind the controllers' seam
//!         └─ watch: looks at the replicas every few virtual milliseconds
//! ```

mod bmc;
mod calm;
mod chance;
mod changes;
mod clients;
mod clock;
mod disks;
mod faults;
mod heard;
mod machine;
mod moment;
mod net;
mod panics;
mod power;
mod proof;
mod recovery;
mod registers;
mod run;
mod script;
mod seats;
mod site;
mod states;
mod steps;
mod stories;
mod storm;
mod strikes;
mod trace;
mod watch;
mod world;

pub use bmc::Manner;
pub use heard::Heard;
pub use net::SimNet;
pub use run::{Report, run};
pub use site::Shape;
pub use states::STATES;
pub use stories::{ALL as STORIES, Story};
pub use trace::Trace;
