//! `muster pki`: certificates for a site that has no authority of its own.
//!
//! ```text
//! DIR/ca_cert.pem, ca_cert_key.pem            the authority; its key stays where `muster pki` runs
//! DIR/replica/NAME_cert.pem, _cert_key.pem    one pair a controller, node, user
//! DIR/node/…, DIR/client/…
//! ```
//!
//! Nothing here speaks to the cluster, and daemons notice files that changed by themselves. A site with an authority of
//! its own needs none of this: an URI `muster://CLUSTER/ROLE/NAME` in a certificate is all that is asked for.

mod authority;
mod error;
mod issue;
mod options;
mod place;
mod renew;
mod status;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::error::PkiError;
use self::options::Options;
use super::VOICE;
use crate::site::Site;

const HELP: &str = "\
Usage: muster pki COMMAND [--dir DIR]

  init [--days N]                     make the authority of this cluster (10 years)
  issue all [--days N]                make what controllers and nodes of slurm.conf have not yet (1 year)
  issue replica|node|client NAMES     the same for these controllers, nodes (n[1-4]) or users
  renew [--within DAYS] [--days N]    make anew what ends within 30 days, and the authority's certificate with it
  renew --all [--days N]              make everything anew
  status [--json]                     what there is, and when it ends; exit code 1 if something ends within 30 days

DIR is that of ca_cert_file in slurm.conf, else pki beside slurm.conf.
";

/// A site with the directory of its certificates.
struct Pki<'a> {
    site: &'a Site,
    dir: PathBuf,
    options: Options,
}

/// Runs the command with the words after "pki".
pub(super) fn run(site: &Site, words: &[&str], json: bool) -> u8 {
    match carried_out(site, words, json) {
        Ok(code) => code,
        Err(error) => super::told(&error.to_string()),
    }
}

/// True for what needs no configuration.
pub(super) fn wants_help(words: &[&str]) -> bool {
    matches!(words, [] | ["--help" | "-h" | "help", ..])
}

pub(super) fn help() -> u8 {
    super::print(HELP)
}

fn carried_out(site: &Site, words: &[&str], json: bool) -> Result<u8, PkiError> {
    let (words, options) = Options::take(words)?;
    let dir = options.dir.clone().unwrap_or_else(|| default_dir(site));
    let pki = Pki { site, dir, options };
    match words.as_slice() {
        ["init"] => pki.init(),
        ["issue", "all"] => pki.issue_all(),
        ["issue", role, names @ ..] if !names.is_empty() => pki.issue(role, names),
        ["renew"] => pki.renew(),
        ["status"] => pki.status(json),
        other => Err(PkiError::Usage(format!("no such command: pki {}", other.join(" ")))),
    }
}

fn default_dir(site: &Site) -> PathBuf {
    let conf = site.files.first().map_or("", |(path, _)| path.as_str());
    let beside = Path::new(conf).parent().unwrap_or(Path::new("/"));
    let named = site.config.tls_parameters.get("ca_cert_file").map(|file| beside.join(file));
    named.as_deref().and_then(Path::parent).map_or_else(|| beside.join("pki"), Path::to_owned)
}

fn now_s() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

fn say(line: &str) {
    VOICE.info(line);
}
