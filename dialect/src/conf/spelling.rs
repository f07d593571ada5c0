//! "Did you mean": the known word closest to a mistyped one.

/// Longer words are never compared: no known key comes near it, and the cost is quadratic.
const WORD_CHARS_MAX: usize = 64;

/// The candidate with the smallest edit distance, if it is close enough to be a likely slip of the hand.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > WORD_CHARS_MAX {
        return None;
    }
    let allowed = (length / 4).clamp(1, 3);
    known
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `; did you mean "X"?`, or nothing when no known word is close.
pub(super) fn hint<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    nearest(word, known).map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default()
}

/// Levenshtein distance without regard to case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_corrected_and_a_foreign_word_is_not() {
        let known = ["SlurmctldPort", "SlurmdPort", "KillWait"];
        assert_eq!(nearest("SlurmctlPort", known.into_iter()), Some("SlurmctldPort"));
        assert_eq!(nearest("killwiat", known.into_iter()), Some("KillWait"));
        assert_eq!(nearest("Colour", known.into_iter()), None);
    }
}
