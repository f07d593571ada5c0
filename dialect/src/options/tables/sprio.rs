//! Options of sprio.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SPRIO: Table = Table {
    command: "sprio",
    options: &[
        Opt::short('M', "clusters", Required, B),
        Opt::long("federation", No, C),
        Opt::short('o', "format", Required, A),
        Opt::long("help", No, A),
        Opt::short('j', "jobs", Optional, A),
        Opt::long("local", No, C),
        Opt::short('l', "long", No, A),
        Opt::short('h', "noheader", No, A),
        Opt::short('n', "norm", No, B),
        Opt::short('p', "partition", Required, B),
        Opt::long("sibling", No, C),
        Opt::short('S', "sort", Required, B),
        Opt::long("usage", No, B),
        Opt::short('u', "user", Required, A),
        Opt::short('v', "verbose", No, C),
        Opt::short('V', "version", No, A),
        Opt::short('w', "weights", No, A),
        Opt::long("helpformat", No, C),
        Opt::long("sib", No, C).alias_of("sibling"),
    ],
};
