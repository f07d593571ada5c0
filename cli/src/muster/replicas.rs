//! `muster status`: the replicas as the cluster sees them, and the controllers of slurm.conf as this host sees them.

use std::collections::BTreeSet;
use std::time::Duration;

use muster_channel::tls::WARN_DAYS;
use muster_channel::{CallError, ClientOptions};
use muster_proto::wire::{ListReplicas, Ping, Pong, ReplicaInfo, ReplicaList, reply, request};
use serde_json::json;

use super::init::hex;
use super::table::aligned;
use super::{VOICE, print};
use crate::site::{Client, Reach, Site, block_on};

/// An operator waits no longer than this for a leader; then each controller is asked for what it knows itself.
const PATIENCE: Duration = Duration::from_secs(3);

/// A leader hears each follower several times in so long, ms.
const QUIET_MS: u64 = 500;

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    role: String,
    leader: bool,
    index: Option<u64>,
    address: String,
    version: String,
    contact_ms: u64,
    /// A majority of those who do is needed, whatever they do now.
    votes: bool,
}

pub(super) fn run(site: &Site, reach: &Reach, json: bool) -> u8 {
    block_on(async {
        let list = ask(site, reach).await;
        let (pongs, whys) = ping(site, reach).await;
        let lines = merge(list.as_ref(), &pongs);
        let text = if json { as_json(site, list.as_ref(), &lines) } else { as_text(site, list.as_ref(), &lines) };
        let code = print(&text);
        certificates(&pongs).iter().for_each(|warning| VOICE.info(warning));
        whys.iter().for_each(|why| VOICE.error(why));
        if list.is_none() {
            VOICE.error("no leader answers: what is shown is what each controller knows itself");
            let answer = |(_, _, pong): &Pinged| pong.is_some();
            if pongs.iter().any(answer) && !pongs.iter().all(answer) {
                VOICE.bare("A majority of the replicas must answer. If that many are lost for good: muster-controller --recover");
            }
            return 1;
        }
        code
    })
}

/// From the leader; else, with what is stale, from any controller.
async fn ask(site: &Site, reach: &Reach) -> Option<ReplicaList> {
    let options = ClientOptions {
        cluster: site.config.cluster_name.clone(),
        controllers: reach.client.controllers().to_vec(),
        host: String::new(),
        program: VOICE.program.to_owned(),
        one_try: Duration::from_secs(1),
        give_up: PATIENCE,
    };
    let client = Client::new(&reach.outside, reach.keeper.clone(), options);
    match client.call(request::Body::ListReplicas(ListReplicas {})).await {
        Ok(reply::Body::Replicas(list)) => Some(list),
        _ => None,
    }
}

type Pinged = (String, String, Option<Pong>);

/// And in whose words those that did answer refused.
async fn ping(site: &Site, reach: &Reach) -> (Vec<Pinged>, Vec<String>) {
    let asked = site.controllers().into_iter().map(|(name, address)| async move {
        let answer = reach.client.call_one(&address, request::Body::Ping(Ping {}));
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(reply::Body::Pong(pong))) => ((name, address, Some(pong)), None),
            Ok(Err(CallError::Refused(failure))) => {
                let why = format!("{name}: {}", failure.message);
                ((name, address, None), Some(why))
            }
            _ => ((name, address, None), None),
        }
    });
    let (pongs, whys): (Vec<_>, Vec<_>) = futures::future::join_all(asked).await.into_iter().unzip();
    (pongs, whys.into_iter().flatten().collect())
}

/// Of controllers whose certificates, or whose authorities', end within [`WARN_DAYS`], or have.
fn certificates(pongs: &[Pinged]) -> Vec<String> {
    let ends = |(name, _, pong): &Pinged| {
        let pong = pong.as_ref().filter(|pong| pong.certificates_end_s != 0)?;
        let soon = pong.now_s + WARN_DAYS * DAY_S;
        let left_s = pong.certificates_end_s.checked_sub(pong.now_s);
        (pong.certificates_end_s < soon).then(|| match left_s {
            Some(left_s) => format!("warning: a certificate of controller {name} ends in {} days", left_s / DAY_S),
            None => format!("warning: a certificate of controller {name} has ended: peers refuse it"),
        })
    };
    let mut warnings: Vec<String> = pongs.iter().filter_map(ends).collect();
    if !warnings.is_empty() {
        warnings
            .push("muster pki status says which; muster pki renew makes them anew, no restart is needed".to_owned());
    }
    warnings
}

