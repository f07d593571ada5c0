//! Names → expression.

use std::cmp::Ordering;
use std::fmt::Write as _;

/// Trailing digits beyond this many stay text: they would not fit a number.
const SUFFIX_DIGITS_MAX: usize = 18;

/// A name as text and trailing number.
#[derive(PartialEq, Eq)]
struct Name<'a> {
    prefix: &'a str,
    /// Value and digits written, if the name ends in a number.
    number: Option<(u64, usize)>,
}

impl<'a> Name<'a> {
    fn of(name: &'a str) -> Self {
        let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
        let (prefix, suffix) = name.split_at(name.len() - digits);
        match suffix.parse() {
            Ok(value) if digits <= SUFFIX_DIGITS_MAX => Name { prefix, number: Some((value, digits)) },
            _ => Name { prefix: name, number: None },
        }
    }

    /// Slurm's order: text, then digits written, then value; so 9 comes before 10, and 2 before 01.
    fn order(&self, other: &Self) -> Ordering {
        let key = |n: &Name<'_>| n.number.map(|(value, width)| (width, value));
        self.prefix.cmp(other.prefix).then(key(self).cmp(&key(other)))
    }
}

fn digits(value: u64) -> usize {
    value.checked_ilog10().unwrap_or(0) as usize + 1
}

/// Merges neighbours that count upwards: `n3,n1,n2` → `n[3,1-2]`. Neither sorts nor drops duplicates.
pub fn fold<S: AsRef<str>>(hosts: &[S]) -> String {
    let mut out = String::new();
    let mut open: Option<Bracket<'_>> = None;
    for host in hosts {
        let name = Name::of(host.as_ref());
        open = match (open, name.number) {
            (Some(mut bracket), Some((value, width))) if bracket.prefix == name.prefix => {
                bracket.push(value, width);
                Some(bracket)
            }
            (previous, number) => {
                finish(previous, &mut out);
                match number {
                    Some((value, width)) => Some(Bracket { prefix: name.prefix, ranges: vec![(value, value, width)] }),
                    None => {
                        append(&mut out, name.prefix);
                        None
                    }
                }
            }
        };
    }
    finish(open, &mut out);
    out
}

/// As [`fold`], of the sorted set of names: how Slurm prints the nodes of a job.
pub fn fold_sorted<S: AsRef<str>>(hosts: &[S]) -> String {
    let mut names: Vec<&str> = hosts.iter().map(AsRef::as_ref).collect();
    sort(&mut names);
    names.dedup();
    fold(&names)
}

/// Sorts as `scontrol show hostlistsorted`: text, then padding, then number. Duplicates stay.
pub fn sort<S: AsRef<str>>(hosts: &mut [S]) {
    hosts.sort_by(|a, b| Name::of(a.as_ref()).order(&Name::of(b.as_ref())));
}

/// Ranges with one prefix, while they grow: (low, high, digits of low).
struct Bracket<'a> {
    prefix: &'a str,
    ranges: Vec<(u64, u64, usize)>,
}

impl Bracket<'_> {
    /// Lengthens the last range if the number continues it and would be written alike, else opens another.
    fn push(&mut self, value: u64, width: usize) {
        if let Some((_, high, low_width)) = self.ranges.last_mut()
            && high.checked_add(1) == Some(value)
            && width == digits(value).max(*low_width)
        {
            *high = value;
            return;
        }
        self.ranges.push((value, value, width));
    }
}

fn finish(bracket: Option<Bracket<'_>>, out: &mut String) {
    let Some(bracket) = bracket else { return };
    append(out, bracket.prefix);
    let single = matches!(bracket.ranges[..], [(low, high, _)] if low == high);
    if !single {
        out.push('[');
    }
    for (i, (low, high, width)) in bracket.ranges.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write!(out, "{low:0width$}").expect("writing to a String cannot fail");
        if high > low {
            write!(out, "-{high:0width$}").expect("writing to a String cannot fail");
        }
    }
    if !single {
        out.push(']');
    }
}

/// Starts the next item.
fn append(out: &mut String, text: &str) {
    if !out.is_empty() {
        out.push(',');
    }
    out.push_str(text);
}
