//! What is made is what daemons take.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use muster_channel::Outside;
use muster_channel::tls::{Certificate, Identity, Role, TlsError, TlsSite};
use muster_dialect::conf::{Stored, parse};
use nix::unistd::{User, geteuid};
use tempfile::TempDir;

use super::*;

/// A site of one controller and two nodes whose files are in `dir`.
fn site(dir: &Path) -> Site {
    let user = User::from_uid(geteuid()).unwrap().unwrap().name;
    let dir = dir.display();
    let text = format!(
        "ClusterName=c\nSlurmctldHost=c1(127.0.0.1)\nSlurmUser={user}\nSlurmdUser={user}\nAuthType=auth/none\n\
         TLSType=tls/s2n\nTLSParameters=ca_cert_file={dir}/ca_cert.pem,ctld_cert_file={dir}/replica/%n_cert.pem,\
         ctld_cert_key_file={dir}/replica/%n_cert_key.pem,slurmd_cert_file={dir}/node/%n_cert.pem,\
         slurmd_cert_key_file={dir}/node/%n_cert_key.pem\nNodeName=n[1-2]\nPartitionName=p Nodes=ALL Default=YES\n"
    );
    let files = vec![("/etc/slurm/slurm.conf".to_owned(), text)];
    Site { config: parse(&Stored(&files), "/etc/slurm/slurm.conf").config.unwrap(), files }
}

fn pki(site: &Site, words: &str) -> Result<u8, String> {
    let words: Vec<&str> = words.split_whitespace().collect();
    carried_out(site, &words, false).map_err(|why| why.to_string())
}

fn daemon(site: &Site, role: Role, name: &str) -> Result<Vec<String>, TlsError> {
    let parameters: &BTreeMap<String, String> = &site.config.tls_parameters;
    let tls = TlsSite {
        tls_type: &site.config.tls_type,
        parameters,
        slurm_conf: Path::new("/etc/slurm/slurm.conf"),
        cluster: "c",
        owners: &[geteuid().as_raw()],
    };
    Ok(tls.daemon(role, name, &Outside::real())?.unwrap().warnings(now_s()))
}

fn founded() -> (TempDir, Site) {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path());
    assert_eq!(pki(&site, "init"), Ok(0));
    assert_eq!(pki(&site, "issue all"), Ok(0));
    (dir, site)
}

#[test]
fn daemons_take_what_was_made_for_them() {
    let (dir, site) = founded();
    for (role, name) in [(Role::Replica, "c1"), (Role::Node, "n1"), (Role::Node, "n2")] {
        assert!(daemon(&site, role, name).unwrap().is_empty());
    }
    assert_eq!(pki(&site, "status"), Ok(0));
    assert!(pki(&site, "init").unwrap_err().contains("exists already"));
    assert!(pki(&site, "issue node n1").unwrap_err().contains("exists already"));
    assert_eq!(pki(&site, "issue node n3").unwrap_err(), "no node n3 in slurm.conf");
    assert!(pki(&site, "issue king n1").unwrap_err().starts_with("king: not replica, node or client"));
    let certificate = Certificate::read(&dir.path().join("node/n1_cert.pem"), &[0, geteuid().as_raw()]).unwrap();
    assert_eq!(certificate.identity, Identity::new("c", Role::Node, "n1"));
}

#[test]
fn what_ends_soon_is_renewed_and_the_older_authority_file_still_believes_it() {
    let (dir, site) = founded();
    let old_authority = fs::read(dir.path().join("ca_cert.pem")).unwrap();
    let node = dir.path().join("node/n1_cert.pem");
    fs::remove_file(&node).unwrap();
    assert_eq!(pki(&site, "issue node n1 --days 5"), Ok(0));
    assert_eq!(pki(&site, "status"), Ok(1));
    assert!(daemon(&site, Role::Node, "n1").unwrap()[0].contains("ends in "));
    let other = fs::read(dir.path().join("node/n2_cert.pem")).unwrap();
    assert_eq!(pki(&site, "renew"), Ok(0));
    assert_eq!(fs::read(dir.path().join("node/n2_cert.pem")).unwrap(), other);
    assert_eq!(pki(&site, "status"), Ok(0));
    assert_eq!(pki(&site, "renew --all"), Ok(0));
    assert_ne!(fs::read(dir.path().join("ca_cert.pem")).unwrap(), old_authority);
    fs::write(dir.path().join("ca_cert.pem"), old_authority).unwrap();
    assert!(daemon(&site, Role::Node, "n2").is_ok());
}

#[test]
fn a_key_of_another_authority_signs_nothing() {
    let (dir, site) = founded();
    let other = tempfile::tempdir().unwrap();
    assert_eq!(pki(&site, &format!("init --dir {}", other.path().display())), Ok(0));
    fs::copy(other.path().join("ca_cert_key.pem"), dir.path().join("ca_cert_key.pem")).unwrap();
    assert!(pki(&site, "renew --all").unwrap_err().contains("was not made by muster pki with this key"));
}
