//! `cargo xtask bench nodes`: how long a crowd of nodes needs to find the next leader after `kill -9` of theirs, and whether one
//! of them is marked down by it.
//!
//! The controllers are real. The nodes are as many production node daemons in this process, without processes to run: session,
//! agent and credentials are those of `muster-noded`; journals are in memory, and nobody can dial them.

mod idle;

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use muster_channel::{Credentials, Munge, Outside};
use muster_dialect::conf::Config;
use muster_model::agent::AgentOptions;
use muster_noded::journal::MemoryJournal;
use muster_noded::{Noded, Settings};
use muster_proto::durable::Hardware;

use super::caller::config;
use super::failover::{leader, start, wait_whole};
use super::http;
use super::site::Site;
use idle::{IdleSteps, Unreachable};

/// How much.
pub(crate) struct Nodes {
    /// Node daemons in this process.
    pub(crate) nodes: usize,
    /// Of the leader.
    pub(crate) kills: usize,
}

/// Real node daemons of `deploy/demo`, which have sessions too.
const REAL: usize = 4;
/// How long the crowd may take.
const CROWD_MAX: Duration = Duration::from_secs(180);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Runs it and prints what came of it.
pub(crate) fn run(nodes: &Nodes) -> Result<()> {
    let variables = [("MUSTER_DEMO_SIMULATED", nodes.nodes.to_string()), ("MUSTER_DEMO_TLS", "no".to_owned())];
    let site = Site::muster_with(&variables)?;
    println!("machine: {}", super::disk::machine());
    println!("credentials: munge, one munged for controllers and nodes; no TLS");
    let config = config(&site)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let begun = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let (site, config) = (&site, &config);
        scope.spawn(move || {
            runtime.block_on(async {
                let held = crowd(site, config, nodes.nodes).await;
                if let Err(why) = &held {
                    eprintln!("the nodes did not start: {why:#}");
                }
                // Dropping the sender is the signal.
                let _ = stopped.await;
            });
        });
        let measured = measure(site, config, nodes, begun);
        drop(stop);
        measured
    })
}

fn measure(site: &Site, config: &Config, nodes: &Nodes, begun: Instant) -> Result<()> {
    let all = nodes.nodes + REAL;
    until_all(config, all, None)?;
    println!("{:<48} {:>10.1}", format!("{all} nodes registered for the first time, s"), begun.elapsed().as_secs_f64());
    let mut figures = Vec::new();
    for _ in 0..nodes.kills {
        // Everybody was heard of by the leader that is killed.
        std::thread::sleep(Duration::from_secs(5));
        let name = leader(site)?;
        let pid = site.pid(&name)?;
        ensure!(Command::new("kill").args(["-9", &pid]).status()?.success(), "kill {pid}");
        let killed = Instant::now();
        let quarters = until_all(config, all, Some(killed))?;
        let took = killed.elapsed().as_secs_f64();
        println!(
            "{:<48} {took:>10.1}   a quarter, half, three quarters: {quarters}",
            "re-homed after kill -9 of the leader, s"
        );
        figures.push(took);
        start(site, &name)?;
        wait_whole(site)?;
        let states = site.run("sinfo", &["-h", "-N", "-o", "%T"])?;
        let down = states.lines().filter(|state| state.contains("down") || state.contains('*')).count();
        println!("{:<48} {down:>10}   of {}", "nodes down or not responding", states.lines().count());
    }
    let most = figures.iter().copied().fold(0.0, f64::max);
    println!("{:<48} {:>10.1}   most {most:.1} of {}", "median, s", super::median(figures), nodes.kills);
    Ok(())
}

/// Until the leader has a session with each. Tells when there were a quarter, half and three quarters of them.
fn until_all(config: &Config, all: usize, since: Option<Instant>) -> Result<String> {
    let begun = Instant::now();
    let mut reached = Vec::new();
    loop {
        let sessions = sessions(config);
        while reached.len() < 3 && sessions * 4 >= all * (reached.len() + 1) {
            reached.push(format!("{:.1}", since.unwrap_or(begun).elapsed().as_secs_f64()));
        }
        if sessions >= all {
            return Ok(reached.join(", "));
        }
        if begun.elapsed() > CROWD_MAX {
            bail!("{sessions} of {all} nodes have a session after {CROWD_MAX:?}");
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

/// At whoever leads; 0: nobody does.
fn sessions(config: &Config) -> usize {
    let of = |address: &String| {
        let page = http::get(address, "/metrics").ok()?;
        let leads = http::figure(&page, "muster_raft_leads")? > 0.0;
        leads.then(|| http::figure(&page, "muster_node_sessions").map(|count| count as usize))?
    };
    http::doors(config).iter().find_map(of).unwrap_or(0)
}

async fn crowd(site: &Site, config: &Config, nodes: usize) -> Result<Vec<Noded>> {
    let keeper: Arc<dyn Credentials> = Arc::new(Munge::load(Some(&site.directory.join("run/munge.sock")))?);
    let outside = Outside { net: Arc::new(Unreachable::default()), ..Outside::real() };
    let mut held = Vec::new();
    for number in 1..=nodes {
        let settings = settings(config, &outside, number);
        let journal = Arc::new(MemoryJournal::default());
        let steps = Arc::new(IdleSteps);
        let noded = Noded::start(settings, outside.clone(), keeper.clone(), steps, journal).await;
        held.push(noded.context("a node daemon does not start")?);
    }
    Ok(held)
}

fn settings(config: &Config, outside: &Outside, number: usize) -> Settings {
    let boot = Instant::now();
    let mut machine = vec![0; 32];
    machine[..8].copy_from_slice(&(number as u64).to_be_bytes());
    let hardware = Hardware {
        sockets: 1,
        cores_per_socket: 64,
        threads_per_core: 1,
        cpus: 64,
        real_memory_mib: 20_000,
        ..Hardware::default()
    };
    Settings {
        cluster: config.cluster_name.clone(),
        node_name: format!("s{number}"),
        controllers: http::doors(config),
        listen: "127.0.0.1:0".into(),
        advertise: None,
        machine,
        boot_id: format!("boot-{number}"),
        spool_id: outside.random.id().to_vec(),
        journal_complete: true,
        hardware,
        boot_ms: (outside.wall_ms)(),
        version: env!("CARGO_PKG_VERSION").into(),
        agent: AgentOptions { kill_wait_s: 30, over_time_limit_s: 0, prolog: false, epilog: false },
        admins: vec![0],
        // Their slurm.conf is not compared with the controllers'.
        conf_hash: 0,
        config_store: Arc::new(MemoryJournal::default()),
        boot_clock_ms: Arc::new(move || boot.elapsed().as_millis() as u64),
    }
}
