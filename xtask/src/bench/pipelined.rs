//! Durable submits through the client's own channel, many at a time: what the control plane takes without processes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use muster_channel::{Client, ClientOptions, Credentials, Munge, Outside};
use muster_dialect::conf;
use muster_proto::durable::{JobKind, JobSpec, Request};
use muster_proto::wire::{Submit, reply, request};

use super::site::Site;

const WAITING: usize = 256;
const DURATION: Duration = Duration::from_secs(5);

/// Acknowledged submits a second, with 256 waiting at a time.
pub(super) fn rate(site: &Site) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rate = runtime.block_on(flood(site))?;
    site.clear()?;
    Ok(rate)
}

async fn flood(site: &Site) -> Result<f64> {
    let path = site.directory.join("etc/slurm.conf");
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| error.to_string());
    let parsed = conf::parse(&read, &path.display().to_string());
    let config = parsed.config.context("the cluster's configuration does not parse")?;
    let socket = site.directory.join("run/munge.sock");
    let keeper: Arc<dyn Credentials> = Arc::new(Munge::load(Some(&socket))?);
    let port = config.slurmctld_ports.0;
    let controllers = config.slurmctld_hosts.iter().map(|host| format!("{}:{port}", host.addr));
    let options = ClientOptions {
        cluster: config.cluster_name.clone(),
        controllers: controllers.collect(),
        host: "bench".into(),
        program: "bench".into(),
        one_try: Duration::from_secs(10),
        give_up: Duration::from_secs(30),
    };
    let client = Client::new(Outside::real(), keeper, options);
    let end = Instant::now() + DURATION;
    let submitters: Vec<_> = (0..WAITING).map(|_| tokio::spawn(submit_until(client.clone(), end))).collect();
    let mut total = 0;
    for submitter in submitters {
        total += submitter.await??;
    }
    Ok(total as f64 / DURATION.as_secs_f64())
}

async fn submit_until(client: Client, end: Instant) -> Result<usize> {
    let mut accepted = 0;
    while Instant::now() < end {
        let answer = client.call(request::Body::Submit(held_job())).await?;
        ensure!(matches!(answer, reply::Body::Submitted(_)), "an answer that is none");
        accepted += 1;
    }
    Ok(accepted)
}

fn held_job() -> Submit {
    let spec = JobSpec {
        kind: JobKind::Batch.into(),
        name: "bench".into(),
        request: Some(Request { min_nodes: 1, ntasks: 1, cpus_per_task: 1, ..Request::default() }),
        hold: true,
        work_dir: "/tmp".into(),
        umask: 0o022,
        ..JobSpec::default()
    };
    let (script, environment) = ("#!/bin/sh\ntrue\n".into(), "PATH=/usr/bin:/bin\0".into());
    Submit { spec: Some(spec), script, environment, test_only: false }
}
