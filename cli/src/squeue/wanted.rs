//! What the user wants to see: options, then `SQUEUE_*` variables for what no option says.

use muster_dialect::format::{Format, Piece, defaults, parse_built_in, parse_letters, parse_names, tables};
use muster_dialect::jobid::JobSpec;
use muster_dialect::options::Parsed;
use muster_dialect::state::{JobFlags, JobState, StateFilter};

use crate::list::{Bad, words};
use crate::process::{Variables, user_id};

/// Filters, format and order.
#[derive(Debug)]
pub(super) struct Wanted {
    /// `-j`; empty: all.
    pub(super) jobs: Vec<JobSpec>,
    /// `-s`: steps instead of jobs, these or all.
    pub(super) steps: Option<Vec<JobSpec>>,
    pub(super) users: Vec<u32>,
    pub(super) accounts: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) partitions: Vec<String>,
    pub(super) qos: Vec<String>,
    pub(super) licences: Vec<String>,
    pub(super) reservations: Vec<String>,
    pub(super) nodes: Vec<String>,
    pub(super) states: Vec<StateFilter>,
    pub(super) one_row_a_task: bool,
    pub(super) start: bool,
    pub(super) header: bool,
    /// `-l` puts the date first; so does `-i`.
    pub(super) date: bool,
    pub(super) format: Format,
    /// `-S`, or the default.
    pub(super) sort: String,
    pub(super) iterate_s: Option<u64>,
    pub(super) time_format: Option<String>,
    /// Names of `-u` that are no user's.
    pub(super) unknown_users: Vec<String>,
}

/// A user id that nobody has.
const NOBODY: u32 = u32::MAX;
/// Options without code: never silently ignored.
const NOT_BUILT: [&str; 8] =
    ["json", "yaml", "running-over", "running-under", "only-job-state", "expand-patterns", "usage", "clusters"];

impl Wanted {
    pub(super) fn read(parsed: &Parsed, variables: &Variables) -> Result<Self, Bad> {
        if let Some(name) = NOT_BUILT.into_iter().find(|name| parsed.has(name)) {
            return Err(Bad::NotBuilt(name));
        }
        let of = |option: &str, variable: &str| {
            let value = parsed.last(option).flatten();
            value.or_else(|| variables.get(variable)).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let list = |option, variable| of(option, variable).map_or_else(Vec::new, |text| words(&text));
        // The values of -j and -s are optional, so that getopt leaves them among the operands: `squeue -j 5`.
        let operand = parsed.operands.first().map(String::as_str);
        let after = |option: &str| parsed.last(option).map(|value| value.or(operand).unwrap_or_default().to_owned());
        let steps = after("steps").map(|text| step_ids(&text)).transpose()?;
        let jobs = after("jobs").filter(|text| !text.is_empty()).or_else(|| of("jobs", "SQUEUE_JOBS"));
        let long = parsed.has("long");
        let start = parsed.has("start");
        let mut unknown_users = Vec::new();
        // What -j and -s do not take is nothing that squeue knows.
        if let Some(word) = operand.filter(|_| !parsed.has("jobs") && !parsed.has("steps")) {
            return Err(Bad::Value(format!("Unrecognized option: {word}")));
        }
        Ok(Self {
            jobs: ids(&jobs.unwrap_or_default())?,
            users: users(parsed, &list("user", "SQUEUE_USERS"), &mut unknown_users)?,
            unknown_users,
            accounts: list("account", "SQUEUE_ACCOUNT"),
            names: list("name", "SQUEUE_NAMES"),
            partitions: list("partition", "SQUEUE_PARTITION"),
            qos: list("qos", "SQUEUE_QOS"),
            licences: list("licenses", "SQUEUE_LICENSES"),
            reservations: list("reservation", "SQUEUE_RESERVATION"),
            nodes: nodes(of("nodelist", "SQUEUE_NODELIST"))?,
            states: if start {
                vec![StateFilter::Base(JobState::Pending)]
            } else {
                states(of("states", "SQUEUE_STATES"))?
            },
            one_row_a_task: parsed.has("array") || variables.get("SQUEUE_ARRAY").is_some(),
            header: !parsed.has("noheader"),
            date: (long || parsed.has("iterate")) && !parsed.has("noheader"),
            format: format(parsed, variables, steps.is_some(), long, start),
            sort: of("sort", "SQUEUE_SORT").unwrap_or_else(|| default_sort(steps.is_some(), start).to_owned()),
            iterate_s: of("iterate", "").map(|text| iterate(&text)).transpose()?,
            time_format: variables.get("SLURM_TIME_FORMAT").map(str::to_owned),
            steps,
            start,
        })
    }

    /// Whether columns, order and filters need no more than what every row carries.
    pub(super) fn is_brief(&self) -> bool {
        let columns = self.format.pieces.iter().all(|piece| match piece {
            Piece::Column(column) => BRIEF_COLUMNS.contains(&column.field.name),
            Piece::Literal(_) => true,
        });
        let order = self.sort.chars().all(|letter| BRIEF_KEYS.contains(letter));
        columns && order && self.licences.is_empty() && self.reservations.is_empty()
    }

    /// What is wrong with the format; the listing goes on without it.
    pub(super) fn format_problems(&self) -> &[String] {
        &self.format.problems
    }
}

/// Columns of a brief row (`controller/src/views/brief.rs`): those of `squeue`, `squeue -l` and a few more.
const BRIEF_COLUMNS: [&str; 27] = [
    "JobArrayID",
    "JobID",
    "ArrayJobID",
    "ArrayTaskID",
    "Partition",
    "Name",
    "UserName",
    "UserID",
    "Account",
    "QOS",
    "State",
    "StateCompact",
    "Reason",
    "ReasonList",
    "TimeUsed",
    "TimeLimit",
    "TimeLeft",
    "SubmitTime",
    "StartTime",
    "EndTime",
    "NumNodes",
    "NumCPUs",
    "NumTasks",
    "NodeList",
    "PriorityLong",
    "RestartCnt",
    "SLUID",
];
/// Keys of `-S` that a brief row has.
const BRIEF_KEYS: &str = "P,t-p+iAFQTMLlSeVDCUjuaqrNR %";

fn default_sort(steps: bool, start: bool) -> &'static str {
    match (steps, start) {
        (true, _) => "P,i",
        (_, true) => "S",
        _ => "P,t,-p",
    }
}

