//! How the job or step runs: files, directory, and what happens when something fails.

use super::bad::{Bad, number};
use super::draft::{Draft, Given};

/// Takes the option if it is one of these.
pub(super) fn apply(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    Ok(files(draft, given)? || rules(draft, given)? || tasks(draft, given)?)
}

fn files(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let text = given.text();
    match given.name {
        "input" => draft.job.std_in = text.to_owned(),
        "output" => draft.job.std_out = text.to_owned(),
        "error" => draft.job.std_err = text.to_owned(),
        "open-mode" => {
            draft.job.append = match text.to_ascii_lowercase().as_str() {
                "append" | "a" => true,
                "truncate" | "t" => false,
                _ => return Err(Bad::Specification("open-mode")),
            };
            draft.client.open_mode_given = true;
        }
        "chdir" => draft.client.chdir = Some(text.to_owned()),
        _ => return Ok(false),
    }
    Ok(true)
}

fn rules(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let text = given.text();
    match given.name {
        "array" => draft.client.array = Some(text.to_owned()),
        "no-kill" => {
            draft.job.no_kill = match given.value.unwrap_or_default().to_ascii_lowercase().as_str() {
                "" | "set" | "1" | "yes" => true,
                "off" | "no" => false,
                _ => return Err(Bad::Specification("no-kill")),
            };
            draft.step.no_kill = draft.job.no_kill;
        }
        "wait-all-nodes" => {
            draft.job.wait_all_nodes = match number(given.name, text)? {
                0 => false,
                1 => true,
                _ => return Err(Bad::Specification("wait-all-nodes")),
            };
        }
        "kill-on-bad-exit" => {
            let on = given.value.map_or(Ok(1), |value| number(given.name, value))?;
            draft.step.kill_on_bad_exit = on > 0;
            draft.client.kill_on_bad_exit_given = true;
        }
        "wait" if draft.client.is_srun => draft.step.wait_s = number("wait", text)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn tasks(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let text = given.text();
    let step = &mut draft.step;
    match given.name {
        "label" => step.label = true,
        "unbuffered" => step.unbuffered = true,
        "pty" => step.pty = true,
        "multi-prog" => step.multi_prog = true,
        "overlap" => step.overlap = true,
        "exact" => step.exact = true,
        "relative" => {
            step.relative = number(given.name, text)?;
            draft.client.relative_given = true;
        }
        "mpi" => text.clone_into(&mut step.mpi),
        "cpu-bind" => step.cpu_bind = cpu_bind(text)?,
        "mem-bind" => step.mem_bind = mem_bind(text)?,
        "task-prolog" => text.clone_into(&mut step.task_prolog),
        "task-epilog" => text.clone_into(&mut step.task_epilog),
        _ => return Ok(false),
    }
    Ok(true)
}

const CPU_BINDS: [&str; 16] = [
    "quiet",
    "verbose",
    "q",
    "v",
    "none",
    "no",
    "rank",
    "sockets",
    "cores",
    "threads",
    "ldoms",
    "rank_ldom",
    "boards",
    "yes",
    "y",
    "n",
];

fn cpu_bind(text: &str) -> Result<String, Bad> {
    let known = |word: &str| {
        let lower = word.to_ascii_lowercase();
        CPU_BINDS.contains(&lower.as_str())
            || ["map_cpu:", "mask_cpu:", "map_ldom:", "mask_ldom:"].iter().any(|prefix| lower.starts_with(prefix))
    };
    let head = text.split_once(':').map_or(text, |(_, _)| text);
    let mut listed = false;
    for word in head.split(',') {
        // What follows a map or a mask is its list.
        if !listed && !known(word) {
            let fatal = format!("unrecognized --cpu-bind argument \"{text}\"");
            return Err(Bad::Refused(fatal));
        }
        listed = listed || word.contains(':');
    }
    Ok(text.to_owned())
}

fn mem_bind(text: &str) -> Result<String, Bad> {
    let words = ["quiet", "verbose", "q", "v", "none", "no", "n"];
    let known = text.split(',').all(|word| words.contains(&word.to_ascii_lowercase().as_str()));
    if known { Ok(text.to_owned()) } else { Err(Bad::NotBuilt(format!("mem-bind={text}"))) }
}
