//! `--mail-type`.

/// Bits as Slurm numbers them.
const TYPES: [(&str, u32); 13] = [
    ("NONE", 0),
    ("BEGIN", 0x001),
    ("END", 0x002),
    ("FAIL", 0x004),
    ("REQUEUE", 0x008),
    ("TIME_LIMIT", 0x010),
    ("TIME_LIMIT_90", 0x020),
    ("TIME_LIMIT_80", 0x040),
    ("TIME_LIMIT_50", 0x080),
    ("STAGE_OUT", 0x100),
    ("ARRAY_TASKS", 0x200),
    ("INVALID_DEPEND", 0x400),
    ("ALL", 0x001 | 0x002 | 0x004 | 0x008 | 0x100 | 0x400),
];

/// The set of a list; unknown words beside known ones are dropped, as in Slurm. None when nothing is known.
pub(super) fn types(text: &str) -> Option<u32> {
    let known =
        |word: &str| TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word.trim())).map(|(_, bits)| *bits);
    let bits: Vec<u32> = text.split(',').filter_map(known).collect();
    if bits.is_empty() { None } else { Some(bits.into_iter().fold(0, |set, bit| set | bit)) }
}

/// The words of a set, as scontrol shows them.
pub(crate) fn mail_type_names(set: u32) -> String {
    let words = TYPES.iter().filter(|(name, bits)| *bits != 0 && *name != "ALL" && set & bits == *bits);
    let words: Vec<&str> = words.map(|(name, _)| *name).collect();
    if words.is_empty() { "NONE".to_owned() } else { words.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sets_and_one_known_word_is_enough() {
        assert_eq!(types("BEGIN,end"), Some(3));
        assert_eq!(types("ALL,X"), Some(0x50f));
        assert_eq!(types("NOSUCH"), None);
        assert_eq!(types("NONE"), Some(0));
    }
}
