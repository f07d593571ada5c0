//! Options of sdiag.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SDIAG: Table = Table {
    command: "sdiag",
    options: &[
        Opt::short('a', "all", No, B),
        Opt::short('M', "cluster", Required, B),
        Opt::short('h', "help", No, A),
        Opt::long("json", Optional, B),
        Opt::long("no-trunc", No, C),
        Opt::short('r', "reset", No, B),
        Opt::short('i', "sort-by-id", No, B),
        Opt::short('t', "sort-by-time", No, B),
        Opt::short('T', "sort-by-time2", No, B),
        Opt::long("usage", No, B),
        Opt::short('V', "version", No, A),
        Opt::long("yaml", Optional, B),
        Opt::long("autocomplete", Required, C),
    ],
};
