//! Task ids of a job array: `1-20%4`, `0-15:4`, `1,3,7-9`.

use std::fmt::{self, Write as _};

use thiserror::Error;

/// Slurm's largest MaxArraySize: task ids are below it.
pub const ARRAY_IDS_MAX: u32 = 4_000_001;
/// Bytes of a task list that squeue and scontrol print before `...`, unless SLURM_BITSTR_LEN says otherwise.
pub const TEXT_BYTES_DEFAULT: usize = 64;
/// A list of this many bytes is printed as `first-last:step` where its ids are evenly spaced.
const STEP_FORM_BYTES_MIN: usize = 14;

/// The tasks of an array, and how many of them may run at once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ArraySpec {
    /// Ascending, each once, not empty.
    pub ids: Vec<u32>,
    /// `%N`. `None` (also for `%0`) is no limit.
    pub limit: Option<u32>,
}

/// Not a list of ids and ranges, or an id that is not below MaxArraySize. `position` is a byte of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid job array specification")]
pub struct ArrayError {
    pub position: usize,
}

impl ArraySpec {
    /// Parses `[1-20:2,30%4]`, brackets optional. Ids must be below `max_array_size`.
    pub fn parse(text: &str, max_array_size: u32) -> Result<Self, ArrayError> {
        let whole_bytes = text.len();
        let fail = |position| ArrayError { position };
        let (text, start) = match text.strip_prefix('[') {
            Some(inner) => (inner.strip_suffix(']').ok_or(fail(whole_bytes))?, 1),
            None => (text, 0),
        };
        let (list, limit) = match text.split_once('%') {
            Some((list, limit)) => (list, parse_limit(limit).ok_or(fail(start + list.len() + 1))?),
            None => (text, None),
        };
        let bound = max_array_size.min(ARRAY_IDS_MAX);
        let mut chosen = Vec::new();
        let mut at = start;
        for part in list.split(',') {
            let (first, last, step) = parse_part(part).filter(|(_, last, _)| *last < bound).ok_or(fail(at))?;
            chosen.push((first, last, step));
            at += part.len() + 1;
        }
        Ok(Self { ids: union(&chosen).ok_or(fail(start))?, limit })
    }

    /// The list within brackets, with its limit, at most `bytes_max` long (0: any length).
    #[must_use]
    pub fn print(&self, bytes_max: usize) -> String {
        let mut out = print_ids(&self.ids, bytes_max);
        if let Some(limit) = self.limit {
            write!(out, "%{limit}").expect("writing to a String cannot fail");
        }
        out
    }
}

impl fmt::Display for ArraySpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.print(0))
    }
}

/// `Some(None)` for no limit, `None` for nonsense.
fn parse_limit(text: &str) -> Option<Option<u32>> {
    if text.is_empty() {
        return Some(None);
    }
    number(text).map(|limit| (limit > 0).then_some(limit))
}

/// First, last, step.
fn parse_part(text: &str) -> Option<(u32, u32, u32)> {
    let (range, step) = match text.split_once(':') {
        Some((range, step)) => (range, number(step).filter(|s| *s > 0)?),
        None => (text, 1),
    };
    let (first, last) = match range.split_once('-') {
        Some((first, last)) => (number(first)?, number(last)?),
        None if text.contains(':') => return None,
        None => (number(range)?, number(range)?),
    };
    (first <= last).then_some((first, last, step))
}

fn number(text: &str) -> Option<u32> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Every id once, ascending; nothing if the parts name more ids than an array may have, counting repeats.
fn union(parts: &[(u32, u32, u32)]) -> Option<Vec<u32>> {
    let total: u64 = parts.iter().map(|(first, last, step)| u64::from((last - first) / step + 1)).sum();
    if total > u64::from(ARRAY_IDS_MAX) {
        return None;
    }
    let mut ids: Vec<u32> =
        parts.iter().flat_map(|(first, last, step)| (*first..=*last).step_by(*step as usize)).collect();
    ids.sort_unstable();
    ids.dedup();
    Some(ids)
}

