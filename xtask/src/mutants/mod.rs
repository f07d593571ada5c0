//! `cargo xtask mutants`: bugs put back on purpose, one at a time; the seed or test that is named must catch each.
//!
//! ```text
//! scratch tree of HEAD ─► all patches of chaos-tests/mutants ─► one build ─► for each: off (must pass), on (must be caught)
//! ```
//!
//! Each patch is asleep until MUSTER_MUTANT has its name: forty mutants cost one build. The product's own tree is never
//! touched, and never carries a mutant.

mod patch;
mod tree;

use std::collections::BTreeMap;
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};

use patch::{Catcher, Mutant};
use tree::Tree;

/// Wakes a mutant.
const SWITCH: &str = "MUSTER_MUTANT";

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Caught,
    /// The catcher saw nothing.
    Escaped,
    /// The catcher complains of the product without the mutant: it proves nothing.
    FalseAlarm,
    /// The code that it changes has changed.
    Outdated,
}

/// Tries those whose names begin with one of `wanted`, or all. `list`: only says what there is.
pub(crate) fn run(wanted: &[String], list: bool) -> Result<()> {
    let root = crate::verify::root();
    let all = patch::read_all(&root.join("chaos-tests/mutants"))?;
    let chosen = |mutant: &&Mutant| wanted.is_empty() || wanted.iter().any(|start| mutant.name.starts_with(start));
    let mutants: Vec<&Mutant> = all.iter().filter(chosen).collect();
    if mutants.is_empty() {
        bail!("no mutant of that name");
    }
    if list {
        mutants.iter().for_each(|mutant| {
            println!("{}: {}\n    {}; {}", mutant.name, mutant.how, mutant.breaks, mutant.caught_by)
        });
        return Ok(());
    }
    let tree = Tree::prepare(&root, &all)?;
    let (mut not_caught, mut calm) = (Vec::new(), BTreeMap::new());
    for mutant in &mutants {
        let verdict = judge(&tree, mutant, &mut calm)?;
        println!("{:?} {} by {}", verdict, mutant.name, mutant.caught_by);
        if verdict != Verdict::Caught {
            not_caught.push(mutant.name.as_str());
        }
    }
    println!("{} of {} caught", mutants.len() - not_caught.len(), mutants.len());
    if not_caught.is_empty() { Ok(()) } else { bail!("not caught: {}", not_caught.join(", ")) }
}

/// `calm`: catchers that were tried without a mutant, and whether they were content.
fn judge(tree: &Tree, mutant: &Mutant, calm: &mut BTreeMap<String, bool>) -> Result<Verdict> {
    if tree.outdated.contains(&mutant.name) {
        return Ok(Verdict::Outdated);
    }
    let catcher = mutant.caught_by.to_string();
    if !calm.contains_key(&catcher) {
        calm.insert(catcher.clone(), catch(tree, &mutant.caught_by, None)?.status.success());
    }
    if !calm[&catcher] {
        return Ok(Verdict::FalseAlarm);
    }
    let awake = catch(tree, &mutant.caught_by, Some(&mutant.name))?;
    let said = [awake.stdout, awake.stderr].concat();
    let named = String::from_utf8_lossy(&said).contains(&mutant.says);
    Ok(if named && !awake.status.success() { Verdict::Caught } else { Verdict::Escaped })
}

fn catch(tree: &Tree, catcher: &Catcher, mutant: Option<&str>) -> Result<Output> {
    let mut command = match catcher {
        Catcher::Seed(words) => {
            let mut command = Command::new(tree.simulator());
            command.arg("--brief").args(words);
            command
        }
        Catcher::Test { package, target, name } => tree.test(package, target, name),
    };
    command.env_remove(SWITCH).envs(mutant.map(|name| (SWITCH, name)));
    command.output().with_context(|| format!("cannot start {catcher}"))
}
