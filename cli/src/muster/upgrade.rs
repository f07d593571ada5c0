//! `muster upgrade status|finish`: where a rolling upgrade stands, and its end.
//!
//! Programs are replaced one controller at a time. Until the new feature level is put in force, a program can go back a version;
//! from then on it cannot.

use muster_proto::wire::{FinishUpgrade, ListReplicas, ReplicaList, reply, request};
use serde_json::json;

use super::table::aligned;
use super::{VOICE, print, told, with_site};
use crate::refusal::Refusal;
use crate::site::{Reach, block_on};

pub(super) fn run(words: &[&str], json: bool) -> u8 {
    match words {
        ["status"] => with_site(|_, reach| ask(reach, request::Body::ListReplicas(ListReplicas {}), json)),
        ["finish"] => with_site(|_, reach| ask(reach, request::Body::FinishUpgrade(FinishUpgrade {}), json)),
        _ => told("usage: muster upgrade status [--json] | finish"),
    }
}

fn ask(reach: &Reach, body: request::Body, json: bool) -> u8 {
    match block_on(reach.client.call(body)) {
        Ok(reply::Body::Replicas(list)) if json => print(&as_json(&list)),
        Ok(reply::Body::Replicas(list)) => print(&status(&list)),
        Ok(reply::Body::Done(done)) => print(&format!("{}\n", done.message)),
        Ok(_) => told("the answer is not one to this request"),
        Err(error) => {
            let refusal = Refusal::of(&error, "whether the upgrade was finished");
            refusal.report(VOICE, &refusal.text)
        }
    }
}

fn status(list: &ReplicaList) -> String {
    let mut rows = vec![["NAME", "VERSION", "KNOWS LEVEL"].map(str::to_owned).to_vec()];
    for it in &list.replicas {
        rows.push(vec![it.name.clone(), it.version.clone(), it.feature_level.to_string()]);
    }
    let now = list.feature_level;
    let all = list.replicas.iter().map(|it| it.feature_level).min().unwrap_or(now);
    let most = list.replicas.iter().map(|it| it.feature_level).max().unwrap_or(now);
    let behind: Vec<&str> =
        list.replicas.iter().filter(|it| it.feature_level < most).map(|it| it.name.as_str()).collect();
    let next = match () {
        () if all > now => format!(
            "every replica knows level {all}: \"muster upgrade finish\" puts it in force; then no program can go back"
        ),
        () if most > now => format!("under way: {} cannot follow to level {most} yet", behind.join(", ")),
        () => "nothing is under way".to_owned(),
    };
    format!("{}feature level {now} is in force; {next}\n", aligned(&rows))
}

fn as_json(list: &ReplicaList) -> String {
    let each = list
        .replicas
        .iter()
        .map(|it| json!({"name": it.name, "version": it.version, "feature_level": it.feature_level}));
    let each: Vec<_> = each.collect();
    let all = list.replicas.iter().map(|it| it.feature_level).min();
    format!("{:#}\n", json!({"feature_level": list.feature_level, "all_know_level": all, "replicas": each}))
}

#[cfg(test)]
mod tests {
    use muster_proto::wire::ReplicaInfo;

    use super::*;

    fn list(levels: &[u32]) -> ReplicaList {
        let replica = |(name, level): (&str, &u32)| ReplicaInfo {
            name: name.into(),
            version: format!("0.{level}"),
            feature_level: *level,
            ..ReplicaInfo::default()
        };
        let replicas = ["a", "b", "c"].into_iter().zip(levels).map(replica).collect();
        ReplicaList { replicas, feature_level: 1, ..ReplicaList::default() }
    }

    #[test]
    fn an_upgrade_is_told_from_its_beginning_to_its_end() {
        let last = |levels: &[u32]| status(&list(levels)).lines().last().expect("a line").to_owned();
        assert_eq!(last(&[1, 1, 1]), "feature level 1 is in force; nothing is under way");
        assert_eq!(last(&[2, 1, 1]), "feature level 1 is in force; under way: b, c cannot follow to level 2 yet");
        assert!(last(&[2, 2, 2]).contains("every replica knows level 2: \"muster upgrade finish\""));
        assert!(as_json(&list(&[2, 1, 1])).contains("\"all_know_level\": 1"));
        assert!(status(&list(&[2, 1, 1])).starts_with("NAME  VERSION  KNOWS LEVEL\na     0.2      2\n"));
    }
}
