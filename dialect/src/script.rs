//! Batch scripts: what makes one acceptable, and the options in its `#SBATCH` lines.

use thiserror::Error;

/// Most directive lines, and words in all of them.
const WORDS_MAX: usize = 16_384;

/// Why sbatch refuses a script. The texts are Slurm's, one or more lines; sbatch puts `sbatch: error: ` before each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ScriptError {
    #[error("Batch script is empty!")]
    Empty,
    #[error("Batch script contains only whitespace!")]
    OnlyWhitespace,
    #[error(
        "This does not look like a batch script.  The first\n\
         line must start with #! followed by the path to an interpreter.\n\
         For instance: #!/bin/sh"
    )]
    NoInterpreter,
    #[error("Batch script contains DOS line breaks (\\r\\n)\ninstead of expected UNIX line breaks (\\n).")]
    DosLineBreaks,
    #[error("The Slurm controller does not allow scripts that\ncontain a NULL character '\\0'.")]
    Nul,
}

/// Checks a script as sbatch does, in its order. Any bytes are allowed besides.
pub fn check(script: &[u8]) -> Result<(), ScriptError> {
    if script.is_empty() {
        return Err(ScriptError::Empty);
    }
    if script.iter().all(u8::is_ascii_whitespace) {
        return Err(ScriptError::OnlyWhitespace);
    }
    if !script.starts_with(b"#!") {
        return Err(ScriptError::NoInterpreter);
    }
    if script.contains(&0) {
        return Err(ScriptError::Nul);
    }
    if script.windows(2).any(|pair| pair == b"\r\n") {
        return Err(ScriptError::DosLineBreaks);
    }
    Ok(())
}

/// A directive that cannot be cut into words. sbatch prints `sbatch: fatal: FILE: ` before it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DirectiveError {
    #[error("line {line}: Unmatched `{quote}` in [{text}]")]
    Unmatched { line: usize, quote: char, text: String },
    #[error("line {line}: more than {WORDS_MAX} words of options")]
    TooMany { line: usize },
}

/// The words of each line that begins with `prefix` (`#SBATCH`), with its number from 1, up to the first line that is
/// neither blank nor a comment.
///
/// sbatch reads the words of all lines as one command line: a value may stand on the next directive, and a word that is
/// no option is "Invalid directive found in batch script: WORD". `#SBATCH hetjob` starts the next component.
pub fn directives(script: &str, prefix: &str) -> Result<Vec<(usize, Vec<String>)>, DirectiveError> {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    let mut total = 0;
    for (number, line) in (1..).zip(script.lines()) {
        let Some(text) = line.strip_prefix(prefix) else {
            match line.trim_start().chars().next() {
                None | Some('#') => continue,
                Some(_) => break,
            }
        };
        let words = words(text).map_err(|open| open.on(number))?;
        total += words.len() + 1;
        if total > WORDS_MAX {
            return Err(DirectiveError::TooMany { line: number });
        }
        found.push((number, words));
    }
    Ok(found)
}

/// A quote that is not closed, and the text since the word before.
struct OpenQuote {
    quote: char,
    text: String,
}

impl OpenQuote {
    fn on(self, line: usize) -> DirectiveError {
        DirectiveError::Unmatched { line, quote: self.quote, text: self.text }
    }
}

/// Cuts a line into words, as sbatch does: quotes of either kind may stand anywhere in a word; a backslash takes the next
/// character as it is, also within quotes, unless that is blank; `#` outside quotes starts a remark; an empty word ends
/// the line.
fn words(text: &str) -> Result<Vec<String>, OpenQuote> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        let before = rest.clone();
        while rest.next_if(|c| c.is_whitespace()).is_some() {}
        let word = word(&mut rest).map_err(|quote| OpenQuote { quote, text: before.collect() })?;
        if word.is_empty() {
            return Ok(words);
        }
        words.push(word);
    }
}

