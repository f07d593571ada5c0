//! What a key's value may be: one closed list of kinds, each with its parser and its printed form.

use std::fmt;

use super::spelling;
use crate::time::TimeLimit;

/// What values a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A comma list that is passed on as written.
    List,
    /// Programs, one a line: the key may stand on several.
    Programs,
    /// A comma list of documented words, each perhaps with `=value`; another word warns, since Slurm ignores it.
    Options(&'static [&'static str]),
    /// A comma list of exactly these words; another word is an error. Kept in the order of this list.
    Flags(&'static [&'static str]),
    /// As [`Kind::Flags`], but kept in the order written.
    Words(&'static [&'static str]),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A plugin of this family, written `family/name` or `name`.
    Plugin(&'static str, &'static [&'static str]),
    /// A comma list of plugins of this family.
    Plugins(&'static str, &'static [&'static str]),
    /// yes, no, and the other words that Slurm takes for them.
    Bool,
    /// A whole number up to this maximum, decimal or `0x`; UNLIMITED and INFINITE are accepted.
    Number(u64),
    /// As [`Kind::Number`], where "unlimited" would make no sense.
    Count(u64),
    /// A length of time in one of the forms of `--time`, rounded up to minutes.
    Span,
    /// A log level by name or number.
    Level,
    /// A TCP port or a range of them.
    Ports,
}

/// A value that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Text(String),
    List(Vec<String>),
    Number(u64),
    Span(TimeLimit),
    Unlimited,
    Bool(bool),
    Ports(u16, u16),
}

/// Log levels in the order of their numbers.
pub(super) const LEVELS: [&str; 10] =
    ["quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3", "debug4", "debug5"];

/// What there is to say about a value.
pub(super) enum Remark {
    Error(String),
    Warning(String),
}

/// Of one list, at most this many bad words are reported.
const REMARKS_MAX: usize = 32;

impl Kind {
    /// True of keys that may stand several times, each adding to the value.
    pub(super) fn repeats(self) -> bool {
        self == Kind::Programs
    }

    /// Reads `text`, which stands for the value of `key`. Without a value, at least one remark is an error.
    pub(super) fn parse(self, key: &str, text: &str) -> (Option<Value>, Vec<Remark>) {
        match self {
            Kind::Options(known) => options(key, text, known),
            Kind::Flags(known) => flags(key, text, known),
            Kind::Words(known) => words(key, text, known),
            Kind::Plugins(family, known) => plugins(key, text, family, known),
            _ => match self.parse_single(key, text) {
                Ok(value) => (Some(value), Vec::new()),
                Err(why) => (None, vec![Remark::Error(why)]),
            },
        }
    }

    fn parse_single(self, key: &str, text: &str) -> Result<Value, String> {
        Ok(match self {
            Kind::Text => Value::Text(text.to_string()),
            Kind::Programs => Value::List(vec![text.to_string()]),
            Kind::List | Kind::Options(_) | Kind::Flags(_) | Kind::Words(_) | Kind::Plugins(..) => {
                Value::List(items(text))
            }
            Kind::Choice(known) => Value::Text(choice(key, text, known)?),
            Kind::Plugin(family, known) => Value::Text(plugin(key, text, family, known)?),
            Kind::Bool => Value::Bool(boolean(key, text)?),
            Kind::Number(max) => number(key, text, max)?,
            Kind::Count(max) => match number(key, text, max)? {
                Value::Unlimited => return Err(format!("{key} value ({text}) is not a valid number")),
                count => count,
            },
            Kind::Span => span(key, text)?,
            Kind::Level => Value::Text(level(key, text)?.to_string()),
            Kind::Ports => ports(key, text)?,
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::List(items) => f.write_str(&items.join(",")),
            Value::Number(number) => write!(f, "{number}"),
            Value::Span(limit) => write!(f, "{limit}"),
            Value::Unlimited => f.write_str("UNLIMITED"),
            Value::Bool(true) => f.write_str("Yes"),
            Value::Bool(false) => f.write_str("No"),
            Value::Ports(low, high) if low == high => write!(f, "{low}"),
            Value::Ports(low, high) => write!(f, "{low}-{high}"),
        }
    }
}

fn items(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_string).collect()
}

fn options(key: &str, text: &str, known: &'static [&'static str]) -> (Option<Value>, Vec<Remark>) {
    let list = items(text);
    let words = list.iter().map(|item| item.split('=').next().unwrap_or_default());
    let unknown = words.filter(|word| !known.iter().any(|known| known.eq_ignore_ascii_case(word)));
    let remarks = unknown.take(REMARKS_MAX).map(|word| {
        let hint = spelling::hint(word, known.iter().copied());
        Remark::Warning(format!("{key} has no option \"{word}\": it is ignored{hint}"))
    });
    let remarks = remarks.collect();
    (Some(Value::List(list)), remarks)
}

fn flags(key: &str, text: &str, known: &'static [&'static str]) -> (Option<Value>, Vec<Remark>) {
    let mut on = vec![false; known.len()];
    let mut remarks = Vec::new();
    for item in items(text) {
        match known.iter().position(|known| known.eq_ignore_ascii_case(&item)) {
            Some(index) => on[index] = true,
            None if remarks.len() < REMARKS_MAX => remarks.push(Remark::Error(invalid(key, &item, known))),
            None => {}
        }
    }
    let chosen = known.iter().zip(on).filter(|(_, on)| *on).map(|(word, _)| (*word).to_string());
    (Some(Value::List(chosen.collect())), remarks)
}

