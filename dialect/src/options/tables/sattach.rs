//! Options of sattach.

use super::super::Takes::{No, Required};
use super::super::Tier::{B, D};
use super::super::{Opt, Table};

pub const SATTACH: Table = Table {
    command: "sattach",
    options: &[
        Opt::long("error-filter", Required, B),
        Opt::short('h', "help", No, B),
        Opt::long("input-filter", Required, B),
        Opt::short('l', "label", No, B),
        Opt::long("layout", No, B),
        Opt::long("output-filter", Required, B),
        Opt::long("pty", No, B),
        Opt::short('Q', "quiet", No, B),
        Opt::short('u', "usage", No, B),
        Opt::short('V', "version", No, B),
        Opt::short('v', "verbose", No, B),
        Opt::long("debugger-test", No, D),
    ],
};
