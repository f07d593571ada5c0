//! From the text of a configuration file to lines of `Key=Value` pairs.
//!
//! The rules were observed on Slurm 22.05 (slurm.conf(5) leaves them out):
//! - `#` begins a comment anywhere, also inside quotes, unless it is written `\#`;
//! - a line that ends in a backslash continues on the next one, but a comment never does;
//! - elsewhere a backslash stands for the character after it;
//! - a value ends at white space unless it is quoted; blanks around `=` are allowed.
//!
//! Slurm allows one global key a line; here several may stand on one.

use super::diagnostics::{Findings, Place};

/// A logical line, its continuations included, holds no more characters than this.
const LINE_CHARS_MAX: usize = 1 << 20;

/// One `Key=Value`, with the places where its parts begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) value: String,
    pub(super) key_at: Place,
    pub(super) value_at: Place,
}

/// What one logical line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// `Include path`
    Include { path: String, at: Place },
    /// One or more pairs.
    Pairs(Vec<Pair>),
}

/// A character with its place, after escapes were taken off.
#[derive(Clone, Copy)]
struct Mark {
    c: char,
    escaped: bool,
    at: Place,
}

impl Mark {
    fn is_blank(&self) -> bool {
        self.c.is_whitespace() && !self.escaped
    }

    fn is(&self, c: char) -> bool {
        self.c == c && !self.escaped
    }
}

/// Splits `text` into lines; what cannot be read is reported and skipped.
///
/// `is_key` tells known keys, so that `Nodes= State=UP` is read as an empty `Nodes` and a `State`.
pub(super) fn lex(text: &str, file: u32, is_key: &dyn Fn(&str) -> bool, findings: &mut Findings) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut marks = Vec::new();
    for (number, physical) in text.lines().enumerate() {
        let line = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let continues = read_physical(physical, Place { file, line, column: 0 }, &mut marks);
        if marks.len() > LINE_CHARS_MAX {
            findings.error(marks[0].at, format!("line is longer than {LINE_CHARS_MAX} characters"));
            marks.clear();
        }
        if !continues {
            lines.extend(read_logical(&marks, is_key, findings));
            marks.clear();
        }
    }
    lines.extend(read_logical(&marks, is_key, findings));
    lines
}

/// Appends the characters of one physical line; true if the next line continues it.
fn read_physical(physical: &str, start: Place, marks: &mut Vec<Mark>) -> bool {
    let mut chars = physical.trim_end_matches('\r').chars().zip(1u32..);
    while let Some((c, column)) = chars.next() {
        let at = Place { column, ..start };
        match c {
            '#' => return false,
            '\\' => match chars.next() {
                Some((c, _)) => marks.push(Mark { c, escaped: true, at }),
                None => return true,
            },
            c => marks.push(Mark { c, escaped: false, at }),
        }
    }
    false
}

fn read_logical(marks: &[Mark], is_key: &dyn Fn(&str) -> bool, findings: &mut Findings) -> Option<Line> {
    let mut reader = Reader { marks, next: 0 };
    reader.skip_blanks();
    if let Some(include) = reader.include() {
        return Some(include);
    }
    let mut pairs = Vec::new();
    while !reader.at_end() {
        pairs.extend(reader.pair(is_key, findings));
        reader.skip_blanks();
    }
    (!pairs.is_empty()).then_some(Line::Pairs(pairs))
}

struct Reader<'a> {
    marks: &'a [Mark],
    next: usize,
}

