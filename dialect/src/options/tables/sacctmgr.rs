//! Options of sacctmgr.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SACCTMGR: Table = Table {
    command: "sacctmgr",
    options: &[
        Opt::short('s', "associations", No, A),
        Opt::short('h', "help", No, A),
        Opt::short('i', "immediate", No, A),
        Opt::long("json", Optional, B),
        Opt::short('n', "noheader", No, A),
        Opt::short('p', "parsable", No, A),
        Opt::short('P', "parsable2", No, A),
        Opt::short('Q', "quiet", No, A),
        Opt::short('r', "readonly", No, B),
        Opt::long("yaml", Optional, C),
        Opt::short('v', "verbose", No, B),
        Opt::short('V', "version", No, A),
        Opt::long("autocomplete", Required, C),
        Opt::long("oneliner", No, B),
        Opt::long("usage", No, B),
    ],
};
