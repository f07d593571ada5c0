//! `-o "%[[.]width]letter[text]…"`.

use super::{COLUMNS_MAX, Column, FieldTable, Format, Piece, WIDTH_MAX, Width};

/// A user's format. Never fails: an unknown letter stays as it was written, with a problem noted.
#[must_use]
pub fn parse_letters(table: &FieldTable, text: &str) -> Format {
    parse(table, text, false)
}

/// One of [`super::defaults`], where `#` in place of a width means "as wide as the longest".
#[must_use]
pub fn parse_built_in(table: &FieldTable, text: &str) -> Format {
    parse(table, text, true)
}

fn parse(table: &FieldTable, text: &str, built_in: bool) -> Format {
    let text = if text.eq_ignore_ascii_case("%all") { table.all } else { text };
    let mut format = Format::default();
    let (prefix, rest) = text.split_at(text.find('%').unwrap_or(text.len()));
    if !prefix.is_empty() {
        format.pieces.push(Piece::Literal(prefix.to_owned()));
    }
    // `%%` is no escape: empty specifications vanish.
    for spec in rest.split('%').filter(|spec| !spec.is_empty()).take(COLUMNS_MAX) {
        match column(table, spec, built_in) {
            Ok(column) => format.pieces.push(Piece::Column(column)),
            Err(letter) => {
                format.problems.push(table.letter_problem(&letter));
                format.pieces.push(Piece::Literal(format!("%{spec}")));
            }
        }
    }
    format
}

/// The column, or the letter that is unknown.
fn column(table: &FieldTable, spec: &str, built_in: bool) -> Result<Column, String> {
    let (right, rest) = match spec.strip_prefix('.') {
        Some(rest) => (true, rest),
        None => (false, spec),
    };
    let (width, rest) = match rest.strip_prefix('#').filter(|_| built_in) {
        Some(rest) => (Width::Longest, rest),
        None => fixed_width(rest),
    };
    let letter = rest.chars().next().ok_or_else(String::new)?;
    let field = table.by_letter(letter).ok_or_else(|| letter.to_string())?;
    Ok(Column { field, width, right, suffix: rest[letter.len_utf8()..].to_owned() })
}

/// Leading digits; none and 0 leave the width free.
pub(super) fn fixed_width(text: &str) -> (Width, &str) {
    let (digits, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let width = match digits.trim_start_matches('0') {
        "" => Width::Free,
        digits => Width::Fixed(digits.parse().map_or(WIDTH_MAX, |width: usize| width.min(WIDTH_MAX))),
    };
    (width, rest)
}
