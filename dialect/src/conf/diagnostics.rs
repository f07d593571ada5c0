//! What is wrong with a configuration, and where: all findings at once, each at one place.
//!
//! A reader never stops at its first complaint. It notes it in the [`Findings`] and goes on, so that an
//! administrator corrects a file once.

use std::fmt;

/// More findings than this are counted, not kept: a binary file given by mistake must not fill memory.
const FINDINGS_MAX: usize = 1_000;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Understood and accepted, but this version does not act on it.
    Note,
    /// Accepted, with another meaning than the text suggests: the message says which.
    Warning,
    /// The configuration cannot be used.
    Error,
}

impl Severity {
    /// The lower-case word printed before the message.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One finding. Line and column count from 1; the column counts characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub severity: Severity,
    pub file: String,
    pub line: u32,
    pub column: u32,
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.as_str();
        write!(f, "{}:{}:{}: {severity}: {}", self.file, self.line, self.column, self.message)
    }
}

/// A position in one of the files that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Index into the names that [`Findings::open`] was given.
    pub(super) file: u32,
    pub(super) line: u32,
    pub(super) column: u32,
}

/// Collects findings while the files are read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    files: Vec<String>,
    list: Vec<(Place, Severity, String)>,
    dropped: usize,
}

impl Findings {
    /// Names the next file; places refer to it by the returned index.
    pub(super) fn open(&mut self, path: &str) -> u32 {
        self.files.push(path.to_string());
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// A place as the findings print it: `slurm.conf:4:1`.
    pub(super) fn written(&self, at: Place) -> String {
        let file = self.files.get(at.file as usize).map(String::as_str).unwrap_or_default();
        format!("{file}:{}:{}", at.line, at.column)
    }

    pub(super) fn error(&mut self, at: Place, message: impl Into<String>) {
        self.add(Severity::Error, at, message.into());
    }

    pub(super) fn warn(&mut self, at: Place, message: impl Into<String>) {
        self.add(Severity::Warning, at, message.into());
    }

    pub(super) fn note(&mut self, at: Place, message: impl Into<String>) {
        self.add(Severity::Note, at, message.into());
    }

    /// True when further findings are only counted: then it is not worth working out a hint.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() >= FINDINGS_MAX
    }

    pub(super) fn has_errors(&self) -> bool {
        self.list.iter().any(|(_, severity, _)| *severity == Severity::Error)
    }

    /// The findings in the order of the files and lines they point at.
    pub(super) fn into_list(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|(at, ..)| (at.file, at.line, at.column));
        let mut list: Vec<Diagnostic> =
            self.list.iter().map(|(at, severity, message)| self.diagnostic(*severity, *at, message)).collect();
        if self.dropped > 0 {
            let message = format!("{} more findings are not shown", self.dropped);
            list.push(self.diagnostic(Severity::Error, Place::default(), &message));
        }
        list
    }

    fn add(&mut self, severity: Severity, at: Place, message: String) {
        // One place is kept for an error, so that a flood of notes cannot hide that the file is unusable.
        if self.is_full() && (severity != Severity::Error || self.has_errors()) {
            self.dropped += 1;
            return;
        }
        self.list.push((at, severity, message));
    }

    fn diagnostic(&self, severity: Severity, at: Place, message: &str) -> Diagnostic {
        let file = self.files.get(at.file as usize).cloned().unwrap_or_default();
        Diagnostic { severity, file, line: at.line, column: at.column, message: message.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_limit_are_counted_and_one_error_still_shows() {
        let mut findings = Findings::default();
        findings.open("slurm.conf");
        for _ in 0..FINDINGS_MAX + 5 {
            findings.note(Place::default(), "inert");
        }
        findings.error(Place { file: 0, line: 9, column: 2 }, "bad");
        let list = findings.into_list();
        assert_eq!(list.len(), FINDINGS_MAX + 2);
        assert_eq!(list[FINDINGS_MAX].to_string(), "slurm.conf:9:2: error: bad");
        assert!(list[FINDINGS_MAX + 1].message.starts_with("5 more findings"));
    }
}
