//! Options that stand in the environment: `SBATCH_*`, `SALLOC_*`, `SLURM_*` of srun.

mod table;

use muster_dialect::options::Table;

use super::bad::Bad;
use super::draft::{Draft, Source};
use crate::process::Variables;
use table::Form;

/// Options that the environment gives a command, with their values.
pub(crate) fn variables_of<'a>(command: &str, variables: &'a Variables) -> Vec<(&'static str, Option<&'a str>)> {
    let mut out = Vec::new();
    for (name, option, form) in table::of(command) {
        let Some(value) = variables.get(name) else { continue };
        match form {
            Form::Value if value.is_empty() => {}
            Form::Value => out.push((*option, Some(value))),
            Form::Flag => out.push((*option, None)),
            Form::OptionalValue => out.push((*option, Some(value).filter(|value| !value.is_empty()))),
        }
    }
    out
}

/// Applies what the environment asks for. What the command does not build is refused there too: a job must not run
/// otherwise than its user set up.
///
/// # Errors
/// The first value that cannot be taken.
pub(crate) fn from_environment(draft: &mut Draft, table: &Table, variables: &Variables) -> Result<(), Bad> {
    for (option, value) in variables_of(table.command, variables) {
        draft.apply(option, value, Source::Environment)?;
    }
    Ok(())
}
