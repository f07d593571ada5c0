//! Options of scancel.

use super::super::Takes::{No, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SCANCEL: Table = Table {
    command: "scancel",
    options: &[
        Opt::short('A', "account", Required, A),
        Opt::long("admin-comment", Required, C),
        Opt::short('b', "batch", No, A),
        Opt::short('M', "clusters", Required, B),
        Opt::long("ctld", No, C),
        Opt::short('c', "cron", No, C),
        Opt::short('f', "full", No, A),
        Opt::long("help", No, A),
        Opt::short('H', "hurry", No, B),
        Opt::short('i', "interactive", No, B),
        Opt::short('n', "jobname", Required, A).alias_of("name"),
        Opt::short('n', "name", Required, A),
        Opt::long("me", No, A),
        Opt::short('w', "nodelist", Required, A),
        Opt::short('p', "partition", Required, A),
        Opt::short('q', "qos", Required, B),
        Opt::short('Q', "quiet", No, A),
        Opt::short('R', "reservation", Required, B),
        Opt::long("sibling", Required, C),
        Opt::short('s', "signal", Required, A),
        Opt::short('t', "state", Required, A),
        Opt::long("usage", No, B),
        Opt::short('u', "user", Required, A),
        Opt::short('v', "verbose", No, B),
        Opt::short('V', "version", No, A),
        Opt::long("wckey", Required, B),
        Opt::long("autocomplete", Required, C),
        Opt::long("cluster", Required, B).alias_of("clusters"),
    ],
};
