//! Options of scancel.

use super::super::Takes::{No, Required};
use super::super::Tier::{A, B, C};
use super::super::{Opt, Table};

pub const SCANCEL: Table = Table {
    command: "scancel",
    options: &[
        Opt::short('A', "account", Required, A).about("name", "only jobs of this account"),
        Opt::long("admin-comment", Required, C).about("text", "comment to leave on the jobs; for administrators only"),
        Opt::short('b', "batch", No, A).about("", "signal the batch script alone"),
        Opt::short('M', "clusters", Required, B).about("names", "send the request to these clusters"),
        Opt::long("ctld", No, C).about("", "let the controller look for the jobs"),
        Opt::short('c', "cron", No, C).about("", "needed to cancel a job of scrontab"),
        Opt::short('f', "full", No, A).about("", "signal the batch script and all steps"),
        Opt::long("help", No, A).about("", "show this text"),
        Opt::short('H', "hurry", No, B).about("", "do not copy back from burst buffers"),
        Opt::short('i', "interactive", No, B).about("", "ask before each job"),
        Opt::short('n', "jobname", Required, A).alias_of("name"),
        Opt::short('n', "name", Required, A).about("name", "only jobs with this name"),
        Opt::long("me", No, A).about("", "your jobs alone"),
        Opt::short('w', "nodelist", Required, A).about("nodes", "only jobs on these nodes"),
        Opt::short('p', "partition", Required, A).about("name", "only jobs of this partition"),
        Opt::short('q', "qos", Required, B).about("name", "only jobs with this quality of service"),
        Opt::short('Q', "quiet", No, A).about("", "do not complain about jobs that are gone"),
        Opt::short('R', "reservation", Required, B).about("name", "only jobs of this reservation"),
        Opt::long("sibling", Required, C).about("cluster", "remove a sibling of a federated job"),
        Opt::short('s', "signal", Required, A).about("signal", "send this signal instead of ending the job"),
        Opt::short('t', "state", Required, A).about("states", "only jobs in these states"),
        Opt::long("usage", No, B).about("", "show the options in brief"),
        Opt::short('u', "user", Required, A).about("users", "only jobs of these users"),
        Opt::short('v', "verbose", No, B).about("", "say more; may be given again"),
        Opt::short('V', "version", No, A).about("", "print the version"),
        Opt::long("wckey", Required, B).about("key", "only jobs with this key"),
        Opt::long("autocomplete", Required, C).about("word", "completions for a shell"),
        Opt::long("cluster", Required, B).alias_of("clusters"),
    ],
};
