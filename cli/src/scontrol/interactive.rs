//! Without a command: lines from standard input, one command each, until `exit` or the end.

use std::io::{BufRead, IsTerminal, stdin};

use super::{Control, verb};
use crate::say::to_stdout;

/// Longest line that is read, bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// The exit code of the last command.
pub(super) fn run(mut control: Control) -> u8 {
    let prompt = stdin().is_terminal();
    let mut last = 0;
    loop {
        if prompt && !to_stdout("scontrol: ") {
            return last;
        }
        let mut line = String::new();
        match stdin().lock().read_line(&mut line) {
            Ok(0) | Err(_) => return last,
            Ok(length) if length > LINE_BYTES_MAX => return control.fail("line too long"),
            Ok(_) => {}
        }
        let words = split(&line);
        match words.first().map(|word| word.to_ascii_lowercase()).as_deref() {
            Some("exit" | "quit") => return last,
            Some("oneliner") => control.form.one_line = true,
            Some("details") => control.form.details = true,
            Some("quiet") => control.quiet = true,
            Some("verbose") => control.quiet = false,
            Some("all" | "hide") | None => {}
            Some(_) => last = verb::run(&control, &words),
        }
    }
}

/// Words of a line; quotes keep blanks together.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), letter) if letter == open => quote = None,
            (None, letter) if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (_, letter) => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn quotes_keep_blanks_together() {
        assert_eq!(split("update node=n1 reason=\"two words\"\n"), ["update", "node=n1", "reason=two words"]);
        assert!(split("  \n").is_empty());
    }
}
