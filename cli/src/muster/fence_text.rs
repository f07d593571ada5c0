//! How fence operations are shown.

use muster_proto::durable::{FenceRow, FenceState};
use muster_proto::wire::{FenceList, FencePlan};
use serde_json::json;

use super::table::aligned;

/// The word of an operation's state.
fn state(row: &FenceRow) -> &'static str {
    match row.state() {
        FenceState::Requested if row.word.is_empty() => "requested",
        FenceState::Requested => "held back",
        FenceState::Started => "calling",
        FenceState::Failed => "failing",
        FenceState::Confirmed if row.ended_ms == 0 => "off, settling",
        FenceState::Confirmed => "off",
        FenceState::Overtaken if row.ended_ms == 0 => "proven, settling",
        FenceState::Overtaken => "proven otherwise",
        FenceState::Cancelled => "cancelled",
    }
}

fn by(row: &FenceRow) -> String {
    match (row.by_operator, row.by_name.as_str()) {
        (false, _) => "muster".to_owned(),
        (true, "") => row.by_uid.to_string(),
        (true, name) => name.to_owned(),
    }
}

pub(super) fn as_text(list: &FenceList) -> String {
    let mut out = match (list.configured, list.auto) {
        (false, _) => "fence.conf names no agent: a lost node waits for its return or for an operator\n".to_owned(),
        (true, auto) => format!(
            "Lost nodes are {}; {} of at most {} fences in the last {} s\n",
            if auto { "fenced" } else { "fenced by operators alone" },
            list.started,
            list.max_fences,
            list.window_s
        ),
    };
    if !list.proof.is_empty() {
        out.push_str(&format!("ProofOfDeath is {}\n", list.proof));
    }
    if !list.leased.is_empty() {
        out.push_str(&format!("Nodes that keep a lease: {}\n", list.leased));
    }
    if !list.unleased.is_empty() {
        out.push_str(&format!("Nodes that keep none, so that time proves nothing of them: {}\n", list.unleased));
    }
    if list.fences.is_empty() {
        return out;
    }
    let heading = ["ID", "NODE", "STATE", "LEVEL", "CALLS", "AGE", "BY", "WHY", "LATEST"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for row in &list.fences {
        let age_s = list.now_ms.saturating_sub(row.requested_ms) / 1_000;
        rows.push(vec![
            row.fence.to_string(),
            row.node_name.clone(),
            state(row).to_owned(),
            row.level.to_string(),
            row.call.to_string(),
            format!("{age_s}s"),
            by(row),
            row.why.clone(),
            row.word.clone(),
        ]);
    }
    out.push_str(&aligned(&rows));
    out
}

pub(super) fn as_json(list: &FenceList) -> String {
    let fences: Vec<_> = list
        .fences
        .iter()
        .map(|row| {
            json!({
                "id": row.fence, "node": row.node_name, "state": state(row), "level": row.level, "calls": row.call,
                "rounds_failed": row.rounds, "requested_ms": row.requested_ms, "started_ms": row.started_ms,
                "off_ms": row.off_ms, "ended_ms": row.ended_ms, "by": by(row), "forced": row.force, "why": row.why,
                "latest": row.word, "next_ms": row.next_ms,
            })
        })
        .collect();
    let proof = if list.proof.is_empty() { "certain" } else { &list.proof };
    let value = json!({
        "configured": list.configured, "proof": proof, "auto": list.auto, "started": list.started, "max_fences": list.max_fences,
        "window_s": list.window_s, "leased": list.leased, "unleased": list.unleased, "now_ms": list.now_ms, "fences": fences,
    });
    format!("{value:#}\n")
}

/// What a dry run found.
pub(super) fn plan_text(name: &str, plan: &FencePlan) -> String {
    let mut out = String::new();
    if !plan.steps.is_empty() {
        let heading = ["LEVEL", "AGENT", "PARAMETERS", "PASSWORD", "TIMEOUT", "THEN", "STATE"];
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        for step in &plan.steps {
            rows.push(vec![
                step.level.to_string(),
                step.agent.clone(),
                step.parameters.clone(),
                if step.password { "from a file" } else { "none" }.to_owned(),
                format!("{}s", step.timeout_s),
                if step.power_on { "on again" } else { "stays off" }.to_owned(),
                step.state.clone(),
            ]);
        }
        out.push_str(&aligned(&rows));
    }
    match plan.obstacle.as_str() {
        "" => out.push_str(&format!("{name} would be fenced; nothing was done\n")),
        why => out.push_str(&format!("{name} would not be fenced now: {why}\n")),
    }
    out
}

#[cfg(test)]
mod tests {
    use muster_proto::wire::FencePlanStep;

    use super::*;

    #[test]
    fn operations_are_listed_with_what_the_agents_said() {
        let row = FenceRow {
            fence: 3,
            node_name: "n7".into(),
            state: FenceState::Failed.into(),
            level: 2,
            call: 4,
            requested_ms: 1_000,
            word: "fence_ipmilan off: no answer within 20 s".into(),
            why: "it burns".into(),
            by_operator: true,
            by_name: "root".into(),
            ..FenceRow::default()
        };
        let list = FenceList {
            fences: vec![row],
            now_ms: 61_000,
            configured: true,
            auto: true,
            max_fences: 3,
            window_s: 600,
            started: 1,
            ..FenceList::default()
        };
        assert_eq!(
            as_text(&list),
            "Lost nodes are fenced; 1 of at most 3 fences in the last 600 s\n\
             ID  NODE  STATE    LEVEL  CALLS  AGE  BY    WHY       LATEST\n\
             3   n7    failing  2      4      60s  root  it burns  fence_ipmilan off: no answer within 20 s\n"
        );
        assert!(as_json(&list).contains("\"state\": \"failing\""));
        assert!(as_text(&FenceList::default()).starts_with("fence.conf names no agent"));
        let leases = FenceList { proof: "lease".into(), leased: "n[1-3]".into(), ..FenceList::default() };
        assert!(as_text(&leases).ends_with("\nProofOfDeath is lease\nNodes that keep a lease: n[1-3]\n"));
        let without = FenceList { unleased: "n4".into(), ..leases };
        assert!(as_text(&without).ends_with("n[1-3]\nNodes that keep none, so that time proves nothing of them: n4\n"));
        assert!(as_json(&without).contains("\"unleased\": \"n4\""));
    }

    #[test]
    fn a_dry_run_says_what_would_be_done_and_what_stands_in_its_way() {
        let step =
            FencePlanStep { level: 1, agent: "/a".into(), timeout_s: 20, state: "on".into(), ..Default::default() };
        let mut plan = FencePlan { steps: vec![step], obstacle: String::new() };
        assert!(plan_text("n1", &plan).ends_with("on\nn1 would be fenced; nothing was done\n"));
        plan.obstacle = "n1 is not DOWN: set it DOWN first".into();
        assert!(plan_text("n1", &plan).ends_with("n1 would not be fenced now: n1 is not DOWN: set it DOWN first\n"));
    }
}
