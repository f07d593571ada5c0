//! What hardware there is, from /proc and /sys, in slurmd's terms.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use muster_proto::durable::Hardware;

use crate::Load;

/// Looks at this host. `tmp`: `TmpFS`.
#[must_use]
pub fn discover(tmp: &str) -> Hardware {
    let topology = Topology::read();
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    Hardware {
        cpus: topology.cpus,
        boards: 1,
        sockets: topology.sockets,
        cores_per_socket: topology.cores_per_socket,
        threads_per_core: topology.threads_per_core,
        real_memory_mib: memory_kib("MemTotal:") / 1024,
        tmp_disk_mib: disk_mib(tmp),
        arch: text(system.machine()),
        os: format!("{} {} {}", text(system.sysname()), text(system.release()), text(system.version())),
        gres: String::new(),
    }
}

/// How busy the host is.
pub(crate) fn load() -> Load {
    let average = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let average: f64 = average.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0.0);
    Load { load_hundredths: (average * 100.0) as u32, free_mem_mib: memory_kib("MemFree:") / 1024 }
}

struct Topology {
    cpus: u32,
    sockets: u32,
    cores_per_socket: u32,
    threads_per_core: u32,
}

impl Topology {
    fn read() -> Self {
        let mut sockets = BTreeSet::new();
        let mut cores = BTreeSet::new();
        let mut cpus = 0u32;
        for cpu in cpu_numbers() {
            let base = Path::new("/sys/devices/system/cpu").join(format!("cpu{cpu}/topology"));
            let number = |name: &str| fs::read_to_string(base.join(name)).ok()?.trim().parse::<u32>().ok();
            let (socket, core) = (number("physical_package_id").unwrap_or(0), number("core_id").unwrap_or(cpu));
            sockets.insert(socket);
            cores.insert((socket, core));
            cpus += 1;
        }
        let cpus = cpus.max(1);
        let (sockets, cores) = ((sockets.len() as u32).max(1), (cores.len() as u32).max(1));
        Self { cpus, sockets, cores_per_socket: (cores / sockets).max(1), threads_per_core: (cpus / cores).max(1) }
    }
}

/// CPUs that are online.
fn cpu_numbers() -> Vec<u32> {
    let online = fs::read_to_string("/sys/devices/system/cpu/online").unwrap_or_default();
    let mut numbers = Vec::new();
    for range in online.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        if let (Ok(first), Ok(last)) = (first.parse::<u32>(), last.parse::<u32>()) {
            numbers.extend(first..=last);
        }
    }
    numbers
}

fn memory_kib(key: &str) -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn disk_mib(path: &str) -> u64 {
    rustix::fs::statvfs(path).map_or(0, |about| about.f_blocks * about.f_frsize / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_host_has_processors_and_memory_that_multiply() {
        let found = super::discover("/tmp");
        assert!(found.cpus >= 1 && found.real_memory_mib > 0);
        assert!(found.sockets * found.cores_per_socket * found.threads_per_core <= found.cpus);
    }
}