const DAY_S: u64 = 86_400;

fn merge(list: Option<&ReplicaList>, pongs: &[Pinged]) -> Vec<Line> {
    let mut lines: Vec<Line> = list.iter().flat_map(|list| &list.replicas).map(of_replica).collect();
    for (name, address, pong) in pongs {
        if let Some(line) = lines.iter_mut().find(|line| line.name == *name) {
            let foreign = |pong: &Pong| list.is_some_and(|list| is_foreign(pong, list));
            if pong.as_ref().is_some_and(foreign) {
                line.role = "of another cluster".to_owned();
            }
            add_own_view(line, pong.as_ref());
            continue;
        }
        let role = match (pong, list) {
            (None, _) => "unreachable",
            (Some(pong), _) if pong.cluster_id.is_empty() => "waits to be admitted",
            (Some(pong), Some(list)) if is_foreign(pong, list) => "of another cluster",
            // It runs on until it hears of it; its vote counts no more.
            (Some(_), Some(_)) => "removed",
            (Some(pong), None) if pong.leader => "leader",
            (Some(_), None) => "follower",
        };
        lines.push(Line {
            name: name.clone(),
            role: role.to_owned(),
            leader: pong.as_ref().is_some_and(|pong| pong.leader),
            index: None,
            address: address.clone(),
            version: pong.as_ref().map(|pong| pong.version.clone()).unwrap_or_default(),
            contact_ms: 0,
            votes: false,
        });
    }
    // As slurm.conf has them, others last.
    let place = |line: &Line| pongs.iter().position(|(name, ..)| *name == line.name).unwrap_or(pongs.len());
    lines.sort_by_key(place);
    lines
}

/// A controller of another cluster that stands at the place of one of ours.
fn is_foreign(pong: &Pong, list: &ReplicaList) -> bool {
    !pong.cluster_id.is_empty() && !list.cluster_id.is_empty() && pong.cluster_id != list.cluster_id
}

/// What this host sees of a replica that the cluster told of.
fn add_own_view(line: &mut Line, pong: Option<&Pong>) {
    match pong {
        // Its store was wiped a moment ago: the leader still believes in the replica that was there.
        Some(pong) if pong.cluster_id.is_empty() => line.role = "waits to be admitted".to_owned(),
        Some(pong) if line.version.is_empty() => line.version = pong.version.clone(),
        Some(_) => {}
        // The leader takes a while to call it so; a host that is cut off from a replica in health does not say so.
        None if !line.leader && line.contact_ms >= QUIET_MS => line.role = "unreachable".to_owned(),
        None => {}
    }
}

fn of_replica(info: &ReplicaInfo) -> Line {
    Line {
        name: info.name.clone(),
        role: info.role.clone(),
        leader: info.role == "leader",
        index: info.matched_index.or((info.applied_index > 0).then_some(info.applied_index)),
        address: info.address.clone(),
        version: info.version.clone(),
        contact_ms: info.last_contact_ms,
        votes: info.voter,
    }
}

fn as_text(site: &Site, list: Option<&ReplicaList>, lines: &[Line]) -> String {
    let mut out = format!("Cluster {}", site.config.cluster_name);
    if let Some(list) = list {
        let id = hex(&list.cluster_id);
        out.push_str(&format!(
            " ({id}) generation {} term {} commit index {} feature level {}",
            list.generation, list.term, list.commit_index, list.feature_level
        ));
    }
    out.push('\n');
    let heading = ["NAME", "ROLE", "LEADER", "INDEX", "LAG", "HEARD", "ADDRESS", "VERSION"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(lines.iter().map(|line| cells(line, list)));
    out.push_str(&aligned(&rows));
    for remark in remarks(list, lines) {
        out.push_str(&remark);
        out.push('\n');
    }
    out
}

fn cells(line: &Line, list: Option<&ReplicaList>) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
    vec![
        line.name.clone(),
        line.role.clone(),
        if line.leader { "*".to_owned() } else { String::new() },
        number(line.index),
        number(lag(line, list)),
        heard(line, list),
        line.address.clone(),
        if line.version.is_empty() { "-".to_owned() } else { line.version.clone() },
    ]
}

