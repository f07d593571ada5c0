//! `cargo xtask mutants`: bugs put back on purpose, one at a time; the seed or test that is named must catch each.
//!
//! ```text
//! scratch tree of HEAD ─► all patches of chaos-tests/mutants ─► one build ─► for each: off (must pass), on (must be caught)
//! ```
//!
//! Each patch is asleep until MUSTER_MUTANT has its name: forty mutants cost one build. The product's own tree is never
//! touched, and never carries a mutant.

mod catch;
mod patch;
mod tree;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

use anyhow::{Result, bail};

use catch::{Heard, hear};
use patch::Mutant;
use tree::Tree;

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Caught,
    /// The catcher saw nothing.
    Escaped,
    /// The catcher complains of something else than its promise.
    CaughtByChance,
    /// The catcher came to no end.
    Hung,
    /// The catcher complains of the product without the mutant, or tries nothing: it proves nothing.
    FalseAlarm,
    /// The code that it changes has changed.
    Outdated,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Verdict::Caught => "caught",
            Verdict::Escaped => "ESCAPED",
            Verdict::CaughtByChance => "CAUGHT BY CHANCE",
            Verdict::Hung => "HUNG",
            Verdict::FalseAlarm => "FALSE ALARM",
            Verdict::Outdated => "OUTDATED",
        })
    }
}

/// Tries those whose names begin with one of `wanted`, or all. `list`: only says what there is.
pub(crate) fn run(wanted: &[String], list: bool) -> Result<()> {
    let root = crate::verify::root();
    let all = patch::read_all(&root.join("chaos-tests/mutants"))?;
    let chosen = |mutant: &&Mutant| wanted.is_empty() || wanted.iter().any(|start| mutant.name.starts_with(start));
    let mutants: Vec<&Mutant> = all.iter().filter(chosen).collect();
    if let Some(unknown) = wanted.iter().find(|start| !all.iter().any(|mutant| mutant.name.starts_with(*start))) {
        bail!("no mutant {unknown}");
    }
    if list {
        mutants.iter().for_each(|mutant| {
            println!("{}: {}\n    {}; {}", mutant.name, mutant.how, mutant.breaks, mutant.caught_by)
        });
        return Ok(());
    }
    let began = Instant::now();
    let tree = Tree::prepare(&root, &all, &mutants)?;
    println!("built in {} s", began.elapsed().as_secs());
    let (mut verdicts, mut calm) = (Vec::new(), BTreeMap::new());
    for mutant in &mutants {
        let began = Instant::now();
        let verdict = judge(&tree, mutant, &mut calm)?;
        println!("{verdict} {} by {}, {} s", mutant.name, mutant.caught_by, began.elapsed().as_secs());
        verdicts.push(verdict);
    }
    sum_up(&mutants, &verdicts, &tree)
}

/// The table, and a failure if one was not caught.
fn sum_up(mutants: &[&Mutant], verdicts: &[Verdict], tree: &Tree) -> Result<()> {
    println!("\n| mutant | promise | caught by | verdict |\n|---|---|---|---|");
    for (mutant, verdict) in mutants.iter().zip(verdicts) {
        println!("| {} | {} | {} | {verdict} |", mutant.name, mutant.breaks, mutant.caught_by);
    }
    let missed = verdicts.iter().filter(|verdict| **verdict != Verdict::Caught).count();
    println!(
        "\n{} of {} caught; what each catcher said: {}",
        verdicts.len() - missed,
        verdicts.len(),
        tree.notes()?.display()
    );
    if missed == 0 { Ok(()) } else { bail!("{missed} not caught") }
}

/// `calm`: catchers that were tried without a mutant, and whether they were content.
fn judge(tree: &Tree, mutant: &Mutant, calm: &mut BTreeMap<String, bool>) -> Result<Verdict> {
    if tree.outdated.contains(&mutant.name) {
        return Ok(Verdict::Outdated);
    }
    let catcher = mutant.caught_by.to_string();
    if !calm.contains_key(&catcher) {
        let heard = hear(tree, mutant, false)?;
        calm.insert(catcher.clone(), heard.is_some_and(|heard| heard.content && heard.tried));
    }
    if !calm[&catcher] {
        return Ok(Verdict::FalseAlarm);
    }
    Ok(match hear(tree, mutant, true)? {
        None => Verdict::Hung,
        Some(Heard { content: true, .. }) => Verdict::Escaped,
        Some(heard) if heard.said.contains(&mutant.says) => Verdict::Caught,
        Some(_) => Verdict::CaughtByChance,
    })
}
