//! One catcher, run once, with or without its mutant.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::patch::{Catcher, Mutant};
use super::tree::Tree;

/// Wakes a mutant.
const SWITCH: &str = "MUSTER_MUTANT";
/// Of a catcher that a mutant may keep from coming to its end.
const LONGEST: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(50);

/// What a catcher said.
pub(super) struct Heard {
    pub(super) content: bool,
    /// Whether it tried anything: a test that is gone is content.
    pub(super) tried: bool,
    pub(super) said: String,
}

/// `None`: it came to no end.
pub(super) fn hear(tree: &Tree, mutant: &Mutant, awake: bool) -> Result<Option<Heard>> {
    let (mut command, mark) = match &mutant.caught_by {
        Catcher::Seed(words) => {
            let mut command = Command::new(tree.simulator());
            command.arg("--brief").args(words);
            (command, "virtual ms")
        }
        Catcher::Test { package, target, name } => (tree.test(package, target, name)?, "test result: ok. 1 passed"),
    };
    let note = tree.notes()?.join(format!("{}{}.txt", mutant.name, if awake { "" } else { "-asleep" }));
    let file = File::create(&note)?;
    command.stdin(Stdio::null()).stderr(file.try_clone()?).stdout(file);
    command.env_remove(SWITCH).envs(awake.then_some((SWITCH, &mutant.name)));
    let child = command.spawn().with_context(|| format!("cannot start {}", mutant.caught_by))?;
    let Some(content) = ended(child)? else { return Ok(None) };
    let said = String::from_utf8_lossy(&std::fs::read(&note)?).into_owned();
    Ok(Some(Heard { content, tried: said.contains(mark), said }))
}

/// Whether it succeeded, if it ended.
fn ended(mut child: Child) -> Result<Option<bool>> {
    let began = Instant::now();
    while began.elapsed() < LONGEST {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        std::thread::sleep(LOOK);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}
