//! The text of each field of a step.

use muster_dialect::step::StepId;
use muster_dialect::time::{TimeLimit, short};
use muster_proto::wire::StepInfo;

use crate::show::step_name;
use crate::show_time::local;

pub(super) fn cell(step: &StepInfo, name: &str, cluster: &str) -> String {
    let record = step.step.clone().unwrap_or_default();
    let spec = record.spec.unwrap_or_default();
    match name {
        "StepID" => step_name(step),
        "StepName" if spec.name.is_empty() => StepId(spec.step_id).to_string(),
        "StepName" => spec.name,
        "JobID" => step.job_id.to_string(),
        "ArrayJobID" => step.array_job_id.to_string(),
        "ArrayTaskID" => step.array_task.map_or_else(|| "N/A".to_owned(), |task| task.to_string()),
        "Partition" => step.partition.clone(),
        "UserName" => step.user_name.clone(),
        "UserID" => step.user.to_string(),
        "TimeUsed" => short(step.run_ms / 1000),
        "TimeLimit" => match spec.time_limit_s {
            None | Some(u32::MAX) => TimeLimit::Unlimited.short(),
            Some(seconds) => TimeLimit::Minutes(seconds.div_ceil(60)).short(),
        },
        "StartTime" => local(record.start_ms),
        "Nodes" => step.nodes.clone(),
        "NumCPUs" => step.cpus.to_string(),
        "NumTasks" => spec.ntasks.to_string(),
        "StepState" => "RUNNING".to_owned(),
        "Cluster" => cluster.to_owned(),
        "StdIn" => spec.std_in,
        "StdOut" => spec.std_out,
        "StdErr" => spec.std_err,
        _ => "N/A".to_owned(),
    }
}