/// Ascending ids as Slurm prints them: `1-3,7`, `10-100:10`, and `...` at the end where `bytes_max` (0: none) cuts.
#[must_use]
pub fn print_ids(ids: &[u32], bytes_max: usize) -> String {
    let list = list_form(ids);
    let text = match step_form(ids) {
        Some(short) if list.len() >= STEP_FORM_BYTES_MIN => short,
        _ => list,
    };
    if bytes_max == 0 || text.len() < bytes_max {
        return text;
    }
    let kept = bytes_max.saturating_sub(4).min(text.len());
    format!("{}...", &text[..kept])
}

fn list_form(ids: &[u32]) -> String {
    let mut out = String::new();
    for run in ids.chunk_by(|a, b| a.checked_add(1) == Some(*b)) {
        let comma = if out.is_empty() { "" } else { "," };
        let written = match run {
            [one] => write!(out, "{comma}{one}"),
            [first, .., last] => write!(out, "{comma}{first}-{last}"),
            [] => Ok(()),
        };
        written.expect("writing to a String cannot fail");
    }
    out
}

/// `first-last:step` of three and more ids that are more than one apart.
fn step_form(ids: &[u32]) -> Option<String> {
    let [first, second, .., last] = ids else { return None };
    let step = second - first;
    let even = step > 1 && ids.windows(2).all(|pair| pair[1] - pair[0] == step);
    even.then(|| format!("{first}-{last}:{step}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_print_as_squeue_prints_them() {
        for (text, shown) in [
            ("1-20%4", "1-20%4"),
            ("0-15:4", "0,4,8,12"),
            ("1,3,5-9:2%2", "1,3,5,7,9%2"),
            ("5", "5"),
            ("1-3,2", "1-3"),
            ("3,1", "1,3"),
            ("1-5%0", "1-5"),
            ("1-5%", "1-5"),
            ("[1-5]", "1-5"),
            ("0-10:5,20", "0,5,10,20"),
            ("10-100:10", "10-100:10"),
            ("0-40:10", "0,10,20,30,40"),
            ("0-50:10", "0-50:10"),
            ("1-11:2", "1,3,5,7,9,11"),
            ("1-13:2", "1-13:2"),
            ("0,4,8,12,16,20", "0-20:4"),
            ("1-4:2,9", "1,3,9"),
            ("1-6:2,7-9", "1,3,5,7-9"),
            ("00-03", "0-3"),
            ("0-1000:7", "0-994:7"),
            ("1-1000:2%5", "1-999:2%5"),
        ] {
            let spec = ArraySpec::parse(text, 1001).unwrap();
            assert_eq!(spec.to_string(), shown, "{text}");
            assert_eq!(ArraySpec::parse(&format!("[{shown}]"), 1001), Ok(spec));
        }
    }

    #[test]
    fn nonsense_says_where() {
        for (text, position) in [
            ("", 0),
            ("a", 0),
            ("1-", 0),
            ("1-5:0", 0),
            ("5-1", 0),
            ("1--3", 0),
            ("1 ,2", 0),
            ("1,2,x", 4),
            ("1-1001", 0),
            ("1,2%x", 4),
            ("[1-2", 4),
            ("5:2", 0),
            ("4294967296", 0),
        ] {
            assert_eq!(ArraySpec::parse(text, 1001), Err(ArrayError { position }), "{text}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        let ids =
            [1, 2, 4, 7, 11, 16, 22, 29, 37, 46, 56, 67, 79, 92, 106, 121, 137, 154, 172, 191, 211, 232, 254, 277, 301];
        assert_eq!(
            print_ids(&ids, TEXT_BYTES_DEFAULT),
            "1-2,4,7,11,16,22,29,37,46,56,67,79,92,106,121,137,154,172,19..."
        );
    }
}
