//! `muster init`: founds the cluster, once. A cluster that exists is left alone.

use std::time::{Duration, Instant};

use muster_channel::ClientOptions;
use muster_proto::durable::{ConfigFile, ConfigFiles};
use muster_proto::wire::{InitCluster, ListReplicas, Ping, Pong, reply, request};

use super::{VOICE, print};
use crate::refusal::{ONE_TRY, Refusal};
use crate::site::{Client, Reach, Site, block_on};

/// How long a founded cluster may take until a leader serves.
const LEADER_WITHIN: Duration = Duration::from_secs(30);
/// How long the founding controller may take to answer: it may still be starting.
const FOUND_WITHIN: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(100);

pub(super) fn run(site: &Site, reach: &Reach) -> u8 {
    block_on(found(site, reach))
}

async fn found(site: &Site, reach: &Reach) -> u8 {
    let name = &site.config.cluster_name;
    if let Some(pong) = founded(site, reach).await {
        return print(&format!("cluster {name} is founded already ({})\n", hex(&pong.cluster_id)));
    }
    let (controller, address) = founder(site);
    let id = reach.outside.random.id();
    let files = ConfigFiles {
        files: site.files.iter().map(|(path, text)| ConfigFile { path: path.clone(), text: text.clone() }).collect(),
    };
    let init = InitCluster { files: Some(files), cluster_id: id.to_vec().into(), name: name.clone() };
    let only = only(site, reach, &address);
    if let Err(error) = only.call(request::Body::InitCluster(init)).await {
        let refusal = Refusal::of(&error, "whether the cluster was founded");
        return refusal.report(VOICE, &format!("{controller} ({address}): {}", refusal.text));
    }
    if !leads(&only).await {
        VOICE.error(&format!("cluster {name} is founded, but no leader serves after {} s", LEADER_WITHIN.as_secs()));
        return 1;
    }
    print(&format!("cluster {name} is founded ({}); {controller} serves\n", hex(&id)))
}

/// Any controller that belongs to a cluster already.
async fn founded(site: &Site, reach: &Reach) -> Option<Pong> {
    for (_, address) in site.controllers() {
        if let Ok(reply::Body::Pong(pong)) = reach.client.call_one(&address, request::Body::Ping(Ping {})).await
            && !pong.cluster_id.is_empty()
        {
            return Some(pong);
        }
    }
    None
}

/// The controller of this host, else the first.
fn founder(site: &Site) -> (String, String) {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let short = host.split('.').next().unwrap_or_default();
    let controllers = site.controllers();
    let here = controllers.iter().find(|(name, _)| *name == host || name == short);
    here.or(controllers.first()).cloned().expect("a configuration names at least one controller")
}

/// A client that speaks to one controller alone: two must not found two clusters.
fn only(site: &Site, reach: &Reach, address: &str) -> Client {
    let options = ClientOptions {
        cluster: site.config.cluster_name.clone(),
        controllers: vec![address.to_owned()],
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        program: VOICE.program.to_owned(),
        one_try: ONE_TRY,
        give_up: FOUND_WITHIN,
    };
    Client::new(&reach.outside, reach.keeper.clone(), options)
}

/// Waits until a linearizable read is answered: a leader serves then.
async fn leads(client: &Client) -> bool {
    let started = Instant::now();
    while started.elapsed() < LEADER_WITHIN {
        if client.call(request::Body::ListReplicas(ListReplicas {})).await.is_ok() {
            return true;
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
