//! The project's own chores: `cargo xtask verify` checks rules that the compiler does not, and never writes.

mod bench;
mod mutants;
mod soak;
mod verify;

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use lexopt::prelude::*;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  verify                 check the dependency arrows, the purity of model/ and the documents' links
  bench [OPTION]...      measure a cluster of three controllers on this machine
    --against slurm      beside Debian's Slurm, in the same run (root: installs it)
    --rounds N           of the measures that are taken in turn (3)
    --kills N            of the leader (20)
  bench flood [OPTION]... what clients that poll cost those who work
    --pollers N          that list the queue each second (1000)
    --jobs N             in the queue (1000)
    --starts N           timed, quiet and in the flood (500)
  bench scale [OPTION]... how a large state is restarted, saved and handed over
    --jobs N             in the queue (100000)
    --stops N            planned stops of the leader (20)
    --rate N             submits a second while latencies are taken (2000)
  bench nodes [OPTION]... how long nodes need to find the next leader
    --nodes N            in this process (1000)
    --kills N            of the leader (3)
  bench pipelined        durable submits a second, with a credential a request and with a pass
  mutants [--list] [NAME]...
                         put bugs back, one at a time, in a scratch tree: the seed or test named must catch each
  soak [OPTION]...       run fresh seeds of the simulation, and say what they reached
    --minutes N          as many seeds as fit (5)
    --jobs N             at a time (1)
    --replicas N         controllers of each cluster (3)
    --nodes N            nodes of each cluster (4)
    --from SEED          the first seed (from the clock)
";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut parser = lexopt::Parser::from_env();
    match parser.next()? {
        Some(Value(command)) if command == "verify" => verify::run(),
        Some(Value(command)) if command == "bench" => bench(parser),
        Some(Value(command)) if command == "mutants" => mutants(parser),
        Some(Value(command)) if command == "soak" => soak::run(&soak_plan(parser)?),
        Some(Value(command)) => bail!("unknown command {command:?}\n{USAGE}"),
        Some(Short('h') | Long("help")) => {
            print!("{USAGE}");
            Ok(())
        }
        Some(argument) => Err(argument.unexpected()).context(USAGE),
        None => bail!("no command\n{USAGE}"),
    }
}

fn bench(mut parser: lexopt::Parser) -> Result<()> {
    if bench::measured_elsewhere()? {
        return Ok(());
    }
    let first = parser.try_raw_args().and_then(|raw| raw.peek().map(ToOwned::to_owned)).unwrap_or_default();
    if first == "pipelined" {
        return bench::run_pipelined();
    }
    if first == "flood" {
        let _ = parser.next()?;
        return bench::run_flood(&flood(parser)?);
    }
    if first == "scale" {
        let _ = parser.next()?;
        return bench::run_scale(&scale(parser)?);
    }
    if first == "nodes" {
        let _ = parser.next()?;
        return bench::run_nodes(&nodes(parser)?);
    }
    bench::run(&bench_plan(parser)?)
}

fn nodes(mut parser: lexopt::Parser) -> Result<bench::Nodes> {
    let mut nodes = bench::Nodes { nodes: 1_000, kills: 3 };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("nodes") => nodes.nodes = parser.value()?.parse()?,
            Long("kills") => nodes.kills = parser.value()?.parse()?,
            argument => return Err(argument.unexpected()).context(USAGE),
        }
    }
    Ok(nodes)
}

fn scale(mut parser: lexopt::Parser) -> Result<bench::Scale> {
    let mut scale = bench::Scale { jobs: 100_000, stops: 20, rate: 2_000.0 };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("jobs") => scale.jobs = parser.value()?.parse()?,
            Long("stops") => scale.stops = parser.value()?.parse()?,
            Long("rate") => scale.rate = parser.value()?.parse()?,
            argument => return Err(argument.unexpected()).context(USAGE),
        }
    }
    Ok(scale)
}

fn flood(mut parser: lexopt::Parser) -> Result<bench::Flood> {
    let mut flood = bench::Flood { pollers: 1_000, jobs: 1_000, starts: 500 };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("pollers") => flood.pollers = parser.value()?.parse()?,
            Long("jobs") => flood.jobs = parser.value()?.parse()?,
            Long("starts") => flood.starts = parser.value()?.parse()?,
            argument => return Err(argument.unexpected()).context(USAGE),
        }
    }
    Ok(flood)
}

fn bench_plan(mut parser: lexopt::Parser) -> Result<bench::Plan> {
    let mut plan = bench::Plan { against_slurm: false, rounds: 3, kills: 20 };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("against") => {
                let peer = parser.value()?;
                if peer != "slurm" {
                    bail!("only --against slurm");
                }
                plan.against_slurm = true;
            }
            Long("rounds") => plan.rounds = parser.value()?.parse()?,
            Long("kills") => plan.kills = parser.value()?.parse()?,
            argument => return Err(argument.unexpected()).context(USAGE),
        }
    }
    Ok(plan)
}

fn mutants(mut parser: lexopt::Parser) -> Result<()> {
    let (mut names, mut list) = (Vec::new(), false);
    while let Some(argument) = parser.next()? {
        match argument {
            Long("list") => list = true,
            Value(name) => names.push(name.string()?),
            argument => return Err(argument.unexpected()).context(USAGE),
        }
    }
    mutants::run(&names, list)
}

fn soak_plan(mut parser: lexopt::Parser) -> Result<soak::Plan> {
    let mut plan = soak::Plan { minutes: 5, jobs: 1, replicas: 3, nodes: 4, from: None };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("minutes") => plan.minutes = parser.value()?.parse()?,
            Long("jobs") => plan.jobs = parser.value()?.parse()?,
            Long("replicas") => plan.replicas = parser.value()?.parse()?,
            Long("nodes") => plan.nodes = parser.value()?.parse()?,
            Long("from") => plan.from = Some(parser.value()?.parse()?),
            argument => return Err(argument.unexpected()).context(USAGE),
        }
    }
    Ok(plan)
}