/// Entries that are committed and that it has not acknowledged yet.
fn lag(line: &Line, list: Option<&ReplicaList>) -> Option<u64> {
    Some(list?.commit_index.saturating_sub(line.index?))
}

/// When the leader heard it last.
fn heard(line: &Line, list: Option<&ReplicaList>) -> String {
    match line.contact_ms {
        _ if line.leader || list.is_none() || line.index.is_none() => "-".to_owned(),
        0..QUIET_MS => "now".to_owned(),
        ms if ms < 60_000 => format!("{}.{}s ago", ms / 1000, ms % 1000 / 100),
        ms => format!("{}m ago", ms / 60_000),
    }
}

/// What an operator should know; scripts look for role words in lines of the table, so none stands here.
fn remarks(list: Option<&ReplicaList>, lines: &[Line]) -> Vec<String> {
    let mut remarks = Vec::new();
    let voters = lines.iter().filter(|line| line.votes).count();
    let answers = |line: &&Line| line.votes && matches!(line.role.as_str(), "leader" | "follower");
    let answers = lines.iter().filter(answers).count();
    if list.is_some() && voters > 0 {
        let needed = voters / 2 + 1;
        let more = match answers.checked_sub(needed) {
            None => "no majority: nothing can be changed".to_owned(),
            Some(0) => "none more may fail".to_owned(),
            Some(spare) => format!("{spare} more may fail"),
        };
        remarks.push(format!("{answers} of {voters} voters answer: {more}."));
    }
    for name in lines.iter().filter(|line| line.role == "distrusted").map(|line| &line.name) {
        remarks.push(format!(
            "{name} no longer has what it had synced: its disk loses data. Give it another one: muster replica replace {name}"
        ));
    }
    let versions: BTreeSet<&str> = lines.iter().map(|line| line.version.as_str()).filter(|it| !it.is_empty()).collect();
    if versions.len() > 1 {
        remarks.push(format!("Versions differ: {}.", versions.into_iter().collect::<Vec<_>>().join(", ")));
    }
    remarks
}

