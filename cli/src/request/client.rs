//! Options that stay on this side of the wire.

use super::bad::{Bad, number};
use super::draft::{Draft, Given};
use crate::process::{Export, Propagate};

/// Takes the option if it is one of these.
pub(super) fn apply(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let text = given.text();
    let client = &mut draft.client;
    match given.name {
        "quiet" => client.quiet = true,
        "verbose" => client.verbose = verbosity(client.verbose, given.value),
        "parsable" => client.parsable = true,
        "wait" => client.wait = true,
        "test-only" => client.test_only = true,
        "wrap" => client.wrap = Some(text.to_owned()),
        "export" => {
            client.export = Some(Export::parse(text));
            client.export_text = Some(text.to_owned());
        }
        "export-file" => client.export_file = Some(text.to_owned()),
        "get-user-env" => {
            if given.value.is_some_and(|v| !v.starts_with(|c: char| c.is_ascii_digit()) && !matches!(v, "" | "S" | "L"))
            {
                return Err(Bad::Specification("get-user-env"));
            }
            client.get_user_env = true;
        }
        "propagate" => client.propagate = Some(propagate(text)?),
        "ignore-pbs" => {}
        "jobid" => client.jobid = Some(number(given.name, text)?),
        "no-shell" => client.no_shell = true,
        "kill-command" => client.kill_command = Some(kill_signal(given.value)?),
        "bell" => client.bell = true,
        "no-bell" => client.bell = false,
        "disable-status" => client.disable_status = true,
        "quit-on-interrupt" => client.quit_on_interrupt = true,
        "interactive" => client.interactive = true,
        // The step is sized by its own options and the job's variables, which are left as they are.
        "preserve-env" => {}
        // Connections are made when needed, by one thread: nothing to set.
        "threads" | "msg-timeout" => {
            number(given.name, text)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `-v` counts; `SBATCH_DEBUG=2` says how often.
fn verbosity(before: u8, value: Option<&str>) -> u8 {
    match value {
        None => before.saturating_add(1),
        Some(text) => text.parse().unwrap_or(1),
    }
}

fn propagate(text: &str) -> Result<Propagate, Bad> {
    Propagate::parse(text).map_err(|error| Bad::Refused(format!("{error}\n--propagate={text} is not valid.")))
}

fn kill_signal(value: Option<&str>) -> Result<u8, Bad> {
    value.map_or(Ok(15), |text| muster_dialect::signal::parse(text).map_err(|_| Bad::Specification("kill-command")))
}
