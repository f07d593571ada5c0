//! Lines from pieces.

use super::{Column, Field, Format, Piece, Width};

/// Narrowest column of [`Width::Longest`]: `PARTITION`.
const LONGEST_MIN: usize = 9;

impl Format {
    /// The line of headers.
    #[must_use]
    pub fn header(&self) -> String {
        self.row(|field| field.header.to_owned())
    }

    /// One line; `cell` gives the whole text of a field.
    #[must_use]
    pub fn row(&self, mut cell: impl FnMut(&'static Field) -> String) -> String {
        let mut line = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => line.push_str(text),
                Piece::Column(column) => {
                    append(&mut line, column, &cell(column.field));
                    line.push_str(&column.suffix);
                }
            }
        }
        line
    }

    /// Whether the field is listed, so that its texts are worth computing.
    #[must_use]
    pub fn lists(&self, name: &str) -> bool {
        self.columns().any(|column| column.field.name == name)
    }

    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Column(column) => Some(column),
            Piece::Literal(_) => None,
        })
    }

    /// Fixes the width of columns that are as wide as the longest text, `longest` characters.
    pub fn fit(&mut self, name: &str, longest: usize) {
        for piece in &mut self.pieces {
            if let Piece::Column(column) = piece
                && column.width == Width::Longest
                && column.field.name == name
            {
                column.width = Width::Fixed(longest.max(LONGEST_MIN));
            }
        }
    }
}

fn append(line: &mut String, column: &Column, text: &str) {
    let width = match column.width {
        Width::Free => return line.push_str(text),
        Width::Fixed(width) => width,
        Width::Longest => text.chars().count().max(LONGEST_MIN),
    };
    line.push_str(&pad(cut(text, width), width, column.right));
}

/// The first `width` characters.
pub(super) fn cut(text: &str, width: usize) -> &str {
    match text.char_indices().nth(width) {
        Some((end, _)) => &text[..end],
        None => text,
    }
}

pub(super) fn pad(text: &str, width: usize, right: bool) -> String {
    if right { format!("{text:>width$}") } else { format!("{text:<width$}") }
}
