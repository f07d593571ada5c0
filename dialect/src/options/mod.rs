//! Command lines, read as glibc's `getopt_long` reads them for Slurm's commands.
//!
//! The parser knows which options exist, whether they take a value, and glibc's error texts to the letter; what an option
//! means is the command's business. The tables hold everything that Slurm knows, so that a command can tell "not built"
//! from "no such option".

mod parse;
pub mod tables;

pub use parse::{Found, Hint, Operands, OptionError, OptionErrorKind, Parsed, parse};

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Takes {
    No,
    /// `-n 4`, `-n4`, `--ntasks 4`, `--ntasks=4`.
    Required,
    /// `-k`, `-koff`, `--exclusive`, `--exclusive=user`: never the next word.
    Optional,
}

/// How common an option is: A every site uses it daily, B common, C rare, D obsolete or for one vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    A,
    B,
    C,
    D,
}

/// One option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    /// Without dashes; empty for the few that have a letter only.
    pub long: &'static str,
    pub short: Option<char>,
    pub takes: Takes,
    pub tier: Tier,
    /// What to look at when acting: the option's own name, or that of the option which this is another spelling of.
    pub means: &'static str,
    /// What its value is, in a word or a pattern; empty where it takes none.
    pub value: &'static str,
    /// What it does, in one line; empty for commands that are not built.
    pub about: &'static str,
}

impl Opt {
    #[must_use]
    pub const fn long(long: &'static str, takes: Takes, tier: Tier) -> Self {
        Self { long, short: None, takes, tier, means: long, value: "", about: "" }
    }

    #[must_use]
    pub const fn short(short: char, long: &'static str, takes: Takes, tier: Tier) -> Self {
        Self { long, short: Some(short), takes, tier, means: long, value: "", about: "" }
    }

    /// For `--help`.
    #[must_use]
    pub const fn about(self, value: &'static str, about: &'static str) -> Self {
        Self { value, about, ..self }
    }

    #[must_use]
    pub const fn alias_of(self, means: &'static str) -> Self {
        Self { means, ..self }
    }
}

/// The options of a command.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    pub command: &'static str,
    pub options: &'static [Opt],
}

impl Table {
    /// The commands that run another command leave its options alone: they stop at the first word that is no option.
    #[must_use]
    pub fn operands(&self) -> Operands {
        match self.command {
            "srun" | "sbatch" | "salloc" => Operands::EndOptions,
            _ => Operands::Anywhere,
        }
    }

    /// Whether the command prints `Try "…"` after an error of its options. All do but these two.
    #[must_use]
    pub fn hint(&self) -> Hint {
        match self.command {
            "sacct" | "sstat" => Hint::None,
            _ => Hint::TryHelp,
        }
    }

    /// What the command exits with after an error of its options.
    #[must_use]
    pub fn exit_code_of_errors(&self) -> u8 {
        match self.operands() {
            Operands::EndOptions => 255,
            Operands::Anywhere => 1,
        }
    }

    /// By its full name.
    #[must_use]
    pub fn find(&self, long: &str) -> Option<&'static Opt> {
        self.options.iter().find(|opt| opt.long == long && !long.is_empty())
    }

    /// By its letter; of spellings that share one, the option itself.
    #[must_use]
    pub fn find_short(&self, short: char) -> Option<&'static Opt> {
        let own = |opt: &&Opt| opt.short == Some(short) && (opt.long.is_empty() || opt.means == opt.long);
        self.options.iter().find(own)
    }
}

#[cfg(test)]
mod tests;
