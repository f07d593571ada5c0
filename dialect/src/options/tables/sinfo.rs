//! Options of sinfo.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SINFO: Table = Table {
    command: "sinfo",
    options: &[
        Opt::short('a', "all", No, A),
        Opt::short('M', "clusters", Required, B),
        Opt::short('d', "dead", No, B),
        Opt::short('e', "exact", No, B),
        Opt::long("federation", No, C),
        Opt::short('F', "future", No, C),
        Opt::short('o', "format", Required, A),
        Opt::short('O', "Format", Required, A),
        Opt::long("help", No, A),
        Opt::long("hide", No, B),
        Opt::short('i', "iterate", Required, B),
        Opt::long("json", Optional, A),
        Opt::short('R', "list-reasons", No, A),
        Opt::long("local", No, C),
        Opt::short('l', "long", No, A),
        Opt::long("noconvert", No, B),
        Opt::short('N', "Node", No, A),
        Opt::short('n', "nodes", Required, A),
        Opt::short('h', "noheader", No, A),
        Opt::short('p', "partition", Required, A),
        Opt::short('T', "reservation", No, B),
        Opt::short('r', "responding", No, A),
        Opt::short('S', "sort", Required, B),
        Opt::short('t', "states", Required, A),
        Opt::short('s', "summarize", No, A),
        Opt::long("usage", No, B),
        Opt::short('v', "verbose", No, C),
        Opt::short('V', "version", No, A),
        Opt::long("yaml", Optional, B),
        Opt::long("autocomplete", Required, C),
        Opt::long("helpFormat", No, C),
        Opt::long("helpformat", No, C),
        Opt::long("helpstate", No, C),
    ],
};
