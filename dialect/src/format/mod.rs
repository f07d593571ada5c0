//! Output formats: squeue's and sinfo's `-o "%.18i %.9P"` and `-O name:width`, sacct's `--format=JobID%20,State`.
//!
//! A format is parsed once into pieces; a caller gives the text of each field, and gets lines. What a field means is the
//! caller's business: it matches on [`Field::name`].

pub mod defaults;
mod letters;
mod names;
mod render;
pub mod sacct;
pub mod tables;

pub use letters::{parse_built_in, parse_letters};
pub use names::parse_names;

pub use crate::options::Tier;

/// Widest column that is honoured, in characters; wider ones are cut to it.
pub const WIDTH_MAX: usize = 16_384;

/// Most columns that are honoured; later ones are left out.
pub const COLUMNS_MAX: usize = 1_024;

/// Something that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// As `-O` names it, in any case. Identifies the field.
    pub name: &'static str,
    /// As `-o` names it.
    pub letter: Option<char>,
    pub header: &'static str,
    pub tier: Tier,
}

impl Field {
    pub(crate) const fn letter(letter: char, name: &'static str, header: &'static str, tier: Tier) -> Self {
        Self { name, letter: Some(letter), header, tier }
    }

    pub(crate) const fn name(name: &'static str, header: &'static str, tier: Tier) -> Self {
        Self { name, letter: None, header, tier }
    }
}

/// The fields of a command.
#[derive(Debug, Clone, Copy)]
pub struct FieldTable {
    pub command: &'static str,
    /// What a line is about, as error messages name it.
    what: &'static str,
    pub fields: &'static [Field],
    /// Other spellings of names, in small letters, that the command takes without documenting them.
    aliases: &'static [(&'static str, &'static str)],
    /// What `%all` stands for.
    all: &'static str,
}

impl FieldTable {
    #[must_use]
    pub fn by_letter(&self, letter: char) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.letter == Some(letter))
    }

    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&'static Field> {
        let alias = self.aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let name = alias.map_or(name, |(_, means)| means);
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// What the command says of a letter that it does not know. sinfo names itself only with `-O`.
    fn letter_problem(&self, spec: &str) -> String {
        let command = if self.command == "sinfo" { String::new() } else { format!("{}: error: ", self.command) };
        format!("{command}Invalid {} format specification: {spec}", self.what)
    }

    fn name_problem(&self, name: &str) -> String {
        let what = if self.command == "sinfo" { "job" } else { self.what };
        format!("{}: error: Invalid {what} format specification: {name}", self.command)
    }
}

/// How wide a column is, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// As wide as its text.
    Free,
    /// Cut and padded.
    Fixed(usize),
    /// `#` in built-in formats: as wide as the longest text, see [`Format::fit`].
    Longest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub field: &'static Field,
    pub width: Width,
    /// `.`: padded on the left.
    pub right: bool,
    /// Text up to the next column.
    pub suffix: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Column(Column),
    /// Text of the user's, also a column that is unknown.
    Literal(String),
}

/// A parsed format.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Format {
    pub pieces: Vec<Piece>,
    /// Lines for standard error, whole; the listing goes on without what they name, and the exit code stays 0.
    pub problems: Vec<String>,
}

#[cfg(test)]
mod tests;
