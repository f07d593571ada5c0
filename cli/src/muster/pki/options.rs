//! What may stand behind every command.

use std::path::PathBuf;

use muster_channel::tls::WARN_DAYS;

use super::error::PkiError;

/// Longest validity, days: 30 years.
const DAYS_MAX: u64 = 30 * 365;

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) dir: Option<PathBuf>,
    /// Validity of what is made.
    pub(super) days: Option<u64>,
    /// What ends within so many days is renewed.
    pub(super) within: Option<u64>,
    pub(super) all: bool,
}

impl Options {
    /// The words that are none, and the options.
    pub(super) fn take<'a>(words: &[&'a str]) -> Result<(Vec<&'a str>, Self), PkiError> {
        let (mut plain, mut options) = (Vec::new(), Self::default());
        let mut words = words.iter().copied();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| PkiError::Usage(format!("{word} wants a value")));
            match word {
                "--dir" => {
                    let dir = std::path::absolute(value()?);
                    options.dir = Some(dir.map_err(|why| PkiError::Usage(format!("--dir: {why}")))?);
                }
                "--days" => options.days = Some(days(word, value()?)?.max(1)),
                "--within" => options.within = Some(days(word, value()?)?),
                "--all" => options.all = true,
                other if other.starts_with('-') => return Err(PkiError::Usage(format!("no such option: {other}"))),
                other => plain.push(other),
            }
        }
        Ok((plain, options))
    }

    pub(super) fn within_days(&self) -> u64 {
        self.within.unwrap_or(WARN_DAYS)
    }
}

fn days(option: &str, text: &str) -> Result<u64, PkiError> {
    let days = text.parse().ok().filter(|days| *days <= DAYS_MAX);
    days.ok_or_else(|| PkiError::Usage(format!("{option} {text}: a number of days up to {DAYS_MAX}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_may_stand_anywhere_and_nonsense_is_refused() {
        let (words, options) = Options::take(&["issue", "--days", "7", "node", "n1", "--dir", "/x"]).unwrap();
        assert_eq!((words, options.days, options.dir), (vec!["issue", "node", "n1"], Some(7), Some("/x".into())));
        for bad in [&["--days"][..], &["--days", "-1"], &["--days", "999999"], &["--what"]] {
            assert!(Options::take(bad).is_err(), "{bad:?}");
        }
    }
}
