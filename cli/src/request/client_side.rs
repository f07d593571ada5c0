//! What the command itself does with the request: output, waiting, environment, what it runs.

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
