//! `scontrol update`, `create` and `delete`: `Key=Value` words, the first of which says what they are about.

mod job;
mod node;
mod partition;

use super::Control;

/// A word of an update, its key in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    key: String,
    value: String,
    /// As the user wrote it.
    word: String,
}

/// Runs it with the words after `update`.
pub(super) fn run(control: &Control, words: &[String]) -> u8 {
    if words.is_empty() {
        return control.fail("too few arguments for update keyword");
    }
    let pairs = match pairs(words) {
        Ok(pairs) => pairs,
        Err(word) => return control.fail(&format!("Invalid input: {word}\nRequest aborted")),
    };
    let has = |keys: &[&str]| pairs.iter().any(|pair| keys.contains(&pair.key.as_str()));
    if has(&["jobid", "job", "jobname", "name"]) && !has(&["partitionname", "partition"]) || has(&["jobid", "job"]) {
        return job::run(control, &pairs);
    }
    if has(&["nodename", "node", "nodes", "nodelist"])
        && !has(&["partitionname", "partition", "reservationname", "reservation"])
    {
        return node::run(control, &pairs);
    }
    if has(&["partitionname", "partition", "part"]) {
        return partition::update(control, &pairs);
    }
    for (key, name) in [("stepid", "StepId"), ("reservationname", "ReservationName"), ("frontendname", "FrontendName")]
    {
        if has(&[key]) {
            return control.fail(&format!("update {name}: not supported by this version"));
        }
    }
    control.fail("No valid entity in update command\nInput line must include \"NodeName\", \"PartitionName\", \"Reservation\", \"JobId\", or \"SlurmctldDebug\"")
}

/// `create partition=NAME …`
pub(super) fn create(control: &Control, words: &[String]) -> u8 {
    if words.is_empty() {
        return control.fail("too few arguments for create keyword");
    }
    match pairs(words) {
        Ok(pairs) if pairs.iter().any(|pair| pair.key.starts_with("partition")) => partition::create(control, &pairs),
        Ok(_) => control.fail("create: only partitions are supported by this version"),
        Err(word) => control.fail(&format!("Invalid input: {word}\nRequest aborted")),
    }
}

/// `delete partition=NAME`
pub(super) fn delete(control: &Control, words: &[String]) -> u8 {
    if words.is_empty() {
        return control.fail("too few arguments for delete keyword");
    }
    match pairs(words) {
        Ok(pairs) => match pairs.first() {
            Some(pair) if pair.key.starts_with("partition") => partition::delete(control, pair),
            _ => control.fail("delete: only partitions are supported by this version"),
        },
        Err(word) => control.fail(&format!("Invalid input: {word}\nRequest aborted")),
    }
}

/// `update job 12 …` is `update jobid=12 …`; every other word has a `=`.
fn pairs(words: &[String]) -> Result<Vec<Pair>, String> {
    let mut pairs = Vec::new();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, value.to_owned()),
            None => match words.next_if(|next| !next.contains('=')) {
                Some(value) => (word.as_str(), value.clone()),
                None => return Err(word.clone()),
            },
        };
        let key = key.trim_end_matches(['+', '-']).to_ascii_lowercase();
        pairs.push(Pair { key, value, word: word.clone() });
    }
    Ok(pairs)
}

/// Told when a key is none that can be updated.
fn unsupported(control: &Control, pair: &Pair) -> u8 {
    control.fail(&format!("Update of this parameter is not supported: {}\nRequest aborted", pair.word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_and_its_id_may_be_two_words() {
        let words = ["job", "12", "TimeLimit=5"].map(str::to_owned);
        let pairs = pairs(&words).expect("valid");
        assert_eq!((pairs[0].key.as_str(), pairs[0].value.as_str()), ("job", "12"));
        assert_eq!((pairs[1].key.as_str(), pairs[1].value.as_str()), ("timelimit", "5"));
        assert_eq!(super::pairs(&["nosuch".to_owned()]), Err("nosuch".to_owned()));
    }
}
