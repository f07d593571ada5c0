//! `--inspect`, `--restore` and `--recover`: what is done to a store that no controller has open.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result, bail};
use muster_raft_store::{NewHome, StoreKind, inspect, recover, restore};

use super::flags::{Backup, Flags};
use super::plan::Plan;

const MAY_BE_LOST: &str = "\
--recover makes this replica go on alone, as the only one of a new generation. Do that only when a majority of the
replicas is lost for good.
  What may be lost: whatever the lost replicas acknowledged and this one never received.
  Before: make sure that none of the other replicas runs. Two of them would go on as the old cluster.
  Afterwards: wipe their state directories; they are admitted again as new replicas.
  Ids that can have been given out since are passed over. Nodes obey the new generation only.
To do it, say --recover --accept-loss";

/// Does it, and says what was done.
pub(super) fn run(asked: &Backup, flags: &Flags) -> Result<()> {
    match asked {
        Backup::Inspect(file) => show(file),
        Backup::Restore(file) => restored(file, &Plan::make(flags)?),
        Backup::Recover(false) => bail!(MAY_BE_LOST),
        Backup::Recover(true) => recovered(&Plan::make(flags)?),
    }
}

fn open(file: &Path) -> Result<BufReader<File>> {
    let opened = File::open(file).with_context(|| file.display().to_string())?;
    Ok(BufReader::with_capacity(1 << 20, opened))
}

fn show(file: &Path) -> Result<()> {
    let info = inspect(open(file)?).with_context(|| file.display().to_string())?;
    println!("cluster     {} ({})", info.cluster_name, hex(&info.cluster_id));
    println!("generation  {}", info.generation);
    println!("entry       {} of term {}", info.index, info.term);
    println!("time        {} (seconds since the epoch)", info.cluster_ms / 1_000);
    println!("digest      {:032x}", info.digest);
    for (table, count) in &info.rows {
        println!("rows        {count:>10} {table}");
    }
    Ok(())
}

fn restored(file: &Path, plan: &Plan) -> Result<()> {
    let dir = &plan.state_dir;
    if let Some(parent) = dir.parent() {
        fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    }
    let made = restore(&StoreKind::Disk(dir.clone()), open(file)?, &home(plan));
    let made = made.with_context(|| format!("{} was not restored", file.display()))?;
    give_away(plan)?;
    println!(
        "{}: replica {} of generation {}, as of entry {}; start this controller, then the others with empty directories",
        dir.display(),
        made.identity.replica,
        made.identity.generation,
        made.index
    );
    Ok(())
}

fn recovered(plan: &Plan) -> Result<()> {
    let made = recover(&StoreKind::Disk(plan.state_dir.clone()), &home(plan))?;
    give_away(plan)?;
    println!(
        "{}: replica {} goes on alone in generation {}. Its log ends at entry {} of term {}: what others acknowledged after \
         that is lost. Replicas {:?} were members; wipe the others before they start again",
        plan.state_dir.display(),
        made.identity.replica,
        made.identity.generation,
        made.last_index,
        made.last_term,
        made.members
    );
    Ok(())
}

/// Where this controller will be reached.
fn home(plan: &Plan) -> NewHome {
    let reached = |listen: &str| match (&plan.advertise, listen.rsplit_once(':')) {
        (Some(host), Some((_, port))) => format!("{host}:{port}"),
        _ => listen.to_owned(),
    };
    NewHome { name: plan.name.clone(), address: reached(&plan.replica_listen), client_address: reached(&plan.listen) }
}

/// What root made is SlurmUser's.
fn give_away(plan: &Plan) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    plan.prepare_state_dir()?;
    let mut left = vec![plan.state_dir.clone()];
    while let Some(path) = left.pop() {
        nix::unistd::chown(&path, Some(plan.user.uid), Some(plan.user.gid))
            .with_context(|| path.display().to_string())?;
        if path.is_dir() {
            for entry in fs::read_dir(&path)? {
                left.push(entry?.path());
            }
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
