//! The scratch tree: a git worktree of HEAD below the target folder, with every patch applied.
//!
//! It builds in a folder of its own: cargo gives the crates of two checkouts the same names, and a mutant must never get into the
//! product's programs. Only files that differ from those of the last time are written, so that a mutant written anew costs
//! its crate and what stands on it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::patch::{Catcher, Mutant};

/// See the module.
pub(super) struct Tree {
    folder: PathBuf,
    /// The target folder.
    target: PathBuf,
    simulator: PathBuf,
    /// Test programs by package and target (`lib`, or the name of an integration test).
    tests: BTreeMap<(String, String), PathBuf>,
    /// Mutants that no longer apply to the code: each is to be written anew.
    pub(super) outdated: Vec<String>,
}

impl Tree {
    /// Of HEAD (what is not committed is not tried), with `all` asleep in it; what `chosen` need is built.
    pub(super) fn prepare(root: &Path, all: &[Mutant], chosen: &[&Mutant]) -> Result<Self> {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        let folder = target.join("mutants/tree");
        let mut tree = Self { folder, target, simulator: PathBuf::new(), tests: BTreeMap::new(), outdated: Vec::new() };
        std::fs::create_dir_all(tree.target.join("mutants"))?;
        let commit = tree.commit(root, all)?;
        if tree.folder.join(".git").exists() {
            ok(git(&tree.folder).args(["checkout", "--quiet", "--detach", "--force", &commit]))?;
        } else {
            let add = ["worktree", "add", "--quiet", "--force", "--detach"];
            ok(git(root).args(add).arg(&tree.folder).arg(&commit))?;
        }
        let catchers: Vec<&Catcher> = chosen.iter().map(|mutant| &mutant.caught_by).collect();
        if catchers.iter().any(|catcher| matches!(catcher, Catcher::Seed(_))) {
            tree.build_simulator()?;
        }
        tree.build_tests(&catchers)?;
        Ok(tree)
    }

    /// A commit on HEAD with every patch that applies, made beside the index and the files of the repository.
    fn commit(&mut self, root: &Path, all: &[Mutant]) -> Result<String> {
        let index = self.target.join("mutants/index");
        let aside = || {
            let mut command = git(root);
            command.env("GIT_INDEX_FILE", &index);
            command
        };
        ok(aside().args(["read-tree", "HEAD"]))?;
        for mutant in all {
            let apply = ["apply", "--cached", "-C1", "--unidiff-zero"];
            if ok(aside().args(apply).arg(&mutant.path)).is_err() {
                self.outdated.push(mutant.name.clone());
            }
        }
        let files = words(aside().arg("write-tree"))?;
        let who = ["-c", "user.name=mutants", "-c", "user.email=mutants@localhost", "commit-tree"];
        words(git(root).args(who).args(["-p", "HEAD", "-m", "mutants", &files]))
    }

    fn build_simulator(&mut self) -> Result<()> {
        let built = self.built("build", &["-p", "muster-chaos-tests", "--bin", "sim"])?;
        let (_, _, program) =
            built.into_iter().find(|(_, name, _)| name == "sim").context("cargo built no simulator")?;
        // Where cargo puts it, the simulator of the product stands too.
        self.simulator = self.target.join("mutants/sim");
        std::fs::copy(program, &self.simulator)?;
        Ok(())
    }

    /// The test programs of all `catchers`, in one build.
    fn build_tests(&mut self, catchers: &[&Catcher]) -> Result<()> {
        let mut chosen = BTreeSet::new();
        for catcher in catchers {
            if let Catcher::Test { package, target, .. } = catcher {
                chosen.insert(["-p", package]);
                chosen.insert([target[0].as_str(), target.get(1).map_or("", String::as_str)]);
            }
        }
        if chosen.is_empty() {
            return Ok(());
        }
        let words: Vec<&str> = chosen.into_iter().flatten().filter(|word| !word.is_empty()).collect();
        let built = self.built("test", &[&["--no-run"], &words[..]].concat())?;
        self.tests = built.into_iter().map(|(package, target, program)| ((package, target), program)).collect();
        Ok(())
    }

    /// Package, target and program of whatever cargo builds.
    fn built(&self, what: &str, arguments: &[&str]) -> Result<Vec<(String, String, PathBuf)>> {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", self.target.join("mutants/build"));
        command.args([what, "--quiet", "--locked", "--profile", "sim", "--message-format", "json"]).args(arguments);
        let said = words(&mut command)?;
        Ok(said.lines().filter_map(program).collect())
    }

    pub(super) fn simulator(&self) -> &Path {
        &self.simulator
    }

    /// Runs one test, where cargo would run it.
    pub(super) fn test(&self, package: &str, target: &[String], name: &str) -> Result<Command> {
        let key = (package.to_owned(), target.last().map_or("", |word| word.trim_start_matches('-')).to_owned());
        let program = self.tests.get(&key).with_context(|| format!("cargo built no test {} of {package}", key.1))?;
        let mut command = Command::new(program);
        command.arg(name).current_dir(self.folder.join(package.trim_start_matches("muster-")));
        Ok(command)
    }

    /// Where what a catcher prints is kept.
    pub(super) fn notes(&self) -> Result<PathBuf> {
        let notes = self.target.join("mutants/said");
        std::fs::create_dir_all(&notes)?;
        Ok(notes)
    }
}

/// Of one line of cargo's.
fn program(line: &str) -> Option<(String, String, PathBuf)> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let program = message["executable"].as_str()?;
    let manifest = Path::new(message["manifest_path"].as_str()?);
    let folder = manifest.parent()?.file_name()?.to_str()?;
    let lib = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "lib");
    let target = if lib { "lib" } else { message["target"]["name"].as_str()? };
    Some((format!("muster-{folder}"), target.to_owned(), program.into()))
}

fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder);
    command
}

/// What a command that succeeds prints.
fn words(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", output.status);
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn ok(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{command:?}: {status}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_line_about_a_test_program_is_read() {
        let line = r#"{"executable":"/t/deps/replicas-1","manifest_path":"/w/raft-store/Cargo.toml","target":{"kind":["test"],"name":"replicas"}}"#;
        let found = program(line).unwrap();
        assert_eq!(found, ("muster-raft-store".into(), "replicas".into(), "/t/deps/replicas-1".into()));
        assert_eq!(program(r#"{"executable":null}"#), None);
    }
}