fn as_json(site: &Site, list: Option<&ReplicaList>, lines: &[Line]) -> String {
    let replicas: Vec<_> = lines
        .iter()
        .map(|line| {
            json!({
                "name": line.name, "role": line.role, "leader": line.leader, "index": line.index,
                "lag": lag(line, list), "address": line.address, "version": line.version,
                "last_contact_ms": line.contact_ms,
            })
        })
        .collect();
    let value = json!({
        "cluster": site.config.cluster_name,
        "cluster_id": list.map(|list| hex(&list.cluster_id)),
        "generation": list.map(|list| list.generation),
        "term": list.map(|list| list.term),
        "commit_index": list.map(|list| list.commit_index),
        "feature_level": list.map(|list| list.feature_level),
        "replicas": replicas,
    });
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a controller that belongs to a cluster.
    fn of_cluster() -> Pong {
        Pong { cluster_id: vec![1; 16].into(), ..Pong::default() }
    }

    #[test]
    fn certificates_that_end_within_a_month_are_warned_of() {
        let warned = |certificates_end_s| {
            let pong = Pong { certificates_end_s, now_s: 100 * DAY_S, ..of_cluster() };
            certificates(&[("a".to_owned(), "h:1".to_owned(), Some(pong))])
        };
        assert!(warned(0).is_empty() && warned(131 * DAY_S).is_empty());
        assert_eq!(warned(103 * DAY_S)[0], "warning: a certificate of controller a ends in 3 days");
        assert_eq!(warned(99 * DAY_S)[0], "warning: a certificate of controller a has ended: peers refuse it");
    }

    #[test]
    fn a_follower_that_neither_the_leader_nor_this_host_hears_is_unreachable() {
        let follower = |contact_ms| {
            let info = ReplicaInfo {
                name: "a".into(),
                role: "follower".into(),
                last_contact_ms: contact_ms,
                ..ReplicaInfo::default()
            };
            ReplicaList { replicas: vec![info], ..ReplicaList::default() }
        };
        let role = |contact_ms, pong| {
            merge(Some(&follower(contact_ms)), &[("a".to_owned(), "h:1".to_owned(), pong)])[0].role.clone()
        };
        assert_eq!(role(900, None), "unreachable");
        assert_eq!(role(20, None), "follower");
        assert_eq!(role(900, Some(of_cluster())), "follower");
    }

    #[test]
    fn a_controller_of_another_cluster_is_called_so() {
        let info = ReplicaInfo { name: "a".into(), role: "follower".into(), ..ReplicaInfo::default() };
        let list = ReplicaList { replicas: vec![info], cluster_id: vec![2; 16].into(), ..ReplicaList::default() };
        let lines = merge(Some(&list), &[("a".to_owned(), "h:1".to_owned(), Some(of_cluster()))]);
        assert_eq!(lines[0].role, "of another cluster");
    }

    #[test]
    fn controllers_that_are_no_replicas_are_listed_too() {
        let leader = ReplicaInfo { name: "a".into(), role: "leader".into(), voter: true, ..ReplicaInfo::default() };
        let list =
            ReplicaList { replicas: vec![leader], cluster_id: vec![1; 16].into(), term: 3, ..ReplicaList::default() };
        let pongs = [
            ("a".to_owned(), "h:1".to_owned(), Some(of_cluster())),
            ("b".to_owned(), "h:2".to_owned(), Some(Pong::default())),
            ("c".to_owned(), "h:3".to_owned(), None),
            ("d".to_owned(), "h:4".to_owned(), Some(of_cluster())),
        ];
        let lines = merge(Some(&list), &pongs);
        let told: Vec<_> = lines.iter().map(|line| (line.name.as_str(), line.role.as_str(), line.leader)).collect();
        assert_eq!(told[..2], [("a", "leader", true), ("b", "waits to be admitted", false)]);
        assert_eq!(told[2..], [("c", "unreachable", false), ("d", "removed", false)]);
        assert_eq!(remarks(Some(&list), &lines), ["1 of 1 voters answer: none more may fail."]);
    }

    #[test]
    fn a_voter_whose_store_was_emptied_does_not_answer() {
        let info = |name: &str| ReplicaInfo {
            name: name.into(),
            role: "follower".into(),
            voter: true,
            ..ReplicaInfo::default()
        };
        let list = ReplicaList { replicas: vec![info("a"), info("b"), info("c")], ..ReplicaList::default() };
        let lines = merge(Some(&list), &[("a".to_owned(), "h:1".to_owned(), Some(Pong::default()))]);
        assert_eq!(remarks(Some(&list), &lines), ["2 of 3 voters answer: none more may fail."]);
    }

    #[test]
    fn a_voter_that_lost_what_it_had_synced_is_not_counted_and_the_remark_says_what_to_do() {
        let info = |name: &str, role: &str| ReplicaInfo {
            name: name.into(),
            role: role.into(),
            voter: true,
            ..ReplicaInfo::default()
        };
        let replicas = vec![info("a", "leader"), info("b", "follower"), info("c", "distrusted")];
        let list = ReplicaList { replicas, ..ReplicaList::default() };
        let lines: Vec<Line> = list.replicas.iter().map(of_replica).collect();
        let told = remarks(Some(&list), &lines);
        assert_eq!(told[0], "2 of 3 voters answer: none more may fail.");
        assert!(told[1].ends_with("muster replica replace c"), "{told:?}");
    }

    #[test]
    fn lag_silence_and_what_more_may_fail_are_told() {
        let replica = |name: &str, role: &str, index, contact_ms| ReplicaInfo {
            name: name.into(),
            role: role.into(),
            matched_index: Some(index),
            last_contact_ms: contact_ms,
            voter: true,
            version: if name == "a" { "1".into() } else { "2".into() },
            ..ReplicaInfo::default()
        };
        let replicas =
            vec![replica("a", "leader", 9, 0), replica("b", "follower", 7, 20), replica("c", "unreachable", 2, 3_250)];
        let list = ReplicaList { replicas, commit_index: 9, ..ReplicaList::default() };
        let lines: Vec<Line> = list.replicas.iter().map(of_replica).collect();
        let told: Vec<_> = lines.iter().map(|line| (lag(line, Some(&list)), heard(line, Some(&list)))).collect();
        let told: Vec<_> = told.iter().map(|(lag, heard)| (*lag, heard.as_str())).collect();
        assert_eq!(told, [(Some(0), "-"), (Some(2), "now"), (Some(7), "3.2s ago")]);
        assert_eq!(
            remarks(Some(&list), &lines),
            ["2 of 3 voters answer: none more may fail.", "Versions differ: 1, 2."]
        );
    }
}
