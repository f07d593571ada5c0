//! `scontrol update JobId=ID Key=Value…`.

use muster_dialect::date;
use muster_dialect::jobid::JobSpec;
use muster_dialect::memory::parse_mib;
use muster_dialect::time::TimeLimit;
use muster_proto::durable::UpdateJob;
use muster_proto::wire::request;

use super::super::{Control, change};
use super::{Pair, unsupported};
use crate::entry::now_ms;
use crate::list::zone;
use crate::request::dependency_of;
use crate::site::block_on;
use crate::target::target;

pub(super) fn run(control: &Control, pairs: &[Pair]) -> u8 {
    let Some(id) = pairs.iter().find(|pair| matches!(pair.key.as_str(), "jobid" | "job")) else {
        return control.fail("update by JobName: not supported by this version");
    };
    let Ok(ids) = JobSpec::parse_list(&id.value) else {
        return control.fail(&format!("Invalid job id specified for job {}", id.value));
    };
    let mut update = UpdateJob::default();
    for pair in pairs.iter().filter(|pair| !matches!(pair.key.as_str(), "jobid" | "job")) {
        match set(&mut update, pair) {
            Set::Done => {}
            Set::Invalid => return control.fail(&format!("Invalid input: {}\nRequest aborted", pair.word)),
            Set::Unknown => return unsupported(control, pair),
        }
    }
    if update == UpdateJob::default() {
        return control.fail("No changes specified");
    }
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let mut code = 0;
    for id in &ids {
        update.target = Some(target(id));
        if let Err(refusal) = block_on(change(&reach, request::Body::UpdateJob(update.clone()))) {
            code = control.fail(&format!("{} for job {}", refusal.text, id.job));
        }
    }
    code
}

enum Set {
    Done,
    Invalid,
    Unknown,
}

/// A value, or `Invalid`.
fn put<T>(place: &mut Option<T>, value: Option<T>) -> Set {
    match value {
        Some(value) => {
            *place = Some(value);
            Set::Done
        }
        None => Set::Invalid,
    }
}

fn set(update: &mut UpdateJob, pair: &Pair) -> Set {
    let text = || Some(pair.value.clone());
    let value = pair.value.as_str();
    match pair.key.as_str() {
        "account" => put(&mut update.account, text()),
        "admincomment" => put(&mut update.admin_comment, text()),
        "comment" => put(&mut update.comment, text()),
        "extra" => put(&mut update.extra, text()),
        "name" | "jobname" => put(&mut update.name, text()),
        "partition" => put(&mut update.partition, text()),
        "qos" => put(&mut update.qos, text()),
        "wckey" => put(&mut update.wckey, text()),
        "reservationname" | "reservation" => put(&mut update.reservation, text()),
        "licenses" => put(&mut update.licenses, text()),
        "features" => put(&mut update.features, text()),
        "mailuser" => put(&mut update.mail_user, text()),
        "workdir" => put(&mut update.work_dir, text()),
        "stdout" => put(&mut update.std_out, text()),
        "stderr" => put(&mut update.std_err, text()),
        "stdin" => put(&mut update.std_in, text()),
        "reqnodelist" | "nodelist" => put(&mut update.required_nodes, text()),
        "excnodelist" => put(&mut update.excluded_nodes, text()),
        "dependency" => {
            update.dependency_text = text();
            put(&mut update.dependency, dependency_of(value))
        }
        _ => set_number(update, pair),
    }
}

fn set_number(update: &mut UpdateJob, pair: &Pair) -> Set {
    let value = pair.value.as_str();
    match pair.key.as_str() {
        "arraytaskthrottle" => put(&mut update.array_max_running, value.parse().ok()),
        "contiguous" | "gres" | "reqcores" | "reqsockets" | "reqthreads" | "switches" | "corespec" | "threadspec" => {
            Set::Unknown
        }
        "cpuspertask" => put(&mut update.cpus_per_task, value.parse().ok()),
        "deadline" => put(&mut update.deadline_ms, instant(value)),
        "starttime" | "eligibletime" => put(&mut update.begin_ms, instant(value)),
        "mincpusnode" => put(&mut update.min_cpus_per_node, value.parse().ok()),
        "minmemorycpu" => put(&mut update.mem_per_cpu_mib, parse_mib(value).ok()),
        "minmemorynode" => put(&mut update.mem_per_node_mib, parse_mib(value).ok()),
        "nice" if value.is_empty() => put(&mut update.nice, Some(100)),
        "nice" => put(&mut update.nice, value.parse().ok()),
        "numtasks" | "reqprocs" => put(&mut update.ntasks, value.parse().ok()),
        "numnodes" | "reqnodes" => nodes(update, value),
        "oversubscribe" | "shared" => match value.to_ascii_lowercase().as_str() {
            "no" | "0" => put(&mut update.exclusive, Some(true)),
            "yes" | "ok" | "1" => put(&mut update.exclusive, Some(false)),
            _ => Set::Invalid,
        },
        "priority" => match value.to_ascii_uppercase().as_str() {
            "INFINITE" | "UNLIMITED" => put(&mut update.priority, Some(u32::MAX - 1)),
            _ => put(&mut update.priority, value.parse().ok()),
        },
        "requeue" => put(&mut update.requeue, value.parse::<u8>().ok().filter(|n| *n < 2).map(|n| n == 1)),
        "resetaccruetime" => put(&mut update.reset_accrue, Some(true)),
        "timelimit" => put(&mut update.time_limit_s, limit(value)),
        "timemin" => put(&mut update.time_min_s, limit(value)),
        _ => Set::Unknown,
    }
}

fn nodes(update: &mut UpdateJob, value: &str) -> Set {
    let (least, most) = value.split_once('-').unwrap_or((value, value));
    update.max_nodes = most.parse().ok();
    put(&mut update.min_nodes, least.parse().ok().filter(|_| most.parse::<u32>().is_ok()))
}

/// Seconds; `u32::MAX` is unlimited.
fn limit(value: &str) -> Option<u32> {
    let limit = TimeLimit::parse_request(value).ok()?;
    Some(limit.seconds().map_or(u32::MAX, |seconds| u32::try_from(seconds).unwrap_or(u32::MAX - 1)))
}

fn instant(value: &str) -> Option<u64> {
    let now = i64::try_from(now_ms() / 1000).ok()?;
    let seconds = date::parse(value, now, &zone()).ok()?;
    u64::try_from(seconds).ok().map(|seconds| seconds * 1000)
}
