//! How much: tasks, processors, memory, generic resources.

use muster_dialect::memory::parse_mib;

use super::bad::{Bad, count, number};
use super::draft::{Draft, Given};
use super::gres;

/// Takes the option if it is one of these.
pub(super) fn apply(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let name = given.name;
    let request = &mut draft.request;
    match name {
        "ntasks" => {
            request.ntasks = count(name, given.text())?;
            request.ntasks_set = true;
        }
        "cpus-per-task" => {
            request.cpus_per_task = count(name, given.text())?;
            request.cpus_per_task_set = true;
        }
        "ntasks-per-node" => request.ntasks_per_node = count(name, given.text())?,
        "ntasks-per-socket" => request.ntasks_per_socket = count(name, given.text())?,
        "ntasks-per-core" => request.ntasks_per_core = count(name, given.text())?,
        "ntasks-per-gpu" | "ntasks-per-tres" => request.ntasks_per_tres = count(name, given.text())?,
        "mincpus" => request.min_cpus_per_node = count(name, given.text())?,
        "sockets-per-node" => request.sockets_per_node = count(name, given.text())?,
        "cores-per-socket" => request.cores_per_socket = count(name, given.text())?,
        "threads-per-core" => request.threads_per_core = count(name, given.text())?,
        "core-spec" => request.core_spec = number(name, given.text())?,
        "extra-node-info" => extra_node_info(draft, given.text())?,
        "hint" => hint(draft, given.text())?,
        "overcommit" => request.overcommit = true,
        "tmp" => request.tmp_disk_mib = memory("tmp", given.text())?,
        "mem" => {
            let mib = memory("mem", given.text())?;
            draft.choose_memory(&given)?;
            draft.request.mem_per_node_mib = Some(mib);
        }
        "mem-per-cpu" => {
            let mib = memory("mem-per-cpu", given.text())?;
            draft.choose_memory(&given)?;
            draft.request.mem_per_cpu_mib = Some(mib);
        }
        "mem-per-gpu" => {
            let mib = memory("mem-per-gpu", given.text())?;
            draft.choose_memory(&given)?;
            draft.request.mem_per_gres_mib = mib;
        }
        "gres" | "gpus" | "gpus-per-node" | "gpus-per-task" | "gpus-per-socket" => {
            gres::apply(request, name, given.text())?
        }
        "tres-per-task" => request.tres_per_task = gres::list(given.text())?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn memory(option: &'static str, text: &str) -> Result<u64, Bad> {
    parse_mib(text).map_err(|_| Bad::Specification(option))
}

/// `-B sockets[:cores[:threads]]`; `*` is any number.
fn extra_node_info(draft: &mut Draft, text: &str) -> Result<(), Bad> {
    let part = |at: usize, which: &str| match text.split(':').nth(at) {
        None | Some("*" | "") => Ok(0),
        Some(value) => {
            let bad = || Bad::Number { option: format!("{which} arg of -B"), value: value.to_owned() };
            value.split('-').next().and_then(|least| least.parse::<u32>().ok()).filter(|n| *n > 0).ok_or_else(bad)
        }
    };
    draft.request.sockets_per_node = part(0, "first")?;
    draft.request.cores_per_socket = part(1, "second")?;
    draft.request.threads_per_core = part(2, "third")?;
    Ok(())
}

/// `nomultithread` is one thread a core. The hints that only say "as usual" change nothing.
fn hint(draft: &mut Draft, text: &str) -> Result<(), Bad> {
    match text {
        "nomultithread" => draft.request.threads_per_core = 1,
        "multithread" => {}
        "compute_bound" | "memory_bound" => return Err(Bad::NotBuilt(format!("hint={text}"))),
        _ => return Err(Bad::Refused(format!("unrecognized --hint argument \"{text}\", see --hint=help"))),
    }
    draft.client.hint = Some(text.to_owned());
    Ok(())
}
