//! Generic resources: `--gres`, and the `--gpus*` options that are short for it.

use muster_dialect::tres::GresRequest;
use muster_proto::durable::Request;

use super::bad::Bad;

/// `gres:gpu:2,gres:shard:4`, as the contract and squeue have it.
pub(super) fn list(text: &str) -> Result<String, Bad> {
    GresRequest::parse_list(text).map(|items| joined(&items)).map_err(|_| invalid())
}

/// Sets what one of the options says. `--gres` and `--gpus-per-node` both speak of each node.
pub(super) fn apply(request: &mut Request, option: &str, text: &str) -> Result<(), Bad> {
    if option == "gres" {
        request.tres_per_node = list(text)?;
        return Ok(());
    }
    let gpus = GresRequest::parse_gpus(text).map(|items| joined(&items)).map_err(|_| invalid())?;
    match option {
        "gpus" => request.tres_per_job = gpus,
        "gpus-per-node" => add(&mut request.tres_per_node, &gpus),
        "gpus-per-task" => request.tres_per_task = gpus,
        _ => request.tres_per_socket = gpus,
    }
    Ok(())
}

/// Gpus that were asked for before, by a weaker source or `--gres`, give way.
fn add(there: &mut String, gpus: &str) {
    let kept = there.split(',').filter(|item| !item.is_empty() && !item.starts_with("gres:gpu:"));
    let all: Vec<&str> = kept.chain(gpus.split(',').filter(|item| !item.is_empty())).collect();
    *there = all.join(",");
}

fn joined(items: &[GresRequest]) -> String {
    let wanted = items.iter().filter(|item| item.count > 0);
    wanted.map(|item| format!("gres:{item}")).collect::<Vec<_>>().join(",")
}

fn invalid() -> Bad {
    Bad::Refused("Invalid generic resource (gres) specification".into())
}