fn format(parsed: &Parsed, variables: &Variables, steps: bool, long: bool, start: bool) -> Format {
    let table = if steps { &tables::SQUEUE_STEPS } else { &tables::SQUEUE_JOBS };
    // The last of -o and -O counts.
    let given = parsed.options.iter().rev().find(|found| matches!(found.means(), "format" | "Format"));
    if let Some(found) = given {
        let text = found.value.as_deref().unwrap_or_default();
        return if found.means() == "format" { parse_letters(table, text) } else { parse_names(table, text) };
    }
    if let Some(text) = variables.get("SQUEUE_FORMAT").filter(|_| !long && !start) {
        return parse_letters(table, text);
    }
    if let Some(text) = variables.get("SQUEUE_FORMAT2").filter(|_| !long && !start) {
        return parse_names(table, text);
    }
    let text = match (steps, start, long) {
        (true, _, _) => defaults::SQUEUE_STEPS,
        (_, true, _) => defaults::SQUEUE_START,
        (_, _, true) => defaults::SQUEUE_LONG,
        _ => defaults::SQUEUE,
    };
    parse_built_in(table, text)
}

fn ids(text: &str) -> Result<Vec<JobSpec>, Bad> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    // A number with something wrong behind it is asked for, and not found.
    let bad = |word: &str| match word.starts_with(|c: char| c.is_ascii_digit()) {
        true => Bad::Bare("slurm_load_jobs error: Invalid job id specified".to_owned()),
        false => Bad::Value(format!("Invalid job id: {word}")),
    };
    let parse = |word: &str| JobSpec::parse(word).map_err(|_| bad(word));
    // Commas inside of brackets belong to one id.
    JobSpec::parse_list(text).or_else(|_| words(text).iter().map(|word| parse(word)).collect())
}

fn step_ids(text: &str) -> Result<Vec<JobSpec>, Bad> {
    ids(text).map_err(|_| Bad::Value(format!("Invalid job_step id: {text}.??")))
}

/// Users to show. Those that do not exist are told of, and have no jobs.
fn users(parsed: &Parsed, names: &[String], unknown: &mut Vec<String>) -> Result<Vec<u32>, Bad> {
    let mut users = Vec::new();
    for name in names {
        users.push(user_id(name).unwrap_or_else(|_| {
            unknown.push(name.clone());
            NOBODY
        }));
    }
    if parsed.has("me") {
        users.push(rustix::process::getuid().as_raw());
    }
    if parsed.has("notme") {
        return Err(Bad::NotBuilt("notme"));
    }
    Ok(users)
}

fn nodes(text: Option<String>) -> Result<Vec<String>, Bad> {
    let Some(text) = text else { return Ok(Vec::new()) };
    muster_dialect::hostlist::parse(&text).map_err(|error| Bad::Value(format!("Invalid node name {text}: {error}")))
}

/// Those asked for; without any, what waits, runs or completes.
fn states(text: Option<String>) -> Result<Vec<StateFilter>, Bad> {
    let Some(text) = text else {
        let active = [JobState::Pending, JobState::Running, JobState::Suspended].map(StateFilter::Base);
        return Ok(active.into_iter().chain([StateFilter::Flag(JobFlags::COMPLETING)]).collect());
    };
    let invalid = |word: &str| {
        let valid = "Valid job states include: PENDING,RUNNING,SUSPENDED,COMPLETED,CANCELLED,FAILED,TIMEOUT,NODE_FAIL,\
                     PREEMPTED,BOOT_FAIL,DEADLINE,OUT_OF_MEMORY,COMPLETING,CONFIGURING,RESIZING,RESV_DEL_HOLD,REQUEUED,\
                     REQUEUE_FED,REQUEUE_HOLD,REVOKED,SIGNALING,SPECIAL_EXIT,STAGE_OUT,STOPPED";
        Bad::Value(format!("Invalid job state specified: {word}\n{valid}"))
    };
    words(&text).iter().map(|word| StateFilter::parse(word).ok_or_else(|| invalid(word))).collect()
}

fn iterate(text: &str) -> Result<u64, Bad> {
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(Bad::Value(format!("--iterate={text}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_columns_and_keys_are_brief_and_those_of_what_was_asked_for_are_not() {
        let brief = |text: &str| {
            let format = parse_built_in(&tables::SQUEUE_JOBS, text);
            format.pieces.iter().all(|piece| match piece {
                Piece::Column(column) => BRIEF_COLUMNS.contains(&column.field.name),
                Piece::Literal(_) => true,
            })
        };
        assert!(brief(defaults::SQUEUE) && brief(defaults::SQUEUE_LONG));
        assert!(!brief("%Z") && !brief("%i %b"));
        assert!(default_sort(false, false).chars().all(|letter| BRIEF_KEYS.contains(letter)));
    }
}
