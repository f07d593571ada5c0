//! Expression → names.

use thiserror::Error;

/// Most hosts that one expression may name.
pub const HOSTS_MAX: usize = 65_536;
/// Longest host name, in bytes.
pub const NAME_BYTES_MAX: usize = 255;
/// Most bracket groups in one item: each multiplies the hosts, so more only hides a mistake.
const GROUPS_MAX: usize = 16;
/// Longest number in a range, in digits, padding included.
const RANGE_DIGITS_MAX: usize = 18;

/// Why an expression names no hosts. `position` is the byte where the trouble starts.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostlistError {
    #[error("Invalid range: `{range}'")]
    InvalidRange { range: String, position: usize },
    #[error("Too many hosts in range `{range}'")]
    RangeTooLarge { range: String, position: usize },
    #[error("More than {HOSTS_MAX} hosts")]
    TooManyHosts { position: usize },
    #[error("No closing bracket")]
    Unclosed { position: usize },
    #[error("More than {GROUPS_MAX} bracket groups")]
    TooManyGroups { position: usize },
    #[error("Host name longer than {NAME_BYTES_MAX} bytes")]
    NameTooLong { position: usize },
}

/// Expands an expression, in the order written, duplicates kept. Empty items are ignored, so "" is an empty list.
///
/// Text after the last bracket is accepted (`n[1-2]-ib`), which 22.05 refuses and newer releases accept.
pub fn parse(expression: &str) -> Result<Vec<String>, HostlistError> {
    let mut hosts = Vec::new();
    for item in items(expression)? {
        expand_item(expression, item, &mut hosts)?;
    }
    Ok(hosts)
}

/// Byte ranges of the items: separated by commas and blanks outside brackets.
fn items(expression: &str) -> Result<Vec<(usize, usize)>, HostlistError> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut open = None;
    for (at, c) in expression.char_indices() {
        match c {
            '[' if open.is_none() => open = Some(at),
            ']' => open = None,
            _ if open.is_none() && (c == ',' || c.is_whitespace()) => {
                if start < at {
                    found.push((start, at));
                }
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    if let Some(position) = open {
        return Err(HostlistError::Unclosed { position });
    }
    if start < expression.len() {
        found.push((start, expression.len()));
    }
    if found.len() > HOSTS_MAX {
        return Err(HostlistError::TooManyHosts { position: found[HOSTS_MAX].0 });
    }
    Ok(found)
}

/// A bracket group and the text before it.
struct Group<'a> {
    before: &'a str,
    ranges: Vec<Range>,
    hosts: usize,
}

/// `low-high` with at least `width` digits.
#[derive(Clone, Copy)]
struct Range {
    low: u64,
    high: u64,
    width: usize,
}

fn expand_item(whole: &str, (start, end): (usize, usize), hosts: &mut Vec<String>) -> Result<(), HostlistError> {
    let (groups, after) = groups(whole, start, end)?;
    let literal = groups.iter().map(|g| g.before.len()).sum::<usize>() + after.len();
    let digits = groups.iter().flat_map(|g| g.ranges.iter().map(|r| r.width).max()).sum::<usize>();
    if literal + digits > NAME_BYTES_MAX {
        return Err(HostlistError::NameTooLong { position: start });
    }
    let mut total = 1_usize;
    for group in &groups {
        total = total.saturating_mul(group.hosts);
    }
    if hosts.len().saturating_add(total) > HOSTS_MAX {
        return Err(HostlistError::TooManyHosts { position: start });
    }
    append_product(&groups, after, String::new(), hosts);
    Ok(())
}

/// Every combination of the groups, the last one fastest.
fn append_product(groups: &[Group<'_>], after: &str, so_far: String, hosts: &mut Vec<String>) {
    let Some((group, rest)) = groups.split_first() else {
        hosts.push(so_far + after);
        return;
    };
    for range in &group.ranges {
        for number in range.low..=range.high {
            let name = format!("{so_far}{}{number:0width$}", group.before, width = range.width);
            append_product(rest, after, name, hosts);
        }
    }
}

fn groups(whole: &str, start: usize, end: usize) -> Result<(Vec<Group<'_>>, &str), HostlistError> {
    let mut groups = Vec::new();
    let mut at = start;
    while let Some(open) = whole[at..end].find('[').map(|i| at + i) {
        let close = whole[open..end].find(']').map(|i| open + i).ok_or(HostlistError::Unclosed { position: open })?;
        if groups.len() == GROUPS_MAX {
            return Err(HostlistError::TooManyGroups { position: open });
        }
        let (ranges, hosts) = ranges(&whole[open + 1..close], open + 1)?;
        groups.push(Group { before: &whole[at..open], ranges, hosts });
        at = close + 1;
    }
    Ok((groups, &whole[at..end]))
}

fn ranges(text: &str, position: usize) -> Result<(Vec<Range>, usize), HostlistError> {
    let mut found = Vec::new();
    let mut hosts = 0_usize;
    let mut at = position;
    for part in text.split(',') {
        let range = range(part, at)?;
        let count = range.high - range.low + 1;
        if count > HOSTS_MAX as u64 {
            return Err(HostlistError::RangeTooLarge { range: part.to_owned(), position: at });
        }
        hosts += count as usize;
        if hosts > HOSTS_MAX {
            return Err(HostlistError::TooManyHosts { position: at });
        }
        found.push(range);
        at += part.len() + 1;
    }
    Ok((found, hosts))
}

/// `8`, `08-11` or `1-` (which Slurm reads as 1). The width is that of the low bound.
fn range(text: &str, position: usize) -> Result<Range, HostlistError> {
    let bad = || HostlistError::InvalidRange { range: text.to_owned(), position };
    let (low_text, high_text) = text.split_once('-').unwrap_or((text, ""));
    let low = number(low_text).ok_or_else(bad)?;
    let high = if high_text.is_empty() { low } else { number(high_text).ok_or_else(bad)? };
    if high < low {
        return Err(bad());
    }
    Ok(Range { low, high, width: low_text.len() })
}

fn number(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > RANGE_DIGITS_MAX || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
