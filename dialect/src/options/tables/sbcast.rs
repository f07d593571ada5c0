//! Options of sbcast.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SBCAST: Table = Table {
    command: "sbcast",
    options: &[
        Opt::short('C', "compress", Optional, B),
        Opt::long("exclude", Required, C),
        Opt::short('f', "force", No, A),
        Opt::short('j', "jobid", Required, B),
        Opt::short('Z', "no-allocation", No, C),
        Opt::short('w', "nodelist", Required, C),
        Opt::short('p', "preserve", No, B),
        Opt::long("send-libs", Optional, C),
        Opt::short('s', "size", Required, B),
        Opt::short('t', "timeout", Required, B),
        Opt::short('F', "treewidth", Required, C),
        Opt::short('v', "verbose", No, B),
        Opt::short('V', "version", No, A),
        Opt::short('F', "fanout", Required, C).alias_of("treewidth"),
        Opt::long("help", No, A),
        Opt::long("usage", No, B),
    ],
};
