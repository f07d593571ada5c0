//! Options of scrontab.

use super::super::Takes::{No, Required};
use super::super::Tier::{A, B};
use super::super::{Opt, Table};

pub const SCRONTAB: Table = Table {
    command: "scrontab",
    options: &[
        Opt::short('e', "", No, A).alias_of("e"),
        Opt::short('l', "", No, A).alias_of("l"),
        Opt::short('r', "", No, B).alias_of("r"),
        Opt::short('u', "", Required, B).alias_of("u"),
    ],
};
