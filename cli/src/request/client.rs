//! What the command itself does with the request: output, waiting, environment, what it runs.

use super::bad::{Bad, number};
use super::draft::{Draft, Given};
use crate::process::{Export, Propagate};

/// Wishes that stay on this side of the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClientSide {
    /// Set by srun before options are applied: `-W` is a number there, and a flag of sbatch.
    pub is_srun: bool,
    pub quiet: bool,
    pub verbose: u8,
    pub parsable: bool,
    /// `sbatch --wait`.
    pub wait: bool,
    pub test_only: bool,
    pub wrap: Option<String>,
    pub export: Option<Export>,
    /// As written, for `SLURM_EXPORT_ENV`.
    pub export_text: Option<String>,
    /// `--hint`, as it was written.
    pub hint: Option<String>,
    pub export_file: Option<String>,
    pub get_user_env: bool,
    pub propagate: Option<Propagate>,
    /// `--uid`.
    pub uid: Option<u32>,
    /// `--clusters`.
    pub cluster: Option<String>,
    pub chdir: Option<String>,
    /// Checked against `MaxArraySize`, which only the configuration knows.
    pub array: Option<String>,
    /// `--immediate[=seconds]`; 0 is "now".
    pub immediate_s: Option<u32>,
    pub jobid: Option<u32>,
    pub no_shell: bool,
    /// `salloc --kill-command[=signal]`.
    pub kill_command: Option<u8>,
    pub bell: bool,
    pub disable_status: bool,
    pub quit_on_interrupt: bool,
    pub open_mode_given: bool,
    pub relative_given: bool,
    pub kill_on_bad_exit_given: bool,
    /// `--interactive`: salloc's shell on a node.
    pub interactive: bool,
}

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
