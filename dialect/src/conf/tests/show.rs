//! `scontrol show config` against what Slurm 22.05.8 printed for the same files.
//!
//! `golden.conf` is a small cluster with accounting; `rich.conf` sets as many keys as one configuration can. From the second
//! capture two values of obsolete keys, which Muster ignores, were taken out, and from the file the first
//! two of three values of one key: Slurm takes the last, Muster refuses the second.

use super::*;
use crate::conf::show::{Runtime, page};

fn runtime(now: &str, boot_time: &str) -> Runtime {
    Runtime {
        now: now.to_string(),
        boot_time: boot_time.to_string(),
        conf_path: "/etc/slurm/slurm.conf".to_string(),
        version: "22.05.8".to_string(),
        hash: "Match".to_string(),
        next_job_id: 1,
        slurm_user_uid: Some(0),
        slurmd_user_uid: Some(0),
        controllers: vec![("vm".to_string(), true)],
        pmix: false,
    }
}

fn config(text: &str) -> Config {
    let topology = "SwitchName=s0 Nodes=n[1-4]\n";
    let parsed = read(&[("/etc/slurm/slurm.conf", text), ("/etc/slurm/topology.conf", topology)]);
    parsed.config.unwrap_or_else(|| panic!("{:#?}", parsed.diagnostics))
}

/// Both texts line by line, so that a failure shows the rows.
fn assert_same(ours: &str, slurms: &str) {
    let (ours, slurms): (Vec<&str>, Vec<&str>) = (ours.lines().collect(), slurms.lines().collect());
    for (our, slurm) in ours.iter().zip(&slurms) {
        assert_eq!(our.trim_end(), slurm.trim_end());
    }
    assert_eq!(ours.len(), slurms.len());
}

#[test]
fn the_golden_cluster_shows_as_slurm_showed_it() {
    let config = config(include_str!("golden.conf"));
    let shown =
        Runtime { slurm_user_uid: Some(64030), pmix: true, ..runtime("2026-11-21T22:33:10", "2026-11-21T22:33:04") };
    assert_same(&page(&config, &shown), include_str!("golden-show-config.txt"));
}

#[test]
fn a_rich_configuration_shows_as_slurm_showed_it() {
    let config = config(include_str!("rich.conf"));
    let controllers = vec![("vm".to_string(), true), ("vmy".to_string(), false)];
    let shown = Runtime { controllers, ..runtime("2026-11-21T23:53:12", "2026-11-21T23:53:00") };
    assert_same(&page(&config, &shown), include_str!("rich-show-config.txt"));
}

#[test]
fn linear_selection_and_basic_priority_leave_their_rows_out() {
    let text = "ClusterName=c\nSlurmctldHost=h\nSelectType=select/linear\nPriorityType=priority/basic\nInactiveLimit=UNLIMITED\n";
    let page = page(&config(text), &runtime("", ""));
    assert!(!page.contains("SelectTypeParameters") && !page.contains("PriorityWeight"));
    assert!(page.contains("InactiveLimit           = 65535 sec\n"));
}
