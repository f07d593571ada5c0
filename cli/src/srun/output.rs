//! Prints what tasks write: to this command's own streams or to files, with labels where the user wants them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};

use super::streams::Opened;

/// A labelled line is printed at the latest when it is this long, bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Where output goes, and what is not printed yet.
pub(super) struct Printer {
    opened: Opened,
    /// Width of the task numbers; none without labels.
    label: Option<usize>,
    /// Chunks are printed as they come, each as a line.
    unbuffered: bool,
    /// A terminal shows its first task only.
    only: Option<u32>,
    /// Unfinished lines, by task and stream.
    open: BTreeMap<(u32, bool), Vec<u8>>,
}

impl Printer {
    pub(super) fn new(opened: Opened, label: Option<usize>, unbuffered: bool, only: Option<u32>) -> Self {
        Self { opened, label, unbuffered, only, open: BTreeMap::new() }
    }

    /// A task wrote something.
    ///
    /// # Errors
    /// Nobody reads it any more.
    pub(super) fn write(&mut self, task: u32, stderr: bool, data: &[u8]) -> io::Result<()> {
        if self.only.is_some_and(|only| only != task) {
            return Ok(());
        }
        let Some(width) = self.label else { return self.put(stderr, data) };
        let mut line = self.open.remove(&(task, stderr)).unwrap_or_default();
        let mut out = Vec::new();
        for piece in data.split_inclusive(|byte| *byte == b'\n') {
            line.extend_from_slice(piece);
            if line.ends_with(b"\n") || line.len() > LINE_BYTES_MAX {
                labelled(&mut out, width, task, &std::mem::take(&mut line));
            }
        }
        if self.unbuffered && !line.is_empty() {
            labelled(&mut out, width, task, &std::mem::take(&mut line));
        }
        if !line.is_empty() {
            self.open.insert((task, stderr), line);
        }
        self.put(stderr, &out)
    }

    /// A line of the supervisor, on standard error, labelled as its node's first task.
    pub(super) fn notice(&mut self, task: u32, text: &str) {
        let mut out = Vec::new();
        for line in text.lines() {
            match self.label {
                Some(width) => labelled(&mut out, width, task, line.as_bytes()),
                None => out.extend_from_slice(format!("{line}\n").as_bytes()),
            }
        }
        let _closed = self.put(true, &out);
    }

    /// A task writes no more: what it left unfinished is a line.
    pub(super) fn finish(&mut self, task: u32) {
        for stderr in [false, true] {
            if let (Some(line), Some(width)) = (self.open.remove(&(task, stderr)), self.label) {
                let mut out = Vec::new();
                labelled(&mut out, width, task, &line);
                let _closed = self.put(stderr, &out);
            }
        }
    }

    /// Everything that is left.
    pub(super) fn finish_all(&mut self) {
        let tasks: Vec<u32> = self.open.keys().map(|(task, _)| *task).collect();
        tasks.into_iter().for_each(|task| self.finish(task));
    }

    fn put(&mut self, stderr: bool, data: &[u8]) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let file: Option<&mut File> = if stderr { self.opened.error.as_mut() } else { self.opened.output.as_mut() };
        match file {
            Some(file) => file.write_all(data),
            None if stderr => io::stderr().lock().write_all(data),
            None => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(data)?;
                stdout.flush()
            }
        }
    }
}

/// `0: text`, numbers right-aligned, always a whole line.
fn labelled(out: &mut Vec<u8>, width: usize, task: u32, line: &[u8]) {
    out.extend_from_slice(format!("{task:width$}: ").as_bytes());
    out.extend_from_slice(line);
    if !line.ends_with(b"\n") {
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek};

    fn printed(label: Option<usize>, unbuffered: bool, work: impl FnOnce(&mut Printer)) -> String {
        let file = tempfile::tempfile().expect("a file");
        let opened = Opened { output: Some(file.try_clone().expect("a copy")), error: None };
        let mut printer = Printer::new(opened, label, unbuffered, None);
        work(&mut printer);
        let mut file = file;
        file.rewind().expect("a file can");
        let mut text = String::new();
        file.read_to_string(&mut text).expect("text");
        text
    }

    #[test]
    fn labels_wait_for_whole_lines() {
        let text = printed(Some(2), false, |printer| {
            printer.write(1, false, b"ab").expect("open");
            printer.write(0, false, b"x\ny\n").expect("open");
            printer.write(1, false, b"c\nrest").expect("open");
            printer.finish(1);
        });
        assert_eq!(text, " 0: x\n 0: y\n 1: abc\n 1: rest\n");
    }

    #[test]
    fn unbuffered_chunks_are_lines_of_their_own() {
        let text = printed(Some(1), true, |printer| {
            printer.write(0, false, b"abc").expect("open");
            printer.write(0, false, b"def\n").expect("open");
        });
        assert_eq!(text, "0: abc\n0: def\n");
    }

    #[test]
    fn without_labels_bytes_are_bytes() {
        let text = printed(None, false, |printer| printer.write(0, false, b"a\0b").expect("open"));
        assert_eq!(text, "a\0b");
    }
}
