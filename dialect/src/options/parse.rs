//! The parser.

use std::fmt;

use thiserror::Error;

use super::{Opt, Table, Takes};

/// Where words that are no options may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operands {
    /// The first ends the options: `srun -n2 ls -l`.
    EndOptions,
    /// Options may follow them: `scontrol show job 5 -o`.
    Anywhere,
}

/// What follows an error message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    None,
    TryHelp,
}

/// One option of a command line, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub opt: &'static Opt,
    pub value: Option<String>,
}

impl Found {
    /// The option's name, spellings unified.
    #[must_use]
    pub fn means(&self) -> &'static str {
        self.opt.means
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parsed {
    pub options: Vec<Found>,
    pub operands: Vec<String>,
}

impl Parsed {
    /// The last value given for an option; `Some(None)` if it came without one.
    #[must_use]
    pub fn last(&self, means: &str) -> Option<Option<&str>> {
        self.options.iter().rev().find(|found| found.opt.means == means).map(|found| found.value.as_deref())
    }

    #[must_use]
    pub fn has(&self, means: &str) -> bool {
        self.last(means).is_some()
    }
}

/// What is wrong with a command line. Displays as glibc and Slurm print it, one or two lines without a final newline.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct OptionError {
    pub command: String,
    pub kind: OptionErrorKind,
    /// Index of the word.
    pub word: usize,
    hint: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionErrorKind {
    /// The word without dashes.
    Unrecognized(String),
    /// The word without dashes, and the options that it abbreviates.
    Ambiguous(String, Vec<&'static str>),
    NoValueAllowed(&'static str),
    ValueMissing(&'static str),
    ShortUnknown(char),
    ShortValueMissing(char),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let command = &self.command;
        match &self.kind {
            OptionErrorKind::Unrecognized(word) => write!(f, "{command}: unrecognized option '--{word}'"),
            OptionErrorKind::Ambiguous(word, possible) => {
                write!(f, "{command}: option '--{word}' is ambiguous; possibilities:")?;
                possible.iter().try_for_each(|long| write!(f, " '--{long}'"))
            }
            OptionErrorKind::NoValueAllowed(long) => {
                write!(f, "{command}: option '--{long}' doesn't allow an argument")
            }
            OptionErrorKind::ValueMissing(long) => write!(f, "{command}: option '--{long}' requires an argument"),
            OptionErrorKind::ShortUnknown(c) => write!(f, "{command}: invalid option -- '{c}'"),
            OptionErrorKind::ShortValueMissing(c) => write!(f, "{command}: option requires an argument -- '{c}'"),
        }?;
        if self.hint { write!(f, "\nTry \"{command} --help\" for more information") } else { Ok(()) }
    }
}

/// Reads the words after the command's name.
pub fn parse(table: &Table, words: &[String]) -> Result<Parsed, OptionError> {
    let mut reader = Reader { table, words, at: 0, parsed: Parsed::default() };
    while reader.at < words.len() {
        let word = words[reader.at].as_str();
        reader.at += 1;
        if word == "--" {
            break;
        } else if let Some(long) = word.strip_prefix("--") {
            reader.long(long)?;
        } else if word.len() > 1 && word.starts_with('-') {
            reader.shorts(&word[1..])?;
        } else if table.operands() == Operands::EndOptions {
            reader.at -= 1;
            break;
        } else {
            reader.parsed.operands.push(word.to_owned());
        }
    }
    reader.parsed.operands.extend_from_slice(&words[reader.at..]);
    Ok(reader.parsed)
}

struct Reader<'a> {
    table: &'a Table,
    words: &'a [String],
    /// The word after the one at hand.
    at: usize,
    parsed: Parsed,
}

impl Reader<'_> {
    fn long(&mut self, word: &str) -> Result<(), OptionError> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word, None),
        };
        let opt = self.find_long(name, word)?;
        let value = match (opt.takes, value) {
            (Takes::No, Some(_)) => return Err(self.fail(OptionErrorKind::NoValueAllowed(opt.long))),
            (Takes::Required, None) => {
                Some(self.next_word().ok_or_else(|| self.fail(OptionErrorKind::ValueMissing(opt.long)))?)
            }
            (_, value) => value,
        };
        self.parsed.options.push(Found { opt, value });
        Ok(())
    }

    /// Exact names win; else any beginning that leads to one option only, under however many spellings.
    fn find_long(&self, name: &str, word: &str) -> Result<&'static Opt, OptionError> {
        if let Some(exact) = self.table.find(name) {
            return Ok(exact);
        }
        let begins = |opt: &&Opt| !opt.long.is_empty() && opt.long.starts_with(name);
        let possible: Vec<&'static Opt> = self.table.options.iter().filter(begins).collect();
        match possible.as_slice() {
            [] => Err(self.fail(OptionErrorKind::Unrecognized(word.to_owned()))),
            [first, rest @ ..] if rest.iter().all(|opt| opt.means == first.means) => Ok(first),
            _ => {
                let names = possible.iter().map(|opt| opt.long).collect();
                Err(self.fail(OptionErrorKind::Ambiguous(word.to_owned(), names)))
            }
        }
    }

    /// `-n4`, `-vvQ`, `-Hn 4`.
    fn shorts(&mut self, cluster: &str) -> Result<(), OptionError> {
        for (at, c) in cluster.char_indices() {
            let opt = self.table.find_short(c).ok_or_else(|| self.fail(OptionErrorKind::ShortUnknown(c)))?;
            let rest = &cluster[at + c.len_utf8()..];
            let value = match opt.takes {
                Takes::No => None,
                Takes::Optional => (!rest.is_empty()).then(|| rest.to_owned()),
                Takes::Required if rest.is_empty() => {
                    Some(self.next_word().ok_or_else(|| self.fail(OptionErrorKind::ShortValueMissing(c)))?)
                }
                Takes::Required => Some(rest.to_owned()),
            };
            self.parsed.options.push(Found { opt, value });
            if opt.takes != Takes::No {
                break;
            }
        }
        Ok(())
    }

    fn next_word(&mut self) -> Option<String> {
        let word = self.words.get(self.at)?.clone();
        self.at += 1;
        Some(word)
    }

    fn fail(&self, kind: OptionErrorKind) -> OptionError {
        OptionError {
            command: self.table.command.to_owned(),
            kind,
            word: self.at.saturating_sub(1),
            hint: self.table.hint() == Hint::TryHelp,
        }
    }
}
