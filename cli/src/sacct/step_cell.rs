//! The text of each field of a step.

use muster_dialect::exit_code::ExitCode;
use muster_dialect::hostlist;
use muster_dialect::memory::print_kib;
use muster_dialect::step::StepId;
use muster_dialect::time::long;
use muster_proto::durable::{EndCause, StepRecord, StepSpec, StepState, Usage};
use muster_proto::wire::JobInfo;

use super::job_cell::{Teller, cpu_time};
use crate::list::job_name_id;

/// batch, extern, interactive, then the numbered ones.
pub(super) fn order(step: &StepRecord) -> (bool, u32) {
    let number = step.spec.as_ref().map_or(0, |spec| spec.step_id);
    match StepId(number).is_normal() {
        true => (true, number),
        false => (false, u32::MAX - number),
    }
}

pub(super) fn cell(teller: &Teller, job: &JobInfo, step: &StepRecord, name: &str) -> String {
    let Some(row) = &job.row else { return String::new() };
    let none = StepSpec::default();
    let spec = step.spec.as_ref().unwrap_or(&none);
    let id = StepId(spec.step_id);
    let cpus: u32 = step.nodes.iter().map(|node| node.cores.iter().map(|byte| byte.count_ones()).sum::<u32>()).sum();
    let cpus = cpus.max(1);
    let elapsed = teller.elapsed_s(step.start_ms, step.end_ms);
    let usage = usage(step);
    match name {
        "JobID" => format!("{}.{id}", job_name_id(job)),
        "JobIDRaw" => format!("{}.{id}", row.job_id),
        "JobName" if spec.name.is_empty() => id.to_string(),
        "JobName" => spec.name.clone(),
        "Account" => row.spec.as_ref().map_or_else(String::new, |spec| spec.account.clone()),
        "State" => state(step).to_owned(),
        "ExitCode" => ExitCode::from_wait_status(step.wait_status as i32).to_string(),
        "AllocCPUS" | "NCPUS" | "ReqCPUS" => cpus.to_string(),
        "AllocNodes" | "NNodes" => step.nodes.len().to_string(),
        "NTasks" => spec.ntasks.max(1).to_string(),
        "NodeList" => nodes(teller, step),
        "Elapsed" => long(elapsed),
        "ElapsedRaw" => elapsed.to_string(),
        "CPUTime" => long(elapsed * u64::from(cpus)),
        "CPUTimeRAW" => (elapsed * u64::from(cpus)).to_string(),
        "Submit" | "Start" => teller.date(step.start_ms),
        "End" => teller.date(step.end_ms),
        "TotalCPU" | "UserCPU" | "SystemCPU" => cpu_time(&usage, name),
        "MaxRSS" | "AveRSS" if usage.max_rss_kib > 0 => print_kib(usage.max_rss_kib),
        "MaxVMSize" | "AveVMSize" if usage.max_vsize_kib > 0 => print_kib(usage.max_vsize_kib),
        "AllocTRES" => tres(teller, step, cpus),
        "Cluster" => teller.cluster.clone(),
        "Layout" if id.is_normal() => {
            if spec.ntasks as usize <= step.nodes.len() { "Cyclic" } else { "Block" }.to_owned()
        }
        "Layout" => "Unknown".to_owned(),
        _ => String::new(),
    }
}

fn state(step: &StepRecord) -> &'static str {
    let signalled = step.wait_status & 0x7f != 0;
    match (step.state(), step.cause()) {
        (StepState::Pending, _) => "PENDING",
        (StepState::Running | StepState::Completing, _) => "RUNNING",
        (StepState::Ended, EndCause::OutOfMemory) => "OUT_OF_MEMORY",
        (StepState::Ended, EndCause::NodeFail) => "NODE_FAIL",
        (StepState::Ended, EndCause::Timeout) if StepId(step.spec.as_ref().map_or(0, |s| s.step_id)).is_normal() => {
            "TIMEOUT"
        }
        (StepState::Ended, _) if signalled => "CANCELLED",
        (StepState::Ended, _) if step.wait_status != 0 => "FAILED",
        (StepState::Ended, _) => "COMPLETED",
    }
}

fn nodes(teller: &Teller, step: &StepRecord) -> String {
    let name = |index: u32| teller.node_names.get(index as usize).map(String::as_str);
    hostlist::fold(&step.nodes.iter().filter_map(|node| name(node.node)).collect::<Vec<_>>())
}

fn tres(teller: &Teller, step: &StepRecord, cpus: u32) -> String {
    let mem: u64 = step.nodes.iter().map(|node| node.mem_mib).sum();
    let mem = if mem == 0 { String::new() } else { format!("mem={},", teller.mib(mem)) };
    format!("cpu={cpus},{mem}node={}", step.nodes.len())
}

fn usage(step: &StepRecord) -> Usage {
    let parts = step.nodes.iter().filter_map(|node| node.usage.as_ref());
    parts.fold(Usage::default(), |all, part| Usage {
        user_us: all.user_us + part.user_us,
        system_us: all.system_us + part.system_us,
        max_rss_kib: all.max_rss_kib.max(part.max_rss_kib),
        max_vsize_kib: all.max_vsize_kib.max(part.max_vsize_kib),
        ..all
    })
}
