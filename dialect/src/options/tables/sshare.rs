//! Options of sshare.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SSHARE: Table = Table {
    command: "sshare",
    options: &[
        Opt::short('A', "accounts", Required, A),
        Opt::short('a', "all", No, A),
        Opt::short('M', "clusters", Required, B),
        Opt::short('o', "format", Required, A),
        Opt::long("help", No, A),
        Opt::short('l', "long", No, A),
        Opt::long("json", Optional, B),
        Opt::short('n', "noheader", No, A),
        Opt::short('p', "parsable", No, A),
        Opt::short('P', "parsable2", No, A),
        Opt::short('m', "partition", No, B),
        Opt::long("usage", No, B),
        Opt::short('u', "users", Required, A),
        Opt::short('U', "Users", No, B),
        Opt::short('v', "verbose", No, C),
        Opt::short('V', "version", No, A),
        Opt::long("yaml", Optional, C),
        Opt::long("autocomplete", Required, C),
        Opt::long("helpformat", No, B),
    ],
};
