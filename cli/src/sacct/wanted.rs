//! What the user wants to see: options, then `SACCT_FORMAT`.

use muster_dialect::date;
use muster_dialect::format::defaults;
use muster_dialect::format::sacct::{Layout, SacctColumn, parse};
use muster_dialect::jobid::JobSpec;
use muster_dialect::options::Parsed;
use muster_dialect::state::{JobState, StateFilter};

use crate::list::{Bad, words, zone};
use crate::process::{Variables, user_id};

/// Filters and format.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) jobs: Vec<JobSpec>,
    /// Empty: all users.
    pub(super) users: Vec<u32>,
    pub(super) accounts: Vec<String>,
    pub(super) partitions: Vec<String>,
    pub(super) names: Vec<String>,
    pub(super) qos: Vec<String>,
    pub(super) nodes: Vec<String>,
    pub(super) states: Vec<StateFilter>,
    /// ms; 0: open.
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
    /// `-X`: no steps.
    pub(super) allocations: bool,
    /// `-D`: earlier runs of requeued jobs too.
    pub(super) duplicates: bool,
    pub(super) header: bool,
    pub(super) columns: Vec<SacctColumn>,
    pub(super) layout: Layout,
    pub(super) time_format: Option<String>,
    /// `--noconvert`.
    pub(super) plain_sizes: bool,
}

/// Options without code: never silently ignored.
const NOT_BUILT: [&str; 22] = [
    "json",
    "yaml",
    "batch-script",
    "env-vars",
    "completion",
    "constraints",
    "file",
    "flags",
    "nnodes",
    "ncpus",
    "reason",
    "timelimit-max",
    "timelimit-min",
    "wckeys",
    "usage",
    "units",
    "group",
    "associations",
    "expand-patterns",
    "array",
    "truncate",
    "helpstate",
];

impl Wanted {
    pub(super) fn read(parsed: &Parsed, variables: &Variables, now_ms: u64) -> Result<Self, Bad> {
        if let Some(name) = NOT_BUILT.into_iter().find(|name| parsed.has(name)) {
            return Err(Bad::NotBuilt(name));
        }
        let of = |option: &str| parsed.last(option).flatten().filter(|text| !text.is_empty());
        let list = |option| of(option).map_or_else(Vec::new, words);
        let jobs = of("jobs").map(ids).transpose()?.unwrap_or_default();
        let states = list("state").iter().map(|word| state(word)).collect::<Result<Vec<_>, _>>()?;
        let (start_ms, end_ms) = window(parsed, !jobs.is_empty(), !states.is_empty(), now_ms)?;
        let separated = parsed.has("parsable") || parsed.has("parsable2");
        let delimiter = of("delimiter").unwrap_or("|").to_owned();
        let at_end = parsed.has("parsable") && !parsed.has("parsable2");
        Ok(Self {
            users: users(parsed, &list("user"), !jobs.is_empty())?,
            accounts: list("accounts"),
            partitions: list("partition"),
            names: list("name"),
            qos: list("qos"),
            nodes: nodes(of("nodelist"))?,
            states,
            start_ms,
            end_ms,
            allocations: parsed.has("allocations"),
            duplicates: parsed.has("duplicates"),
            header: !parsed.has("noheader"),
            columns: columns(parsed, variables)?,
            layout: if separated { Layout::Separated { delimiter, at_end } } else { Layout::Padded },
            time_format: variables.get("SLURM_TIME_FORMAT").map(str::to_owned),
            plain_sizes: parsed.has("noconvert"),
            jobs,
        })
    }
}

fn columns(parsed: &Parsed, variables: &Variables) -> Result<Vec<SacctColumn>, Bad> {
    let given: Vec<&str> =
        parsed.options.iter().filter(|o| o.means() == "format").filter_map(|o| o.value.as_deref()).collect();
    let text = if !given.is_empty() {
        given.join(",")
    } else if parsed.has("long") {
        defaults::SACCT_LONG.to_owned()
    } else if parsed.has("brief") {
        defaults::SACCT_BRIEF.to_owned()
    } else {
        variables.get("SACCT_FORMAT").unwrap_or(defaults::SACCT).to_owned()
    };
    parse(&text).map_err(|error| Bad::Value(error.to_string()))
}

fn ids(text: &str) -> Result<Vec<JobSpec>, Bad> {
    JobSpec::parse_list(text).map_err(|_| Bad::Fatal(format!("Bad job/step specified: {text}")))
}

fn state(word: &str) -> Result<StateFilter, Bad> {
    // sacct calls these by names of its own.
    match word.to_ascii_uppercase().as_str() {
        "RQ" | "REQUEUED" => return Ok(StateFilter::Base(JobState::Pending)),
        _ => {}
    }
    StateFilter::parse(word).ok_or_else(|| Bad::Fatal(format!("unrecognized job state value '{word}'")))
}

/// Those named; without a name one's own, except that root sees all, and ids say whom they mean.
fn users(parsed: &Parsed, names: &[String], by_id: bool) -> Result<Vec<u32>, Bad> {
    if !names.is_empty() {
        let id = |name: &String| user_id(name).map_err(|_| Bad::Value(format!("Invalid user id: {name}")));
        return names.iter().map(id).collect();
    }
    let own = rustix::process::getuid();
    let everyone = parsed.has("allusers") || by_id || own.is_root() || parsed.has("accounts");
    Ok(if everyone { Vec::new() } else { vec![own.as_raw()] })
}

/// From when to when: today's jobs; with ids all of them; with states those of now.
fn window(parsed: &Parsed, by_id: bool, by_state: bool, now_ms: u64) -> Result<(u64, u64), Bad> {
    let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
    let at = |option: &str| {
        let Some(text) = parsed.last(option).flatten() else { return Ok(None) };
        let seconds = date::parse_past(text, now, &zone());
        let seconds = seconds.map_err(|_| Bad::Bare(format!("Invalid time specification (pos=0): {text}")))?;
        Ok(Some(u64::try_from(seconds).unwrap_or(0) * 1000))
    };
    let (start, end) = (at("starttime")?, at("endtime")?);
    let midnight =
        date::parse_past("00:00", now, &zone()).ok().and_then(|s| u64::try_from(s).ok()).map_or(0, |s| s * 1000);
    let from = match (start, by_id, by_state) {
        (Some(start), ..) => start,
        (None, true, _) => 0,
        (None, _, true) => now_ms,
        _ => midnight,
    };
    Ok((from, end.unwrap_or(0)))
}

fn nodes(text: Option<&str>) -> Result<Vec<String>, Bad> {
    let Some(text) = text else { return Ok(Vec::new()) };
    muster_dialect::hostlist::parse(text).map_err(|error| Bad::Value(format!("Invalid node name {text}: {error}")))
}
