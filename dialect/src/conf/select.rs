//! `SelectType` and `SelectTypeParameters`.

use super::choices::{Consumable, SelectParameters, SelectType};
use super::diagnostics::Findings;
use super::globals::Globals;

/// The words that choose what is consumed; one at most holds.
const CONSUMED: [&str; 7] =
    ["CR_CPU", "CR_CPU_MEMORY", "CR_CORE", "CR_CORE_MEMORY", "CR_SOCKET", "CR_SOCKET_MEMORY", "CR_MEMORY"];

/// What allocations are made of.
pub(super) fn read(globals: &Globals, findings: &mut Findings) -> (SelectType, SelectParameters) {
    let at = globals.fields.place("SelectType");
    let select = match globals.text("SelectType").as_str() {
        "select/linear" => SelectType::Linear,
        "select/cons_tres" => SelectType::ConsTres,
        other => {
            findings.warn(at, format!("SelectType={other} is obsolete: select/cons_tres is used"));
            SelectType::ConsTres
        }
    };
    let words = globals.list("SelectTypeParameters");
    let at = globals.fields.place("SelectTypeParameters");
    let has = |word: &str| words.iter().any(|own| own == word);
    let consumed: Vec<&str> = CONSUMED.into_iter().filter(|word| has(word)).collect();
    if consumed.len() > 1 {
        findings.error(at, format!("SelectTypeParameters cannot be {} at once", consumed.join(" and ")));
    }
    let consumed = consumed.first().copied().unwrap_or(default_of(select));
    if select == SelectType::Linear && !matches!(consumed, "" | "CR_MEMORY") {
        findings.error(at, format!("SelectTypeParameters={consumed} cannot be used with select/linear"));
    }
    let consumable = match consumed {
        "CR_CPU" | "CR_CPU_MEMORY" => Consumable::Cpu,
        "CR_SOCKET" | "CR_SOCKET_MEMORY" => Consumable::Socket,
        _ => Consumable::Core,
    };
    let parameters = SelectParameters {
        consumable,
        memory: consumed.ends_with("MEMORY"),
        least_loaded_nodes: has("CR_LLN"),
        pack_nodes: has("CR_PACK_NODES"),
        one_task_per_core: has("CR_ONE_TASK_PER_CORE"),
        core_default_dist_block: has("CR_CORE_DEFAULT_DIST_BLOCK"),
    };
    (select, parameters)
}

/// slurm.conf(5): cores and memory, unless whole nodes are given out.
fn default_of(select: SelectType) -> &'static str {
    match select {
        SelectType::Linear => "",
        SelectType::ConsTres => "CR_CORE_MEMORY",
    }
}
