//! Options of sbcast.

use super::super::Takes::{No, Optional, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SBCAST: Table = Table {
    command: "sbcast",
    options: &[
        Opt::short('C', "compress", Optional, B).about("library", "compress the file on its way"),
        Opt::long("exclude", Required, C).about("NONE|paths", "libraries under these directories are not copied"),
        Opt::short('f', "force", No, A).about("", "replace a file that exists"),
        Opt::short('j', "jobid", Required, B).about("id[.step]", "job whose nodes get the file"),
        Opt::short('Z', "no-allocation", No, C).about("", "send without a job; for administrators only"),
        Opt::short('w', "nodelist", Required, C).about("nodes", "nodes that get the file"),
        Opt::short('p', "preserve", No, B).about("", "keep times and mode of the file"),
        Opt::long("send-libs", Optional, C).about("yes|no", "copy the libraries of the program too"),
        Opt::short('s', "size", Required, B).about("bytes", "size of the pieces that are sent"),
        Opt::short('t', "timeout", Required, B).about("seconds", "how long messages may take"),
        Opt::short('F', "treewidth", Required, C).about("n", "how many nodes are sent to at a time"),
        Opt::short('v', "verbose", No, B).about("", "say more; may be given again"),
        Opt::short('V', "version", No, A).about("", "print the version"),
        Opt::short('F', "fanout", Required, C).alias_of("treewidth"),
        Opt::long("help", No, A).about("", "show this text"),
        Opt::long("usage", No, B).about("", "show the options in brief"),
    ],
};
