//! `-O name[:[.][width][text]],…`.

use super::letters::fixed_width;
use super::{COLUMNS_MAX, Column, FieldTable, Format, Piece, Width, parse_letters};

/// Width of a column that names none.
const WIDTH_DEFAULT: usize = 20;

/// A user's list. Unknown names are left out, with a problem noted.
#[must_use]
pub fn parse_names(table: &FieldTable, text: &str) -> Format {
    if text.eq_ignore_ascii_case("all") && table.command == "sinfo" {
        return parse_letters(table, "%all");
    }
    let mut format = Format::default();
    for item in text.split(',').filter(|item| !item.is_empty()).take(COLUMNS_MAX) {
        let (name, layout) = match item.split_once(':') {
            Some((name, layout)) => (name, Some(layout)),
            None => (item, None),
        };
        let Some(field) = table.by_name(name) else {
            format.problems.push(table.name_problem(name));
            continue;
        };
        let (right, width, suffix) = layout.map_or((false, Width::Fixed(WIDTH_DEFAULT), ""), read_layout);
        format.pieces.push(Piece::Column(Column { field, width, right, suffix: suffix.to_owned() }));
    }
    format
}

fn read_layout(layout: &str) -> (bool, Width, &str) {
    let (right, rest) = match layout.strip_prefix('.') {
        Some(rest) => (true, rest),
        None => (false, layout),
    };
    let (width, suffix) = fixed_width(rest);
    (right, width, suffix)
}
