//! `muster config`: the replicated configuration, and its history.

use muster_proto::durable::ConfigFiles;
use muster_proto::wire::{ConfigVersionList, ConfigVersions, ShowConfig, reply, request};
use serde_json::json;

use super::init::hex;
use super::table::aligned;
use super::{VOICE, print};
use crate::refusal::Refusal;
use crate::show_time::local;
use crate::site::{Reach, block_on};

/// The files of a version; 0 is the one in force.
pub(super) fn show(reach: &Reach, version: u64) -> u8 {
    let body = match version {
        0 => request::Body::ShowConfig(ShowConfig {}),
        show => request::Body::ConfigVersions(ConfigVersions { show }),
    };
    let files = match block_on(reach.client.call(body)) {
        Ok(reply::Body::Config(text)) => text.files,
        Ok(reply::Body::ConfigVersions(list)) => list.files,
        Ok(_) => None,
        Err(error) => return failed(&error),
    };
    match files {
        Some(files) if !files.files.is_empty() => print(&as_text(&files)),
        _ => {
            VOICE.error(&format!("there is no configuration version {version}"));
            1
        }
    }
}

fn as_text(files: &ConfigFiles) -> String {
    let each = files.files.iter().map(|file| format!("# {}\n{}\n", file.path, file.text.trim_end()));
    each.collect::<Vec<_>>().join("\n")
}

pub(super) fn versions(reach: &Reach, json: bool) -> u8 {
    match block_on(reach.client.call(request::Body::ConfigVersions(ConfigVersions { show: 0 }))) {
        Ok(reply::Body::ConfigVersions(list)) if json => print(&as_json(&list)),
        Ok(reply::Body::ConfigVersions(list)) => print(&as_table(&list)),
        Ok(_) => failed(&crate::refusal::unexpected()),
        Err(error) => failed(&error),
    }
}

fn as_table(list: &ConfigVersionList) -> String {
    let mut rows = vec![["VERSION", "APPLIED", "BY_UID", "HASH"].map(str::to_owned).to_vec()];
    for version in &list.versions {
        let hash = hex(&version.hash);
        let short = hash.get(..12).unwrap_or(&hash).to_owned();
        rows.push(vec![version.version.to_string(), local(version.applied_ms), version.by_uid.to_string(), short]);
    }
    aligned(&rows)
}

fn as_json(list: &ConfigVersionList) -> String {
    let each = list.versions.iter().map(|version| {
        json!({"version": version.version, "applied_ms": version.applied_ms, "by_uid": version.by_uid,
               "hash": hex(&version.hash)})
    });
    format!("{:#}\n", serde_json::Value::Array(each.collect()))
}

fn failed(error: &muster_channel::CallError) -> u8 {
    let refusal = Refusal::of(error, "the configuration");
    refusal.report(VOICE, &refusal.text)
}
