//! `scontrol show step`.

use muster_dialect::step::StepId;
use muster_dialect::time::long;
use muster_proto::wire::StepInfo;

use super::record::{Form, Record, or_null};

const UNLIMITED: u32 = u32::MAX;

/// `93.0`, `93.batch`, `12_3.extern`.
pub(crate) fn step_name(step: &StepInfo) -> String {
    let number = step.step.as_ref().and_then(|s| s.spec.as_ref()).map_or(0, |spec| spec.step_id);
    let job = match (step.array_job_id, step.array_task) {
        (0, _) | (_, None) => step.job_id.to_string(),
        (array, Some(task)) => format!("{array}_{task}"),
    };
    format!("{job}.{}", StepId(number))
}

/// The record of `step`.
pub(crate) fn step(step: &StepInfo, form: &Form) -> String {
    let record_of = step.step.clone().unwrap_or_default();
    let spec = record_of.spec.unwrap_or_default();
    let numbered = StepId(spec.step_id).is_normal();
    let limit = match spec.time_limit_s.unwrap_or(UNLIMITED) {
        UNLIMITED => "UNLIMITED".to_owned(),
        seconds => long(u64::from(seconds)),
    };
    let mut record = Record::default();
    let start = form.date(record_of.start_ms, "Unknown");
    record.line(format!("StepId={} UserId={} StartTime={start} TimeLimit={limit}", step_name(step), step.user));
    record.line(format!("State=RUNNING Partition={} NodeList={}", step.partition, step.nodes));
    let cpus = if numbered { step.cpus } else { 0 };
    let (nodes, tasks, name) = (record_of.nodes.len(), spec.ntasks, or_null(&spec.name));
    record.line(format!("Nodes={nodes} CPUs={cpus} Tasks={tasks} Name={name} Network=(null)"));
    record.line(format!("TRES={}", if numbered { or_null(&step.tres) } else { "(null)" }));
    record.line("ResvPorts=(null)");
    let spread = if tasks as usize <= nodes { "Cyclic" } else { "Block" };
    record.line_if(numbered, || format!("CPUFreqReq=Default Dist={spread}"));
    record.line_if(!numbered, || "CPUFreqReq=Default".to_owned());
    record.line(format!("SrunHost:Pid={}:{}", or_null(&spec.srun_host), spec.srun_pid));
    record.print(form)
}
