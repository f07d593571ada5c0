//! `--multi-prog`: which tasks run which program.

/// The command of `task`, or nothing if no line names it. `%t` is the task, `%o` its offset in its line's range.
pub(crate) fn command(text: &str, task: u32) -> Option<Vec<String>> {
    for line in joined(text) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (ranks, command) = line.split_once(char::is_whitespace)?;
        if let Some(offset) = offset_in(ranks, task) {
            let command = command.replace("%t", &task.to_string()).replace("%o", &offset.to_string());
            return Some(words(&command));
        }
    }
    None
}

/// Lines, where a backslash at the end joins the next.
fn joined(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(part) => open.push_str(part),
            None => lines.push(std::mem::take(&mut open) + line),
        }
    }
    if !open.is_empty() {
        lines.push(open);
    }
    lines
}

/// Where `task` is in `0,2-5,*`.
fn offset_in(ranks: &str, task: u32) -> Option<u32> {
    let mut before = 0;
    for part in ranks.split(',') {
        if part == "*" {
            return Some(task);
        }
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if (first..=last).contains(&task) {
            return Some(before + task - first);
        }
        before += last.saturating_sub(first) + 1;
    }
    None
}

/// Words as a shell would split them: quotes keep blanks, a backslash keeps the next character.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => word.get_or_insert_default().push(c),
            (_, '\\') => word.get_or_insert_default().extend(characters.next()),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_offsets_and_task_numbers_are_filled_in() {
        let text = "# who does what\n0 echo zero %t\n1-2 echo rest %o of %t\n";
        assert_eq!(command(text, 0).unwrap(), ["echo", "zero", "0"]);
        assert_eq!(command(text, 2).unwrap(), ["echo", "rest", "1", "of", "2"]);
        assert_eq!(command(text, 3), None);
    }

    #[test]
    fn quotes_and_continued_lines_hold_together() {
        let text = "* sh -c \\\n 'echo \"a  b\"' x\\ y\n";
        assert_eq!(command(text, 7).unwrap(), ["sh", "-c", "echo \"a  b\"", "x y"]);
    }
}