fn words(key: &str, text: &str, known: &'static [&'static str]) -> (Option<Value>, Vec<Remark>) {
    let (mut chosen, mut remarks) = (Vec::new(), Vec::new());
    for item in items(text) {
        match known.iter().find(|known| known.eq_ignore_ascii_case(&item)) {
            Some(word) => chosen.push((*word).to_string()),
            None if remarks.len() < REMARKS_MAX => remarks.push(Remark::Error(invalid(key, &item, known))),
            None => {}
        }
    }
    (Some(Value::List(chosen)), remarks)
}

fn plugins(key: &str, text: &str, family: &str, known: &'static [&'static str]) -> (Option<Value>, Vec<Remark>) {
    let list = items(text);
    let faults = list.iter().filter_map(|name| plugin(key, name, family, known).err());
    let remarks = faults.take(REMARKS_MAX).map(Remark::Error).collect();
    (Some(Value::List(list)), remarks)
}

fn choice(key: &str, text: &str, known: &'static [&'static str]) -> Result<String, String> {
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(text));
    found.map(|word| (*word).to_string()).ok_or_else(|| invalid(key, text, known))
}

fn plugin(key: &str, text: &str, family: &str, known: &'static [&'static str]) -> Result<String, String> {
    let name = text.strip_prefix(family).and_then(|rest| rest.strip_prefix('/')).unwrap_or(text);
    let found = known.iter().find(|known| known.eq_ignore_ascii_case(name));
    found.map(|name| format!("{family}/{name}")).ok_or_else(|| invalid(key, text, known))
}

fn invalid(key: &str, text: &str, known: &'static [&'static str]) -> String {
    let hint = spelling::hint(text, known.iter().copied());
    let expected = if known.len() <= 12 { format!(" (expected {})", known.join(", ")) } else { String::new() };
    format!("{key} cannot be \"{text}\"{hint}{expected}")
}

fn boolean(key: &str, text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "up" | "true" | "1" => Ok(true),
        "no" | "down" | "false" | "0" => Ok(false),
        _ => Err(format!("\"{text}\" is not a valid option for \"{key}\" (expected yes or no)")),
    }
}

/// UNLIMITED and INFINITE, which every number and time of slurm.conf takes.
pub(super) fn is_unlimited(text: &str) -> bool {
    text.eq_ignore_ascii_case("unlimited") || text.eq_ignore_ascii_case("infinite")
}

