//! Slurm's error codes, with the names and texts that its commands print.
//!
//! `errno::ESLURM_INVALID_PARTITION_NAME.text()` is "Invalid partition name specified". Codes below 1000 are the
//! operating system's; their texts are not here, since they depend on the host.

/// A constant for each code, and the table behind `name` and `text`, ascending.
macro_rules! slurm_errors {
    ($($name:ident = $code:literal $text:literal,)*) => {
        $(#[doc = $text] pub const $name: SlurmError = SlurmError { code: $code };)*
        pub(super) const ROWS: &[super::Row] =
            &[$(super::Row { code: $code, name: stringify!($name), text: $text }),*];
    };
}

mod table;

pub use table::*;

use std::fmt;

/// A code as it travels on the wire. Any number is allowed: a newer peer may know more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlurmError {
    pub code: u32,
}

/// No error.
pub const SLURM_SUCCESS: SlurmError = SlurmError { code: 0 };
/// -1 on Slurm's interfaces: failed, for a reason that was not told.
pub const SLURM_ERROR: SlurmError = SlurmError { code: u32::MAX };

impl SlurmError {
    #[must_use]
    pub fn new(code: u32) -> Self {
        Self { code }
    }

    /// `ESLURM_INVALID_PARTITION_NAME`; nothing for a code that is not Slurm's.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        self.row().map(|row| row.name)
    }

    /// What `slurm_strerror` gives: `Invalid partition name specified`, `Unknown error 99999`.
    #[must_use]
    pub fn text(self) -> String {
        match (self, self.row()) {
            (SLURM_SUCCESS, _) => "No error".to_owned(),
            (SLURM_ERROR, _) => "Unspecified error".to_owned(),
            (_, Some(row)) => row.text.to_owned(),
            (_, None) => format!("Unknown error {}", self.code),
        }
    }

    /// By its name, for tools and tests.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        ROWS.iter().find(|row| row.name == name).map(|row| Self::new(row.code))
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.binary_search_by_key(&self.code, |row| row.code).ok().map(|i| &ROWS[i])
    }
}

impl fmt::Display for SlurmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl std::error::Error for SlurmError {}

/// One line of the table.
pub(crate) struct Row {
    code: u32,
    name: &'static str,
    text: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_slurms_texts() {
        assert_eq!(ESLURM_INVALID_PARTITION_NAME.code, 2000);
        assert_eq!(ESLURM_INVALID_PARTITION_NAME.to_string(), "Invalid partition name specified");
        assert_eq!(
            SlurmError::new(2050).text(),
            "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
        );
        assert_eq!(SLURM_SUCCESS.text(), "No error");
        assert_eq!(SLURM_ERROR.text(), "Unspecified error");
        assert_eq!(SlurmError::new(99_999).text(), "Unknown error 99999");
        assert_eq!(ESLURM_DISABLED.name(), Some("ESLURM_DISABLED"));
        assert_eq!(SlurmError::by_name("ESLURM_INVALID_JOB_ID"), Some(ESLURM_INVALID_JOB_ID));
    }

    #[test]
    fn the_table_is_ascending_so_that_look_ups_find_every_row() {
        assert!(ROWS.windows(2).all(|pair| pair[0].code < pair[1].code));
    }
}
