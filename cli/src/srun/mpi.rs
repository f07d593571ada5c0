//! `--mpi`: which ways of starting MPI programs there are.

use crate::request::Bad;
use crate::say::to_stdout;

/// What the nodes set up. `pmi2` and `pmix` need a server beside the tasks, which this version does not have.
const BUILT: [&str; 1] = ["none"];
/// Slurm's others.
const KNOWN: [&str; 5] = ["pmi2", "pmix", "cray_shasta", "openmpi", "pmix_v4"];

/// `--mpi=list`.
pub(super) fn list() -> u8 {
    let mut out = String::from("MPI plugin types are...\n");
    BUILT.iter().for_each(|name| out.push_str(&format!("\t{name}\n")));
    u8::from(!to_stdout(&out))
}

/// Checks the type; an empty one is the site's default.
pub(super) fn check(name: &str) -> Result<(), Bad> {
    if name.is_empty() || BUILT.contains(&name) {
        return Ok(());
    }
    if KNOWN.contains(&name) {
        return Err(Bad::NotBuilt(format!("mpi={name}")));
    }
    Err(Bad::Refused(format!(
        "Couldn't find the specified plugin name for mpi/{name} looking at all files\n\
         cannot find mpi plugin for mpi/{name}\n\
         MPI: Cannot create context for mpi/{name}\n\
         MPI: Unable to load any plugin\n\
         Invalid MPI type '{name}', --mpi=list for acceptable types"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_types_are_told_apart_from_unbuilt_ones() {
        assert_eq!(check("none"), Ok(()));
        assert_eq!(check("pmi2"), Err(Bad::NotBuilt("mpi=pmi2".into())));
        assert!(matches!(check("nosuch"), Err(Bad::Refused(text)) if text.lines().count() == 5));
    }
}