/// The next word, or the quote that is not closed.
fn word(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, char> {
    let mut word = String::new();
    let mut quote = None;
    while let Some(c) = rest.peek().copied() {
        match (quote, c) {
            (None, '#') => {
                rest.by_ref().for_each(drop);
                break;
            }
            (None, c) if c.is_whitespace() => break,
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (_, '\\') => {
                rest.next();
                let taken = rest.next_if(|next| quote.is_some() || !next.is_whitespace());
                word.extend(taken);
                continue;
            }
            (_, c) => word.push(c),
        }
        rest.next();
    }
    quote.map_or(Ok(word), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(directive: &str) -> String {
        let script = format!("#!/bin/sh\n#SBATCH{directive}\n");
        directives(&script, "#SBATCH").unwrap()[0].1.join("|")
    }

    #[test]
    fn words_are_cut_as_sbatch_cuts_them() {
        for (directive, words) in [
            (" -J one", "-J|one"),
            ("\t-J\tone", "-J|one"),
            ("-J one", "-J|one"),
            ("x -J one", "x|-J|one"),
            (" -J \"a b\" --comment='c d'", "-J|a b|--comment=c d"),
            (" --comment=x\"y z\"w -J \"a#b\"", "--comment=xy zw|-J|a#b"),
            (" -J one # --comment=no", "-J|one"),
            (" -J one#two", "-J|one"),
            (" -J x\\#y", "-J|x#y"),
            (" -J x\\\"y", "-J|x\"y"),
            (" --comment='a\\b' -J 'x\"y'", "--comment=ab|-J|x\"y"),
            (" --comment=\"a\\\"b\" -J \"x\\\\y\"", "--comment=a\"b|-J|x\\y"),
            (" -J a\\ b", "-J|a|b"),
            (" --comment=x \\ -J b", "--comment=x"),
            (" --comment=x \"\" -J b", "--comment=x"),
            (" --comment=x\\", "--comment=x"),
            (" --comment=\"\" -n1", "--comment=|-n1"),
            (" --comment=$HOME -J `x`", "--comment=$HOME|-J|`x`"),
            ("", ""),
        ] {
            assert_eq!(line(directive), words, "{directive}");
        }
    }

    #[test]
    fn directives_end_at_the_first_command() {
        let script = "#!/bin/sh\n\n# c\n   \n  #SBATCH -J no\n##SBATCH -J no\n# SBATCH -J no\n#SBATCH -J one\n \
                      #c\n#SBATCH -n2\ntrue\n#SBATCH -J three\n";
        let expected = [(8, vec!["-J".to_owned(), "one".to_owned()]), (10, vec!["-n2".to_owned()])];
        assert_eq!(directives(script, "#SBATCH").unwrap(), expected);
        assert_eq!(directives("#!/bin/sh\n#PBS -N x\n", "#PBS").unwrap()[0].1, ["-N", "x"]);
    }

    #[test]
    fn an_open_quote_is_named_with_its_line() {
        let error = directives("#!/bin/sh\n#SBATCH -J \"one\n", "#SBATCH").unwrap_err();
        assert_eq!(error.to_string(), "line 2: Unmatched `\"` in [ \"one]");
    }

    #[test]
    fn scripts_are_refused_in_slurms_words() {
        for (script, error) in [
            ("", ScriptError::Empty),
            ("   \n \n", ScriptError::OnlyWhitespace),
            ("x", ScriptError::NoInterpreter),
            (" #!/bin/sh\n", ScriptError::NoInterpreter),
            ("#!/bin/sh\ntrue\r\n", ScriptError::DosLineBreaks),
            ("#!/bin/sh\n\0", ScriptError::Nul),
        ] {
            assert_eq!(check(script.as_bytes()), Err(error), "{script:?}");
        }
        for script in ["#!/bin/sh", "#! /bin/sh\n", "#!\n", "#!/bin/sh\ntrue\r"] {
            assert_eq!(check(script.as_bytes()), Ok(()));
        }
        assert_eq!(
            ScriptError::NoInterpreter.to_string().lines().next(),
            Some("This does not look like a batch script.  The first")
        );
    }

    proptest! {
        #[test]
        fn no_directive_panics(text in "[ a#'\"\\\\é]{0,30}") {
            let _ = directives(&format!("#SBATCH{text}"), "#SBATCH");
        }
    }
}
