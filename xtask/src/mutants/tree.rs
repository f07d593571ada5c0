//! The scratch tree: a git worktree of HEAD below the target folder, with every patch applied, and a target folder of its own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::patch::Mutant;

/// See the module.
pub(super) struct Tree {
    folder: PathBuf,
    target: PathBuf,
    /// Mutants that no longer apply to the code: each is to be written anew.
    pub(super) outdated: Vec<String>,
}

impl Tree {
    /// Of HEAD (what is not committed is not tried), with `mutants` asleep in it, and the simulator built.
    pub(super) fn prepare(root: &Path, mutants: &[Mutant]) -> Result<Self> {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("mutants");
        let mut tree = Self { folder: target.join("tree"), target: target.join("build"), outdated: Vec::new() };
        let stamp = stamp(&head(root)?, mutants)?;
        let stamp_file = target.join("stamp");
        if std::fs::read_to_string(&stamp_file).is_ok_and(|before| before == stamp) {
            // Writing the same files again would cost a build.
            ok(tree.cargo("build").args(["-p", "muster-chaos-tests", "--bin", "sim"]))?;
            return Ok(tree);
        }
        if tree.folder.join(".git").exists() {
            tree.git(&["checkout", "--quiet", "--detach", "--force", &head(root)?])?;
        } else {
            std::fs::create_dir_all(&target)?;
            let folder = tree.folder.display().to_string();
            ok(Command::new("git")
                .current_dir(root)
                .args(["worktree", "add", "--quiet", "--detach", &folder, "HEAD"]))?;
        }
        for mutant in mutants {
            let path = mutant.path.display().to_string();
            if tree.git(&["apply", "-C1", "--unidiff-zero", &path]).is_err() {
                tree.outdated.push(mutant.name.clone());
            }
        }
        if tree.outdated.is_empty() {
            std::fs::write(&stamp_file, stamp)?;
        }
        ok(tree.cargo("build").args(["-p", "muster-chaos-tests", "--bin", "sim"]))?;
        Ok(tree)
    }

    pub(super) fn simulator(&self) -> PathBuf {
        self.target.join("sim/sim")
    }

    /// Runs one test; cargo builds it where that is needed.
    pub(super) fn test(&self, package: &str, target: &[String], name: &str) -> Command {
        let mut command = self.cargo("test");
        command.args(["-p", package]).args(target).arg(name);
        command
    }

    fn cargo(&self, what: &str) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        command.args([what, "--quiet", "--locked", "--profile", "sim"]);
        command
    }

    fn git(&self, words: &[&str]) -> Result<()> {
        ok(Command::new("git").current_dir(&self.folder).args(words))
    }
}

fn head(root: &Path) -> Result<String> {
    let output = Command::new("git").current_dir(root).args(["rev-parse", "HEAD"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// What the scratch tree is made of.
fn stamp(head: &str, mutants: &[Mutant]) -> Result<String> {
    let patches: Result<Vec<String>, _> = mutants.iter().map(|mutant| std::fs::read_to_string(&mutant.path)).collect();
    Ok(format!("{head}\n{}", patches?.concat()))
}

fn ok(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{command:?}: {status}") }
}