impl Reader<'_> {
    fn at_end(&self) -> bool {
        self.next >= self.marks.len()
    }

    fn skip_blanks(&mut self) {
        while self.marks.get(self.next).is_some_and(Mark::is_blank) {
            self.next += 1;
        }
    }

    /// Where the next character is, or just behind the last one.
    fn place(&self) -> Place {
        match (self.marks.get(self.next), self.marks.last()) {
            (Some(mark), _) => mark.at,
            (None, Some(last)) => Place { column: last.at.column + 1, ..last.at },
            (None, None) => Place::default(),
        }
    }

    fn take_while(&mut self, wanted: impl Fn(&Mark) -> bool) -> String {
        let start = self.next;
        while self.marks.get(self.next).is_some_and(&wanted) {
            self.next += 1;
        }
        self.marks[start..self.next].iter().map(|mark| mark.c).collect()
    }

    /// `Include path`: the rest of the line is the path.
    fn include(&mut self) -> Option<Line> {
        let start = self.next;
        let word = self.take_while(|mark| mark.c.is_ascii_alphabetic());
        let blank = self.marks.get(self.next).is_some_and(Mark::is_blank);
        self.skip_blanks();
        if !word.eq_ignore_ascii_case("include") || !blank || self.at_end() || self.marks[self.next].is('=') {
            self.next = start;
            return None;
        }
        let at = self.place();
        let rest = self.take_while(|_| true);
        Some(Line::Include { path: rest.trim().trim_matches('"').to_string(), at })
    }

    fn pair(&mut self, is_key: &dyn Fn(&str) -> bool, findings: &mut Findings) -> Option<Pair> {
        let key_at = self.place();
        let key = self.take_while(|mark| !mark.is_blank() && !mark.is('='));
        self.skip_blanks();
        if !self.marks.get(self.next).is_some_and(|mark| mark.is('=')) {
            findings.error(key_at, format!("expected Key=Value, found \"{key}\""));
            return None;
        }
        let equals_at = self.place();
        self.next += 1;
        if key.is_empty() {
            findings.error(equals_at, "a key is missing before \"=\"");
        }
        let blank = self.marks.get(self.next).is_some_and(Mark::is_blank);
        self.skip_blanks();
        let value_at = self.place();
        let value = if blank && self.key_follows(is_key) { String::new() } else { self.value(value_at, findings) };
        (!key.is_empty()).then_some(Pair { key, value, key_at, value_at })
    }

    /// True if what comes next is another `Key=`, so that the value before it was left empty.
    fn key_follows(&mut self, is_key: &dyn Fn(&str) -> bool) -> bool {
        let start = self.next;
        let word = self.take_while(|mark| !mark.is_blank() && !mark.is('='));
        let follows = self.marks.get(self.next).is_some_and(|mark| mark.is('=')) && is_key(&word);
        self.next = start;
        follows
    }

    fn value(&mut self, value_at: Place, findings: &mut Findings) -> String {
        if !self.marks.get(self.next).is_some_and(|mark| mark.is('"')) {
            return self.take_while(|mark| !mark.is_blank());
        }
        self.next += 1;
        let value = self.take_while(|mark| !mark.is('"'));
        if self.at_end() {
            findings.error(value_at, "closing quote is missing");
            return value;
        }
        self.next += 1;
        if self.marks.get(self.next).is_some_and(|mark| !mark.is_blank()) {
            let at = self.place();
            let rest = self.take_while(|mark| !mark.is_blank());
            findings.error(at, format!("unexpected \"{rest}\" after the closing quote"));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Line>, Vec<String>) {
        let mut findings = Findings::default();
        findings.open("f");
        let lines = lex(text, 0, &|word| ["State", "Nodes"].contains(&word), &mut findings);
        (lines, findings.into_list().iter().map(ToString::to_string).collect())
    }

    fn pairs(text: &str) -> Vec<(String, String)> {
        let (lines, findings) = read(text);
        assert_eq!(findings, Vec::<String>::new());
        let all = lines.into_iter().flat_map(|line| match line {
            Line::Pairs(pairs) => pairs,
            Line::Include { .. } => panic!("no include expected"),
        });
        all.map(|pair| (pair.key, pair.value)).collect()
    }

    fn pair(key: &str, value: &str) -> (String, String) {
        (key.to_string(), value.to_string())
    }

    #[test]
    fn comments_escapes_and_quotes_read_as_slurm_reads_them() {
        assert_eq!(pairs("MailDomain=a\\#b # c"), [pair("MailDomain", "a#b")]);
        assert_eq!(pairs("TmpFS=/a\\b\\\\c"), [pair("TmpFS", "/ab\\c")]);
        assert_eq!(pairs("User=\"x y\"\tK = v"), [pair("User", "x y"), pair("K", "v")]);
        assert_eq!(pairs("E=\"\""), [pair("E", "")]);
        assert_eq!(pairs("\r\nA=1\r\n\r\n"), [pair("A", "1")]);
    }

    #[test]
    fn a_backslash_at_the_end_continues_a_line_but_not_a_comment() {
        assert_eq!(pairs("S=a,\\\nb"), [pair("S", "a,b")]);
        assert_eq!(pairs("N=1 \\\n M=2"), [pair("N", "1"), pair("M", "2")]);
        assert_eq!(pairs("# c \\\nB=22"), [pair("B", "22")]);
        assert_eq!(pairs("A=1 \\"), [pair("A", "1")]);
    }

    #[test]
    fn an_empty_value_does_not_swallow_the_key_after_it() {
        assert_eq!(pairs("Nodes= State=UP"), [pair("Nodes", ""), pair("State", "UP")]);
        assert_eq!(pairs("Mpi= ports=1-2"), [pair("Mpi", "ports=1-2")]);
    }

    #[test]
    fn places_follow_the_text_across_continuations() {
        let (lines, _) = read("A=1 \\\n  Bee = 2");
        let [Line::Pairs(pairs)] = &lines[..] else { panic!("one line: {lines:?}") };
        assert_eq!(pairs[1].key_at, Place { file: 0, line: 2, column: 3 });
        assert_eq!(pairs[1].value_at, Place { file: 0, line: 2, column: 9 });
    }

    #[test]
    fn includes_take_the_rest_of_the_line() {
        let (lines, _) = read("include  %c.conf  # site\nInclude=x");
        let at = Place { file: 0, line: 1, column: 10 };
        assert_eq!(lines[0], Line::Include { path: "%c.conf".to_string(), at });
        assert!(matches!(&lines[1], Line::Pairs(pairs) if pairs[0].key == "Include"));
    }

    #[test]
    fn every_fault_is_reported_with_its_column() {
        let (_, findings) = read("Foo A=1 Bar\n =2\nQ=\"x\nR=\"a\"b");
        assert_eq!(
            findings,
            [
                "f:1:1: error: expected Key=Value, found \"Foo\"",
                "f:1:9: error: expected Key=Value, found \"Bar\"",
                "f:2:2: error: a key is missing before \"=\"",
                "f:3:3: error: closing quote is missing",
                "f:4:6: error: unexpected \"b\" after the closing quote",
            ]
        );
    }
}
