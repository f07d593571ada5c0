//! Reads the root file and what it includes, in order, within stated bounds.

use super::diagnostics::{Findings, Place};
use super::lexer::{self, Line, Pair};
use super::source::Source;

/// Files may include one another this deep.
const INCLUDE_DEPTH_MAX: usize = 8;
/// One configuration follows at most this many includes, repeats counted: nesting must not multiply without end.
const INCLUDES_MAX: usize = 256;
/// One file holds at most this many bytes.
const FILE_BYTES_MAX: usize = 8 << 20;

/// Reads files through a [`Source`] and keeps what it read.
pub(super) struct Library<'a> {
    source: &'a dyn Source,
    /// Where relative names are looked up: the directory of the root file, as slurm.conf(5) says.
    directory: String,
    is_key: &'a dyn Fn(&str) -> bool,
    cluster: Option<String>,
    includes: usize,
    files: Vec<(String, String)>,
}

impl<'a> Library<'a> {
    pub(super) fn new(source: &'a dyn Source, root_path: &str, is_key: &'a dyn Fn(&str) -> bool) -> Self {
        let directory = root_path.rfind('/').map(|slash| root_path[..=slash].to_string()).unwrap_or_default();
        Library { source, directory, is_key, cluster: None, includes: 0, files: Vec::new() }
    }

    /// The lines of the root file with its includes in place; `None` if the root itself cannot be read.
    pub(super) fn read_root(&mut self, path: &str, findings: &mut Findings) -> Option<Vec<Vec<Pair>>> {
        let file = findings.open(path);
        let at = Place { file, line: 0, column: 0 };
        let text = self.load(path, at, findings)?;
        let mut lines = Vec::new();
        self.expand(&text, file, &mut vec![path.to_string()], &mut lines, findings);
        Some(lines)
    }

    /// The lines of a sister file (`gres.conf`), which stands in the same directory and may be absent.
    pub(super) fn read_sister(&mut self, name: &str, findings: &mut Findings) -> Vec<Vec<Pair>> {
        let path = format!("{}{name}", self.directory);
        match self.source.read_if_present(&path) {
            Ok(None) => Vec::new(),
            Ok(Some(text)) => {
                let file = findings.open(&path);
                let mut lines = Vec::new();
                if self.keep(&path, &text, Place { file, line: 0, column: 0 }, findings) {
                    self.expand(&text, file, &mut vec![path], &mut lines, findings);
                }
                lines
            }
            Err(why) => {
                let file = findings.open(&path);
                findings.error(Place { file, line: 0, column: 0 }, format!("cannot read: {why}"));
                Vec::new()
            }
        }
    }

    /// Every file that was read, once each, in the order of first reading.
    pub(super) fn into_files(self) -> Vec<(String, String)> {
        self.files
    }

    fn expand(
        &mut self,
        text: &str,
        file: u32,
        stack: &mut Vec<String>,
        lines: &mut Vec<Vec<Pair>>,
        findings: &mut Findings,
    ) {
        for line in lexer::lex(text, file, self.is_key, findings) {
            match line {
                Line::Pairs(pairs) => {
                    self.learn_cluster(&pairs);
                    lines.push(pairs);
                }
                Line::Include { path, at } => self.include(&path, at, stack, lines, findings),
            }
        }
    }

    /// `%c` in an include stands for the cluster name given above it.
    fn learn_cluster(&mut self, pairs: &[Pair]) {
        if let Some(pair) = pairs.iter().find(|pair| pair.key.eq_ignore_ascii_case("ClusterName")) {
            self.cluster = Some(pair.value.to_ascii_lowercase());
        }
    }

    fn include(
        &mut self,
        written: &str,
        at: Place,
        stack: &mut Vec<String>,
        lines: &mut Vec<Vec<Pair>>,
        findings: &mut Findings,
    ) {
        let Some(path) = self.resolve(written, at, findings) else { return };
        if stack.contains(&path) {
            return findings.error(at, format!("{path} includes itself"));
        }
        if stack.len() >= INCLUDE_DEPTH_MAX {
            return findings.error(at, format!("files include one another more than {INCLUDE_DEPTH_MAX} deep"));
        }
        self.includes += 1;
        if self.includes > INCLUDES_MAX {
            return findings.error(at, format!("more than {INCLUDES_MAX} includes"));
        }
        let Some(text) = self.load(&path, at, findings) else { return };
        let file = findings.open(&path);
        stack.push(path);
        self.expand(&text, file, stack, lines, findings);
        stack.pop();
    }

    fn resolve(&self, written: &str, at: Place, findings: &mut Findings) -> Option<String> {
        let mut path = written.to_string();
        if path.contains("%c") {
            let Some(cluster) = &self.cluster else {
                findings.error(at, "%c in an Include needs a ClusterName above it");
                return None;
            };
            path = path.replace("%c", cluster);
        }
        if path.is_empty() {
            findings.error(at, "Include names no file");
            return None;
        }
        Some(if path.starts_with('/') { path } else { format!("{}{path}", self.directory) })
    }

    fn load(&mut self, path: &str, at: Place, findings: &mut Findings) -> Option<String> {
        match self.source.read(path) {
            Ok(text) => self.keep(path, &text, at, findings).then_some(text),
            Err(why) => {
                findings.error(at, format!("cannot read {path}: {why}"));
                None
            }
        }
    }

    fn keep(&mut self, path: &str, text: &str, at: Place, findings: &mut Findings) -> bool {
        if text.len() > FILE_BYTES_MAX {
            findings.error(at, format!("{path} is larger than {FILE_BYTES_MAX} bytes"));
            return false;
        }
        if !self.files.iter().any(|(known, _)| known == path) {
            self.files.push((path.to_string(), text.to_string()));
        }
        true
    }
}