fn number(key: &str, text: &str, max: u64) -> Result<Value, String> {
    if is_unlimited(text) || text == "-1" {
        return Ok(Value::Unlimited);
    }
    if text.starts_with('-') {
        return Err(format!("{key} value ({text}) is less than zero"));
    }
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = hexadecimal.unwrap_or(text);
    let radix = if hexadecimal.is_some() { 16 } else { 10 };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Err(format!("{key} value ({text}) is not a valid number"));
    }
    match u64::from_str_radix(digits, radix) {
        Ok(number) if number <= max => Ok(Value::Number(number)),
        _ => Err(format!("{key} value ({text}) is greater than {max}")),
    }
}

fn level(key: &str, text: &str) -> Result<&'static str, String> {
    if let Ok(number) = text.parse::<usize>() {
        return Ok(LEVELS[number.min(LEVELS.len() - 1)]);
    }
    let found = LEVELS.into_iter().find(|level| level.eq_ignore_ascii_case(text));
    found.ok_or_else(|| format!("Invalid {key} {text} (expected quiet, fatal, error, info, verbose, debug to debug5)"))
}

fn ports(key: &str, text: &str) -> Result<Value, String> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (low.parse::<u16>(), high.parse::<u16>()) {
        (Ok(low), Ok(high)) if low <= high => Ok(Value::Ports(low, high)),
        _ => Err(format!("{key} value ({text}) is not a port or a range of ports")),
    }
}

/// Lengths of time have the forms of `--time`.
fn span(key: &str, text: &str) -> Result<Value, String> {
    let limit = TimeLimit::parse(text);
    limit
        .map(Value::Span)
        .map_err(|_| format!("Bad value \"{text}\" for {key} (expected a time such as 30, 12:00:00 or 7-0)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Kind, text: &str) -> String {
        match kind.parse("Key", text) {
            (Some(value), remarks) if remarks.is_empty() => value.to_string(),
            (_, remarks) => remarks
                .iter()
                .map(|remark| match remark {
                    Remark::Error(why) => format!("! {why}"),
                    Remark::Warning(why) => format!("? {why}"),
                })
                .collect::<Vec<_>>()
                .join("; "),
        }
    }

    #[test]
    fn numbers_read_as_slurm_reads_them() {
        assert_eq!(shown(Kind::Number(65535), "0x10"), "16");
        assert_eq!(shown(Kind::Number(65535), "INFINITE"), "UNLIMITED");
        assert_eq!(shown(Kind::Number(65535), "99999"), "! Key value (99999) is greater than 65535");
        assert_eq!(shown(Kind::Number(65535), "-3"), "! Key value (-3) is less than zero");
        assert_eq!(shown(Kind::Number(65535), "4G"), "! Key value (4G) is not a valid number");
    }

    #[test]
    fn spans_have_the_forms_of_time_limits() {
        assert_eq!(shown(Kind::Span, "7-0"), "7-00:00:00");
        assert_eq!(shown(Kind::Span, "infinite"), "UNLIMITED");
        assert!(shown(Kind::Span, "1h").starts_with("! Bad value \"1h\" for Key"));
    }

    #[test]
    fn every_bad_word_of_a_list_is_reported() {
        assert_eq!(shown(Kind::Flags(&["Alloc"]), "a,Alloc,b").matches("! Key cannot be").count(), 2);
        assert_eq!(
            shown(Kind::Options(&["defer", "bf_interval"]), "deferr,bf_interval=3"),
            "? Key has no option \"deferr\": it is ignored; did you mean \"defer\"?"
        );
    }

    #[test]
    fn words_take_their_documented_spelling_and_order() {
        assert_eq!(shown(Kind::Flags(&["Alloc", "X11"]), "x11,alloc"), "Alloc,X11");
        assert_eq!(shown(Kind::Plugin("select", &["linear"]), "Linear"), "select/linear");
        assert_eq!(shown(Kind::Level, "3"), "info");
        assert_eq!(shown(Kind::Level, "88"), "debug5");
        assert_eq!(
            shown(Kind::Choice(&["UP", "DOWN"]), "UPP"),
            "! Key cannot be \"UPP\"; did you mean \"UP\"? (expected UP, DOWN)"
        );
    }
}
