//! `-C`: the line for slurm.conf.

use muster_dialect::time;
use muster_noded::real;

pub(crate) fn print(node_name: Option<&str>) -> String {
    let found = real::discover("/tmp");
    let name = node_name.map_or_else(super::configure::short_host_name, str::to_owned);
    let up = real::boot_clock()() / 1000;
    format!(
        "NodeName={name} CPUs={} Boards=1 SocketsPerBoard={} CoresPerSocket={} ThreadsPerCore={} RealMemory={}\nUpTime={}",
        found.cpus,
        found.sockets,
        found.cores_per_socket,
        found.threads_per_core,
        found.real_memory_mib,
        up_time(up)
    )
}

/// `D-HH:MM:SS`, days always.
fn up_time(seconds: u64) -> String {
    let days = seconds / 86_400;
    let rest = time::long(seconds % 86_400);
    format!("{days}-{rest}")
}
