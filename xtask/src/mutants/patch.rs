//! A mutant's file: a head of four lines, an empty line, and a patch that `git apply` takes.
//!
//! ```text
//! Breaks: P2 exactly-once
//! How: No request is remembered.
//! Caught by: sim --replicas 3 --seeds 4 1            (or: test muster-model --lib NAME_OF_THE_TEST)
//! Says: P2 exactly-once
//! ```

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// See the module.
#[derive(Debug)]
pub(super) struct Mutant {
    /// The file's name without its ending, and the word that wakes it.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// The promise.
    pub(super) breaks: String,
    pub(super) how: String,
    pub(super) caught_by: Catcher,
    /// Part of what the catcher prints.
    pub(super) says: String,
}

/// What must notice a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Catcher {
    /// The simulator's arguments.
    Seed(Vec<String>),
    /// One test: its package, cargo's choice of target, and its name.
    Test { package: String, target: Vec<String>, name: String },
}

impl fmt::Display for Catcher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Catcher::Seed(words) => write!(formatter, "sim {}", words.join(" ")),
            Catcher::Test { package, target, name } => write!(formatter, "test {package} {} {name}", target.join(" ")),
        }
    }
}

/// Every mutant, by name.
pub(super) fn read_all(folder: &Path) -> Result<Vec<Mutant>> {
    let mut mutants = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "patch") {
            let text = std::fs::read_to_string(&path)?;
            mutants.push(parse(&path, &text).with_context(|| path.display().to_string())?);
        }
    }
    mutants.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(mutants)
}

fn parse(path: &Path, text: &str) -> Result<Mutant> {
    let field = |name: &str| {
        let mut head = text.lines().take_while(|line| !line.is_empty());
        let found = head.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.map(str::to_owned).with_context(|| format!("no line \"{name}: …\""))
    };
    let name = path.file_stem().and_then(|stem| stem.to_str()).context("a name")?.to_owned();
    if !text.contains(&format!("\"{name}\"")) {
        bail!("the patch does not ask for its own name");
    }
    let caught_by = catcher(&field("Caught by")?)?;
    let (breaks, how, says) = (field("Breaks")?, field("How")?, field("Says")?);
    Ok(Mutant { name, path: path.to_owned(), breaks, how, caught_by, says })
}

fn catcher(text: &str) -> Result<Catcher> {
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    match words.split_first().map(|(kind, rest)| (kind.as_str(), rest)) {
        Some(("sim", rest)) => Ok(Catcher::Seed(rest.to_vec())),
        Some(("test", [package, target @ .., name])) if !target.is_empty() => {
            Ok(Catcher::Test { package: package.clone(), target: target.to_vec(), name: name.clone() })
        }
        _ => bail!("caught by {text:?}: neither a seed nor a test"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_and_a_patch_must_ask_for_its_own_name() {
        let text =
            "Breaks: P1\nHow: it forgets.\nCaught by: test muster-model --lib a_fact\nSays: FAILED\n\n+ \"01-x\"\n";
        let mutant = parse(Path::new("01-x.patch"), text).unwrap();
        assert_eq!(mutant.caught_by.to_string(), "test muster-model --lib a_fact");
        assert!(parse(Path::new("02-y.patch"), text).is_err());
        assert!(catcher("hope").is_err());
    }

    #[test]
    fn every_mutant_of_the_repository_can_be_read() {
        let mutants = read_all(&crate::verify::root().join("chaos-tests/mutants")).unwrap();
        assert!(mutants.len() >= 20, "{}", mutants.len());
    }
}
