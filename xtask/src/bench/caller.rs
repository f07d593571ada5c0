//! A client of a measured cluster in this process: what the control plane does, without a process a request.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use muster_channel::{Client, ClientOptions, Credentials, Munge, Outside};
use muster_dialect::conf;
use muster_dialect::conf::Config;
use muster_proto::durable::{JobKind, JobSpec, Request};
use muster_proto::wire::{Submit, Submitted, reply, request};

use super::site::Site;

/// Submits under way while a queue is filled.
const FILLERS: usize = 256;

pub(super) fn config(site: &Site) -> Result<Config> {
    let path = site.directory.join("etc/slurm.conf");
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let parsed = conf::parse(&read, &path.display().to_string());
    parsed.config.context("the cluster's configuration does not parse")
}

pub(super) fn client(site: &Site, config: &Config) -> Result<Client> {
    let socket = site.directory.join("run/munge.sock");
    let keeper: Arc<dyn Credentials> = Arc::new(Munge::load(Some(&socket))?);
    let port = config.slurmctld_ports.0;
    let options = ClientOptions {
        cluster: config.cluster_name.clone(),
        controllers: config.slurmctld_hosts.iter().map(|host| format!("{}:{port}", host.addr)).collect(),
        host: "bench".into(),
        program: "bench".into(),
        one_try: Duration::from_secs(30),
        give_up: Duration::from_secs(60),
    };
    Ok(Client::new(Outside::real(), keeper, options))
}

/// The same client with passes: for many submits.
pub(super) fn client_with_passes(site: &Site, config: &Config) -> Result<Client> {
    Ok(client(site, config)?.with_passes(uid(&config.slurm_user)?))
}

/// Of a user, by the system's own command.
fn uid(name: &str) -> Result<u32> {
    let said = std::process::Command::new("id").args(["-u", name]).output()?;
    Ok(String::from_utf8(said.stdout)?.trim().parse()?)
}

/// One job of one task that runs `true`.
pub(super) fn job(name: &str, hold: bool) -> JobSpec {
    JobSpec {
        kind: JobKind::Batch.into(),
        name: name.into(),
        request: Some(Request { min_nodes: 1, ntasks: 1, cpus_per_task: 1, ..Request::default() }),
        hold,
        work_dir: "/tmp".into(),
        std_out: "/dev/null".into(),
        umask: 0o022,
        ..JobSpec::default()
    }
}

/// One job of one task that runs `true`.
pub(super) async fn submit(client: &Client, hold: bool) -> Result<Submitted> {
    submit_job(client, job("bench", hold), "true").await
}

/// Such a job with a script of one line.
pub(super) async fn submit_job(client: &Client, spec: JobSpec, line: &str) -> Result<Submitted> {
    let (script, environment) = (format!("#!/bin/sh\n{line}\n").into(), "PATH=/usr/bin:/bin\0".into());
    let submit = Submit { spec: Some(spec), script, environment, test_only: false };
    match client.call(request::Body::Submit(submit)).await? {
        reply::Body::Submitted(submitted) => Ok(submitted),
        _ => bail!("an answer that is none"),
    }
}

/// Submits `jobs` held jobs. `progress` is told how many are in.
pub(super) async fn fill(client: &Client, jobs: usize, progress: impl Fn(usize)) -> Result<()> {
    fill_with(client, jobs, |_| job("bench", true), progress).await
}

/// Submits the jobs that `spec` makes of the numbers below `jobs`.
pub(super) async fn fill_with(
    client: &Client,
    jobs: usize,
    spec: impl Fn(usize) -> JobSpec,
    progress: impl Fn(usize),
) -> Result<()> {
    let mut under_way = tokio::task::JoinSet::new();
    for number in 0..jobs {
        while under_way.len() >= FILLERS {
            under_way.join_next().await.context("one is under way")???;
        }
        let (client, spec) = (client.clone(), spec(number));
        under_way.spawn(async move { submit_job(&client, spec, "true").await.map(drop) });
        progress(number);
    }
    while let Some(done) = under_way.join_next().await {
        done??;
    }
    Ok(())
}
