//! sacct's listings: `--format=JobID%20,State%-12`, padded or separated (`-p`, `-P`, `--delimiter`).

use thiserror::Error;

use super::render::{cut, pad};
use super::tables::SACCT;
use super::{COLUMNS_MAX, Tier, WIDTH_MAX};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SacctField {
    /// In any case, or a beginning of it. Identifies the field.
    pub name: &'static str,
    pub header: &'static str,
    pub width: usize,
    pub right: bool,
    pub tier: Tier,
    /// Not in 22.05: accepted by name, left out of `ALL`.
    pub newer: bool,
}

impl SacctField {
    pub(crate) const fn new(name: &'static str, header: &'static str, width: usize, tier: Tier) -> Self {
        Self { name, header, width, right: true, tier, newer: false }
    }

    pub(crate) const fn left(self) -> Self {
        Self { right: false, ..self }
    }

    pub(crate) const fn newer(self) -> Self {
        Self { newer: true, ..self }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SacctColumn {
    pub field: &'static SacctField,
    pub width: usize,
    pub right: bool,
}

/// sacct puts `sacct: error: ` before it and exits with 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SacctError {
    #[error("Invalid field requested: \"{0}\"")]
    UnknownField(String),
    #[error("More than {COLUMNS_MAX} fields requested")]
    TooMany,
}

/// `name[%width]`, separated by commas. A negative width pads on the right; `ALL` is every field.
pub fn parse(text: &str) -> Result<Vec<SacctColumn>, SacctError> {
    let mut columns = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        if item.eq_ignore_ascii_case("ALL") {
            columns.extend(SACCT.iter().filter(|field| !field.newer).map(default_column));
        } else {
            columns.push(column(item)?);
        }
        if columns.len() > COLUMNS_MAX {
            return Err(SacctError::TooMany);
        }
    }
    Ok(columns)
}

fn default_column(field: &'static SacctField) -> SacctColumn {
    SacctColumn { field, width: field.width, right: field.right }
}

fn column(item: &str) -> Result<SacctColumn, SacctError> {
    let (name, width) = item.split_once('%').unwrap_or((item, ""));
    let field = find(name).ok_or_else(|| SacctError::UnknownField(name.to_owned()))?;
    let mut column = default_column(field);
    let (right, digits) = match width.strip_prefix('-') {
        Some(digits) => (false, digits),
        None => (true, width),
    };
    if let Some(width) = digits.parse::<usize>().ok().filter(|width| *width > 0) {
        column.width = width.min(WIDTH_MAX);
        column.right = right;
    }
    Ok(column)
}

fn find(name: &str) -> Option<&'static SacctField> {
    let exact = SACCT.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let begins = |field: &&SacctField| {
        !name.is_empty() && field.name.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name))
    };
    exact.or_else(|| SACCT.iter().find(begins))
}

/// How lines are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layout {
    /// Fixed columns, a blank after each; `+` marks a text that was cut.
    Padded,
    /// `-p` (a delimiter at the end too) and `-P`.
    Separated { delimiter: String, at_end: bool },
}

impl Layout {
    /// The headers: with a line of dashes where columns are fixed. No final newline.
    #[must_use]
    pub fn header(&self, columns: &[SacctColumn]) -> String {
        match self {
            Self::Padded => {
                let titles = columns.iter().map(|c| pad(cut(c.field.header, c.width), c.width, c.right) + " ");
                let dashes = columns.iter().map(|c| "-".repeat(c.width) + " ");
                format!("{}\n{}", titles.collect::<String>(), dashes.collect::<String>())
            }
            Self::Separated { .. } => self.row(columns, |field| field.name.to_owned()),
        }
    }

    /// One line; `cell` gives the whole text of a field.
    #[must_use]
    pub fn row(&self, columns: &[SacctColumn], mut cell: impl FnMut(&'static SacctField) -> String) -> String {
        match self {
            Self::Padded => columns.iter().map(|column| padded(column, &cell(column.field))).collect(),
            Self::Separated { delimiter, at_end } => {
                let cells: Vec<String> = columns.iter().map(|column| cell(column.field)).collect();
                cells.join(delimiter) + if *at_end { delimiter } else { "" }
            }
        }
    }
}

fn padded(column: &SacctColumn, text: &str) -> String {
    let cell = if text.chars().count() > column.width {
        format!("{}+", cut(text, column.width - 1))
    } else {
        pad(text, column.width, column.right)
    };
    cell + " "
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::defaults;

    fn cells(field: &'static SacctField) -> String {
        let text = match field.name {
            "JobID" => "141",
            "JobName" => "wrap",
            "Partition" => "debug",
            "Account" => "physics",
            "AllocCPUS" => "1",
            "State" => "CANCELLED by 0",
            "ExitCode" => "0:0",
            _ => "",
        };
        text.to_owned()
    }

    #[test]
    fn the_default_listing_is_saccts() {
        let columns = parse(defaults::SACCT).unwrap();
        assert_eq!(
            Layout::Padded.header(&columns),
            "JobID           JobName  Partition    Account  AllocCPUS      State ExitCode \n\
             ------------ ---------- ---------- ---------- ---------- ---------- -------- "
        );
        assert_eq!(
            Layout::Padded.row(&columns, cells),
            "141                wrap      debug    physics          1 CANCELLED+      0:0 "
        );
    }

    #[test]
    fn separated_listings_are_whole() {
        let columns = parse("jobid,state%3").unwrap();
        let plain = Layout::Separated { delimiter: "|".to_owned(), at_end: false };
        assert_eq!(plain.header(&columns), "JobID|State");
        assert_eq!(plain.row(&columns, cells), "141|CANCELLED by 0");
        let ended = Layout::Separated { delimiter: ";".to_owned(), at_end: true };
        assert_eq!(ended.row(&columns, cells), "141;CANCELLED by 0;");
    }

    #[test]
    fn widths_choose_the_side() {
        let row = |format: &str| Layout::Padded.row(&parse(format).unwrap(), cells);
        assert_eq!(row("jobid%5"), "  141 ");
        assert_eq!(row("jobid%-5"), "141   ");
        assert_eq!(row("state%-5,exitcode%1"), "CANC+ + ");
        assert_eq!(row("jobid%x,jobid%0"), "141          141          ");
    }

    #[test]
    fn every_default_is_known_and_all_is_everything_of_22_05() {
        for format in [defaults::SACCT, defaults::SACCT_BRIEF, defaults::SACCT_LONG] {
            assert!(parse(format).is_ok());
        }
        assert_eq!(parse(defaults::SACCT_LONG).unwrap().len(), 54);
        let all = parse("ALL").unwrap();
        assert!(all.iter().any(|c| c.field.name == "Reserved") && !all.iter().any(|c| c.field.name == "Planned"));
        assert_eq!(parse("NoSuch").unwrap_err().to_string(), "Invalid field requested: \"NoSuch\"");
        assert_eq!(parse("jobn").unwrap()[0].field.name, "JobName");
    }
}
