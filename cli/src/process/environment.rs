//! The environment that a job or step gets from the submitting process: `--export`, `--export-file`.

use std::collections::BTreeMap;

use thiserror::Error;

/// Largest environment that is sent, bytes. Linux gives a process 128 KiB a string, 2 MiB in all by default.
pub(crate) const ENVIRONMENT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Why there is no environment to send.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum ExportError {
    /// `--export-file` cannot be read.
    #[error("Could not open user environment file {0}")]
    File(String),
    /// Above [`ENVIRONMENT_BYTES_MAX`].
    #[error("the environment is larger than {ENVIRONMENT_BYTES_MAX} bytes")]
    TooLarge,
}

/// What `--export` says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) enum Export {
    /// Everything.
    #[default]
    All,
    /// Only `SLURM_*`: the node makes a login environment under it.
    None,
    /// Only `SLURM_*`, and nothing else.
    Nil,
    /// These, and `SLURM_*`; with `all`, everything else too, which then wins.
    Names {
        /// `ALL,` was among them.
        all: bool,
        /// `NAME` or `NAME=VALUE`.
        names: Vec<(String, Option<String>)>,
    },
}

impl Export {
    /// Reads the option's value. Values may be quoted, so that they can hold commas.
    #[must_use]
    pub(crate) fn parse(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "ALL" | "" => return Self::All,
            "NONE" => return Self::None,
            "NIL" => return Self::Nil,
            _ => {}
        }
        let mut all = false;
        let mut names = Vec::new();
        for word in words(text) {
            match word.split_once('=') {
                _ if word.eq_ignore_ascii_case("ALL") => all = true,
                Some((name, value)) => names.push((name.to_owned(), Some(value.to_owned()))),
                None => names.push((word, None)),
            }
        }
        Self::Names { all, names }
    }

    /// Whether the node is to make a login environment under what is sent.
    #[must_use]
    pub(crate) fn wants_login(&self) -> bool {
        matches!(self, Self::None | Self::Names { all: false, .. })
    }
}

/// Splits at commas outside of quotes, and takes the quotes off.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        let word = words.last_mut().expect("it begins with one word and only grows");
        match (c, quote) {
            (c, Some(q)) if c == q => quote = None,
            ('\'' | '"', None) => quote = Some(c),
            (',', None) => words.push(String::new()),
            (c, _) => word.push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Environment variables, one value a name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Of this process. What is not UTF-8 is passed on with its bad bytes replaced.
    #[must_use]
    pub(crate) fn of_this_process() -> Self {
        let lossy = |s: std::ffi::OsString| s.to_string_lossy().into_owned();
        Self(std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect())
    }

    /// From pairs.
    #[cfg(test)]
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    /// `NAME=VALUE`, each ended by a NUL byte: the format of `--export-file`, and of the wire.
    #[must_use]
    pub(crate) fn from_nul_separated(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self(text.split('\0').filter_map(pair).collect())
    }

    /// The value, unless it is not set.
    #[must_use]
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets a variable.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// Unsets it.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    /// All, in order of name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// What `export` lets through.
    #[must_use]
    pub(crate) fn exported(&self, export: &Export) -> Self {
        let slurm = |name: &str| name.starts_with("SLURM_");
        let mut out = match export {
            Export::All | Export::Names { all: true, .. } => return self.with_missing(export),
            Export::None | Export::Nil | Export::Names { .. } => {
                Self(self.0.iter().filter(|(name, _)| slurm(name)).map(|(n, v)| (n.clone(), v.clone())).collect())
            }
        };
        if let Export::Names { names, .. } = export {
            for (name, value) in names {
                if let Some(value) = value.as_deref().or_else(|| self.get(name)) {
                    out.set(name, value);
                }
            }
        }
        out
    }

    /// Everything; what `export` gives fills the gaps only, as sbatch(1) says.
    fn with_missing(&self, export: &Export) -> Self {
        let mut out = self.clone();
        if let Export::Names { names, .. } = export {
            for (name, value) in names {
                if let (Some(value), None) = (value, self.get(name)) {
                    out.set(name, value.as_str());
                }
            }
        }
        out
    }

    /// As the wire has it.
    ///
    /// # Errors
    /// When it is too large.
    pub(crate) fn encoded(&self) -> Result<Vec<u8>, ExportError> {
        let mut out = Vec::new();
        for (name, value) in &self.0 {
            out.extend_from_slice(name.as_bytes());
            out.push(b'=');
            out.extend_from_slice(value.as_bytes());
            out.push(0);
        }
        if out.len() > ENVIRONMENT_BYTES_MAX { Err(ExportError::TooLarge) } else { Ok(out) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mine() -> Variables {
        Variables::of(&[("EDITOR", "vi"), ("SLURM_CONF", "/c"), ("SLURMX", "no"), ("PATH", "/bin")])
    }

    #[test]
    fn names_take_the_submitters_value_or_their_own() {
        let out = mine().exported(&Export::parse("EDITOR,ARG1=test,MISSING"));
        assert_eq!(out, Variables::of(&[("EDITOR", "vi"), ("ARG1", "test"), ("SLURM_CONF", "/c")]));
    }

    #[test]
    fn all_wins_over_values_that_are_given_with_it() {
        let out = mine().exported(&Export::parse("ALL,EDITOR=emacs,NEW=1"));
        assert_eq!(out.get("EDITOR"), Some("vi"));
        assert_eq!(out.get("NEW"), Some("1"));
        assert_eq!(out.get("PATH"), Some("/bin"));
    }

    #[test]
    fn none_leaves_slurms_own_variables() {
        assert_eq!(mine().exported(&Export::parse("none")), Variables::of(&[("SLURM_CONF", "/c")]));
        assert!(Export::parse("NONE").wants_login() && !Export::parse("NIL").wants_login());
    }

    #[test]
    fn quoted_values_hold_commas() {
        let expected = vec![("A".to_owned(), Some("1,2".to_owned())), ("B".to_owned(), None)];
        assert_eq!(Export::parse("A='1,2',B"), Export::Names { all: false, names: expected });
    }

    #[test]
    fn the_wire_form_reads_back() {
        let bytes = mine().encoded().expect("small");
        assert_eq!(Variables::from_nul_separated(&bytes), mine());
        let mut huge = Variables::default();
        huge.set("X", "x".repeat(ENVIRONMENT_BYTES_MAX));
        assert_eq!(huge.encoded(), Err(ExportError::TooLarge));
    }
}
