//! Which machine this is, which boot of it, and its boot-time clock.

use std::fs;
use std::sync::Arc;

use muster_channel::WallClock;
use rustix::time::{ClockId, clock_gettime};
use sha2::{Digest, Sha256};

/// Names the machine without giving its key away: node key, machine id and node name, hashed.
#[must_use]
pub fn machine_hash(node_key: &[u8], node_name: &str) -> Vec<u8> {
    let machine_id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let mut hash = Sha256::new();
    for part in [node_key, machine_id.trim().as_bytes(), node_name.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_vec()
}

/// The kernel's random name of this boot.
#[must_use]
pub fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Milliseconds since boot, suspension included; nobody can set it.
#[must_use]
pub fn boot_clock() -> WallClock {
    Arc::new(|| {
        let now = clock_gettime(ClockId::Boottime);
        now.tv_sec as u64 * 1_000 + now.tv_nsec as u64 / 1_000_000
    })
}

/// When the kernel booted, by the wall clock.
#[must_use]
pub fn boot_ms() -> u64 {
    let wall = (muster_channel::Outside::real().wall_ms)();
    wall.saturating_sub(boot_clock()())
}
