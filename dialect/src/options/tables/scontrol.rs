//! Options of scontrol.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SCONTROL: Table = Table {
    command: "scontrol",
    options: &[
        Opt::short('a', "all", No, A).about("", "show hidden partitions too"),
        Opt::short('M', "clusters", Required, B).about("names", "send the request to these clusters"),
        Opt::short('d', "details", No, A).about("", "show more of each job"),
        Opt::long("federation", No, C).about("", "show the whole federation"),
        Opt::short('F', "future", No, C).about("", "show nodes in state FUTURE too"),
        Opt::short('h', "help", No, A).about("", "show this text"),
        Opt::long("hide", No, B).about("", "leave out what is hidden from you"),
        Opt::long("json", Optional, A).about("version", "print JSON"),
        Opt::long("local", No, C).about("", "show this cluster alone"),
        Opt::short('o', "oneliner", No, A).about("", "one line for each record"),
        Opt::short('Q', "quiet", No, A).about("", "say less"),
        Opt::long("sibling", No, C).about("", "show the siblings of federated jobs"),
        Opt::short('u', "uid", Required, B).about("user", "submit as this user; for root only"),
        Opt::short('v', "verbose", No, B).about("", "say more; may be given again"),
        Opt::short('V', "version", No, A).about("", "print the version"),
        Opt::long("yaml", Optional, B).about("version", "print YAML"),
        Opt::long("autocomplete", Required, C).about("word", "completions for a shell"),
        Opt::long("usage", No, B).about("", "show the options in brief"),
    ],
};
