//! `--inspect`, `--restore` and `--recover`: what is done to a store that no controller has open.

use std::fs::{self, File};
use std::io::BufReader;
use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use muster_raft_store::{NewHome, Recovered, StoreKind, inspect, recover, restore, survivor};

use super::flags::{Backup, Flags};
use super::plan::Plan;

const MAY_BE_LOST: &str = "\
--recover makes this replica go on alone, as the only one of a new generation. Do that only when a majority of the
replicas is lost for good.
  What may be lost: whatever the lost replicas acknowledged and this one never received.
  Which: ask every store that is left in this way, on its host. Take the one whose log ends in the highest term, and of
  these the one that ends at the highest entry.
  Before: make sure that none of the other replicas runs. Two of them would go on as the old cluster.
  Afterwards: wipe their state directories; they are admitted again as new replicas.
  Ids that can have been given out since are passed over. Nodes obey the new generation only.
To do it, say --recover --accept-loss";

/// Does it, and says what was done.
pub(super) fn run(asked: &Backup, flags: &Flags) -> Result<()> {
    match asked {
        Backup::Inspect(file) => show(file),
        Backup::Restore(file) => restored(file, &Plan::make(flags)?),
        Backup::Recover(false) => would_recover(&Plan::make(flags)?),
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

/// How long a controller may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(1);

/// Says what there is, and does nothing.
fn would_recover(plan: &Plan) -> Result<()> {
    plan.user.become_it()?;
    let found = survivor(&a_store(plan)?)?;
    println!("{}", told(plan, &found));
    for address in running(plan) {
        println!("A controller runs at {address}. If it is a replica, ask it first: is the majority lost?");
    }
    bail!(MAY_BE_LOST)
}

fn recovered(plan: &Plan) -> Result<()> {
    if let Some(address) = running(plan).first() {
        bail!("a controller runs at {address}: stop all of them first, or they would go on as the old cluster");
    }
    plan.user.become_it()?;
    let store = a_store(plan)?;
    println!("{}", told(plan, &survivor(&store)?));
    let made = recover(&store, &home(plan))?;
    println!(
        "It goes on alone, in generation {}. What others acknowledged after that entry is lost.\n\
         Next: start this controller; wipe the directories of the others ({}) and start them",
        made.identity.generation,
        plan.controllers.join(", ")
    );
    Ok(())
}

/// That of this controller. To look for one makes none.
fn a_store(plan: &Plan) -> Result<StoreKind> {
    let dir = &plan.state_dir;
    let empty = fs::read_dir(dir).with_context(|| dir.display().to_string())?.next().is_none();
    if empty {
        bail!("{}: is empty", dir.display());
    }
    Ok(StoreKind::Disk(dir.clone()))
}

fn told(plan: &Plan, found: &Recovered) -> String {
    let members: Vec<String> = found.members.iter().map(u64::to_string).collect();
    let mut text = format!(
        "{}: replica {} ({}) of cluster {}, generation {}; members were {}\nits log ends in term {} at entry {}",
        plan.state_dir.display(),
        found.identity.replica,
        found.identity.name,
        hex(&found.identity.cluster_id),
        found.identity.generation,
        members.join(", "),
        found.last_term,
        found.last_index
    );
    if !found.voter {
        text.push_str("\nit had NO VOTE: it only followed, and may lack what was acknowledged. Is another one left?");
    }
    text
}

/// Addresses of other controllers where somebody accepts connections.
fn running(plan: &Plan) -> Vec<String> {
    let accepts = |address: &&String| {
        let mut places = address.to_socket_addrs().into_iter().flatten();
        places.any(|place| TcpStream::connect_timeout(&place, CONNECT).is_ok())
    };
    plan.controllers.iter().filter(accepts).cloned().collect()
}

/// Where this controller will be reached.
fn home(plan: &Plan) -> NewHome {
    let reached = |listen: &str| match (&plan.advertise, listen.rsplit_once(':')) {
        (Some(host), Some((_, port))) => format!("{host}:{port}"),
        _ => listen.to_owned(),
    };
    NewHome {
        name: plan.name.clone(),
        address: reached(&plan.replica_listen),
        client_address: reached(&plan.listen),
        now_s: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()),
    }
}

/// What root made is SlurmUser's.
fn give_away(plan: &Plan) -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    for entry in fs::read_dir(&plan.state_dir)? {
        give_to(plan, &entry?.path())?;
    }
    plan.prepare_state_dir()
}

/// What is in it first: a directory that is SlurmUser's is not looked into any more, and links are not followed.
fn give_to(plan: &Plan, path: &Path) -> Result<()> {
    let at = || path.display().to_string();
    if fs::symlink_metadata(path).with_context(at)?.is_dir() {
        for entry in fs::read_dir(path).with_context(at)? {
            give_to(plan, &entry?.path())?;
        }
    }
    std::os::unix::fs::lchown(path, Some(plan.user.uid.as_raw()), Some(plan.user.gid.as_raw())).with_context(at)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
