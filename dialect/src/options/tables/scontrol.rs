//! Options of scontrol.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SCONTROL: Table = Table {
    command: "scontrol",
    options: &[
        Opt::short('a', "all", No, A),
        Opt::short('M', "clusters", Required, B),
        Opt::short('d', "details", No, A),
        Opt::long("federation", No, C),
        Opt::short('F', "future", No, C),
        Opt::short('h', "help", No, A),
        Opt::long("hide", No, B),
        Opt::long("json", Optional, A),
        Opt::long("local", No, C),
        Opt::short('o', "oneliner", No, A),
        Opt::short('Q', "quiet", No, A),
        Opt::long("sibling", No, C),
        Opt::short('u', "uid", Required, B),
        Opt::short('v', "verbose", No, B),
        Opt::short('V', "version", No, A),
        Opt::long("yaml", Optional, B),
        Opt::long("autocomplete", Required, C),
        Opt::long("usage", No, B),
    ],
};
