//! Options of sstat.

use super::super::Takes::{No, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SSTAT: Table = Table {
    command: "sstat",
    options: &[
        Opt::short('a', "allsteps", No, A),
        Opt::short('o', "format", Required, A),
        Opt::short('o', "fields", Required, A).alias_of("format"),
        Opt::short('h', "help", No, A),
        Opt::short('e', "helpformat", No, A),
        Opt::short('j', "jobs", Required, A),
        Opt::long("noconvert", No, A),
        Opt::short('n', "noheader", No, A),
        Opt::short('p', "parsable", No, A),
        Opt::short('P', "parsable2", No, A),
        Opt::short('i', "pidformat", No, B),
        Opt::long("usage", No, B),
        Opt::short('v', "verbose", No, C),
        Opt::short('V', "version", No, A),
        Opt::long("autocomplete", Required, C),
    ],
};
