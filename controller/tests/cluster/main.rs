//! Controllers in one process, over loopback and with stores in memory: the doors, and what the leader does behind them.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod doors;
mod fence;
mod http;
mod leases;
mod life;
mod membership;
mod overload;
mod passes;
mod replicas;
mod stage;
mod stale;
mod tls;
mod upgrade;
mod watch;
