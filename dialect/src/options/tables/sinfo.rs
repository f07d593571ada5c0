//! Options of sinfo.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SINFO: Table = Table {
    command: "sinfo",
    options: &[
        Opt::short('a', "all", No, A).about("", "show hidden partitions too"),
        Opt::short('M', "clusters", Required, B).about("names", "send the request to these clusters"),
        Opt::short('d', "dead", No, B).about("", "only nodes that do not respond"),
        Opt::short('e', "exact", No, B).about("", "do not put nodes together whose sizes differ"),
        Opt::long("federation", No, C).about("", "show the whole federation"),
        Opt::short('F', "future", No, C).about("", "show nodes in state FUTURE too"),
        Opt::short('o', "format", Required, A).about("format", "what to show, by letters"),
        Opt::short('O', "Format", Required, A).about("fields", "what to show, by names"),
        Opt::long("help", No, A).about("", "show this text"),
        Opt::long("hide", No, B).about("", "leave out what is hidden from you"),
        Opt::short('i', "iterate", Required, B).about("seconds", "show it again and again"),
        Opt::long("json", Optional, A).about("version", "print JSON"),
        Opt::short('R', "list-reasons", No, A).about("", "why nodes are down or drained"),
        Opt::long("local", No, C).about("", "show this cluster alone"),
        Opt::short('l', "long", No, A).about("", "show more"),
        Opt::long("noconvert", No, B).about("", "sizes as they are, without larger units"),
        Opt::short('N', "Node", No, A).about("", "a line for each node"),
        Opt::short('n', "nodes", Required, A).about("nodes", "only these nodes"),
        Opt::short('h', "noheader", No, A).about("", "no line of titles"),
        Opt::short('p', "partition", Required, A).about("names", "only these partitions"),
        Opt::short('T', "reservation", No, B).about("", "show reservations"),
        Opt::short('r', "responding", No, A).about("", "only nodes that respond"),
        Opt::short('S', "sort", Required, B).about("fields", "order of the lines"),
        Opt::short('t', "states", Required, A).about("states", "only nodes in these states"),
        Opt::short('s', "summarize", No, A).about("", "one line for each partition"),
        Opt::long("usage", No, B).about("", "show the options in brief"),
        Opt::short('v', "verbose", No, C).about("", "say more; may be given again"),
        Opt::short('V', "version", No, A).about("", "print the version"),
        Opt::long("yaml", Optional, B).about("version", "print YAML"),
        Opt::long("autocomplete", Required, C).about("word", "completions for a shell"),
        Opt::long("helpFormat", No, C).about("", "list the fields there are"),
        Opt::long("helpformat", No, C).about("", "list the fields there are"),
        Opt::long("helpstate", No, C).about("", "list the states there are"),
    ],
};
