//! Options of sreport.

use super::super::Takes::{No, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SREPORT: Table = Table {
    command: "sreport",
    options: &[
        Opt::short('a', "all_clusters", No, B),
        Opt::short('M', "cluster", Required, A),
        Opt::long("federation", No, C),
        Opt::short('h', "help", No, A),
        Opt::long("local", No, C),
        Opt::short('n', "noheader", No, A),
        Opt::short('p', "parsable", No, A),
        Opt::short('P', "parsable2", No, A),
        Opt::short('Q', "quiet", No, B),
        Opt::short('t', "", Required, A),
        Opt::short('T', "tres", Required, A),
        Opt::short('v', "verbose", No, C),
        Opt::short('V', "version", No, A),
        Opt::long("autocomplete", Required, C),
        Opt::long("immediate", No, C),
        Opt::long("sort", No, C),
        Opt::long("usage", No, B),
    ],
};
