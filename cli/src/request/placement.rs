//! Where: nodes, partition features, and how tasks are laid out over them.

use muster_dialect::{errno, hostlist};
use muster_proto::durable::Sharing;

use super::bad::Bad;
use super::draft::{Draft, Given};

/// Takes the option if it is one of these.
pub(super) fn apply(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let request = &mut draft.request;
    let text = given.text();
    match given.name {
        "nodes" => (request.min_nodes, request.max_nodes) = nodes(text)?,
        "nodelist" => request.required_nodes = host_text(text)?,
        "nodefile" => request.required_nodes = from_file(text)?,
        "exclude" => request.excluded_nodes = host_text(text)?,
        "constraint" => request.features = text.to_owned(),
        "contiguous" => request.contiguous = true,
        "distribution" => request.distribution = distribution(text)?,
        "oversubscribe" => request.sharing = Sharing::Shared.into(),
        "exclusive" => exclusive(draft, given.value)?,
        "licenses" => request.licenses = text.to_owned(),
        "reservation" => request.reservation = text.to_owned(),
        "spread-job" => draft.job.spread = true,
        "network" => draft.job.network = text.to_owned(),
        _ => return Ok(false),
    }
    Ok(true)
}

/// `3`, `1-4`, `2k`. One number is both bounds.
fn nodes(text: &str) -> Result<(u32, u32), Bad> {
    let count = |part: &str, told: &str| {
        thousands(part).ok_or_else(|| Bad::Usage(format!("\"{told}\" is not a valid node count")))
    };
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    // As Slurm: of a range whose first number is good, what follows is named.
    let (least, most) = (count(least, text)?, count(most, most)?);
    if most < least {
        return Err(Bad::Usage(format!("Maximum node count {most} is less than minimum node count {least}")));
    }
    if most == 0 {
        return Err(Bad::Submission(errno::ESLURM_INVALID_NODE_COUNT));
    }
    Ok((least, most))
}

fn thousands(text: &str) -> Option<u32> {
    let (digits, unit) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1024),
        None => match text.strip_suffix(['m', 'M']) {
            Some(digits) => (digits, 1024 * 1024),
            None => (text, 1),
        },
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u32>().ok()?.checked_mul(unit)
}

/// A host list, or a file of names where there is a slash in it.
fn host_text(text: &str) -> Result<String, Bad> {
    if text.contains('/') { from_file(text) } else { Ok(text.to_owned()) }
}

fn from_file(path: &str) -> Result<String, Bad> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let why = crate::say::os_error(&error);
        Bad::Usage(format!("slurm_allocate_resources error opening file {path}, {why}\nInvalid --nodefile node file"))
    })?;
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let names: Vec<&str> = words.collect();
    let hosts = hostlist::parse(&names.join(",")).map_err(|_| Bad::Usage("Invalid --nodefile node file".into()))?;
    Ok(hostlist::fold(&hosts))
}

/// `block`, `cyclic:block`, `plane=4`, `arbitrary`, with `,Pack` or `,NoPack`.
fn distribution(text: &str) -> Result<String, Bad> {
    let bad = || Bad::Specification("distribution");
    let lower = text.to_ascii_lowercase();
    let (levels, pack) = lower.split_once(',').unwrap_or((&lower, ""));
    if !matches!(pack, "" | "pack" | "nopack") {
        return Err(bad());
    }
    let mut parts = levels.split(':');
    let first = parts.next().unwrap_or_default();
    if let Some(size) = first.strip_prefix("plane") {
        let size = size.strip_prefix('=').and_then(|size| size.parse::<u32>().ok()).filter(|size| *size > 0);
        if size.is_none() {
            return Err(Bad::Usage(
                "Invalid plane size or size not specified\nInvalid --distribution specification".into(),
            ));
        }
    } else if !matches!(first, "block" | "cyclic" | "arbitrary" | "*") {
        return Err(bad());
    }
    let rest: Vec<&str> = parts.collect();
    if rest.len() > 2 || rest.iter().any(|level| !matches!(*level, "block" | "cyclic" | "fcyclic" | "*")) {
        return Err(bad());
    }
    Ok(text.to_owned())
}

/// Whole nodes for a job; for a step inside of a job, processors of its own.
fn exclusive(draft: &mut Draft, value: Option<&str>) -> Result<(), Bad> {
    let sharing = match value.unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "1" => Sharing::Exclusive,
        "user" => Sharing::User,
        "mcs" | "topo" => return Err(Bad::NotBuilt(format!("exclusive={}", value.unwrap_or_default()))),
        _ => return Err(Bad::Specification("exclusive")),
    };
    draft.request.sharing = sharing.into();
    draft.step.exclusive = true;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_counts_are_one_number_or_two() {
        assert_eq!(nodes("3"), Ok((3, 3)));
        assert_eq!(nodes("1-4"), Ok((1, 4)));
        assert_eq!(nodes("0-2"), Ok((0, 2)));
        assert_eq!(nodes("0"), Err(Bad::Submission(errno::ESLURM_INVALID_NODE_COUNT)));
        assert_eq!(nodes("1k"), Ok((1024, 1024)));
        assert_eq!(nodes("3-1"), Err(Bad::Usage("Maximum node count 1 is less than minimum node count 3".into())));
        assert_eq!(nodes("1-2-3"), Err(Bad::Usage("\"2-3\" is not a valid node count".into())));
        assert_eq!(nodes("abc"), Err(Bad::Usage("\"abc\" is not a valid node count".into())));
        assert!(nodes("4294967295k").is_err() && nodes("").is_err() && nodes("1-").is_err());
    }

    #[test]
    fn distributions_have_up_to_three_levels() {
        for good in
            ["block", "cyclic:block", "plane=3", "block:cyclic:fcyclic", "cyclic,NoPack", "*:block", "arbitrary"]
        {
            assert_eq!(distribution(good).as_deref(), Ok(good));
        }
        for bad in ["foo", "block:x", "block,x", "plane=0"] {
            assert!(distribution(bad).is_err(), "{bad}");
        }
    }
}
