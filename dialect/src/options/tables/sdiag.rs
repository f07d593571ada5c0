//! Options of sdiag.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SDIAG: Table = Table {
    command: "sdiag",
    options: &[
        Opt::short('a', "all", No, B).about("", "show everything; so it does without"),
        Opt::short('M', "cluster", Required, B).about("name", "send the request to this cluster"),
        Opt::short('h', "help", No, A).about("", "show this text"),
        Opt::long("json", Optional, B).about("version", "print JSON"),
        Opt::long("no-trunc", No, C).about("", "do not cut names"),
        Opt::short('r', "reset", No, B).about("", "set the counters to zero; for administrators only"),
        Opt::short('i', "sort-by-id", No, B).about("", "requests by their number"),
        Opt::short('t', "sort-by-time", No, B).about("", "requests by their whole time"),
        Opt::short('T', "sort-by-time2", No, B).about("", "requests by their average time"),
        Opt::long("usage", No, B).about("", "show the options in brief"),
        Opt::short('V', "version", No, A).about("", "print the version"),
        Opt::long("yaml", Optional, B).about("version", "print YAML"),
        Opt::long("autocomplete", Required, C).about("word", "completions for a shell"),
    ],
};
