//! Stores that are another's, damaged, or full.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::site::{Site, eventually, finish};

#[test]
fn a_controller_refuses_the_store_of_another() {
    let mut site = Site::start(3, 0);
    site.kill("c1");
    site.kill("c2");
    let foreign = site.path("state/proc/c2");
    let said = site.fails("muster-controller", &["-D", "--name", "c1", "--state-dir", &foreign.display().to_string()]);
    assert!(said.contains("the store belongs to replica c2, this controller is c1"), "{said}");
}

#[test]
fn a_damaged_log_ends_its_controller_and_a_wiped_one_is_admitted_anew() {
    let mut site = Site::start(3, 0);
    for number in 0..20 {
        site.run("sbatch", &["--parsable", "-H", "-J", &format!("a{number}"), "--wrap", "true"]);
    }
    site.kill("c3");
    let store = site.path("state/proc/c3");
    let damaged = spoil_log(&store);
    site.start_controller("c3");
    let status = site.daemon("c3").ends();
    let said = site.daemon("c3").said();
    assert!(!status.success() && said.contains(&store.display().to_string()), "{said}");
    assert!(said.to_lowercase().contains("corrupt") || said.contains("damaged"), "{}: {said}", damaged.display());
    site.run("sbatch", &["-H", "-J", "meanwhile", "--wrap", "true"]);
    eventually("the others say that it is gone", || site.voters() == 2);
    fs::remove_dir_all(&store).expect("the site is ours");
    site.start_controller("c3");
    eventually("it is admitted and votes", || site.voters() == 3);
    site.kill("c1");
    site.run("sbatch", &["-H", "-J", "after", "--wrap", "true"]);
    assert_eq!(site.run("squeue", &["-h", "-o", "%i"]).lines().count(), 22, "with c1 gone its vote counts");
}

#[test]
fn a_full_disk_ends_its_controller_and_the_others_serve_until_it_has_room_again() {
    let mut site = Site::empty();
    site.configure("slurm.conf", 3, "spool", "AuthType=auth/none\nCredType=cred/none\n");
    if site.mount("state/proc/c3", "24m").is_none() {
        return;
    }
    site.bring_up(3, 0);
    let script = site.path("large.sh");
    let noise = noise(350_000);
    let mut accepted = 0;
    for number in 0..200 {
        if site.daemon("c3").child.try_wait().expect("it is ours").is_some() {
            break;
        }
        site.write("large.sh", &format!("#!/bin/sh\n# {number}{noise}{number}\n"));
        site.run("sbatch", &["-H", &script.display().to_string()]);
        accepted += 1;
    }
    assert!(!site.daemon("c3").ends().success());
    let said = site.daemon("c3").said();
    assert!(said.contains("No space left on device") && said.contains("state/proc/c3"), "{said}");
    site.run("sbatch", &["-H", "--wrap", "true"]);

    site.grow("512m");
    site.start_controller("c3");
    site.kill("c1");
    site.run("sbatch", &["-H", "--wrap", "true"]);
    assert_eq!(site.run("squeue", &["-h", "-o", "%i"]).lines().count(), accepted + 2, "with c1 gone its vote counts");
}

#[test]
fn rows_damaged_under_a_running_controller_end_it_when_they_are_read_and_the_others_serve() {
    let mut site = Site::start(3, 0);
    let script = format!("#!/bin/sh\n# {}\n", noise(350_000));
    site.write("large.sh", &script);
    let id = site.run("sbatch", &["--parsable", "-H", "large.sh"]);
    let id = id.trim();
    // A stop flushes the rows into files; after it they are read from there.
    site.stop("c3");
    site.start_controller("c3");
    eventually("it votes again", || site.voters() == 3);
    let conf = fs::read_to_string(site.path("slurm.conf")).expect("it was written");
    let c3_alone = |line: &&str| !line.starts_with("SlurmctldHost=") || line.contains("=c3(");
    site.write("c3.conf", &(conf.lines().filter(c3_alone).collect::<Vec<_>>().join("\n") + "\n"));
    let damaged = spoil_rows(&site.path("state/proc/c3"));

    let mut asking = site.command("timeout");
    asking.args(["20", "scontrol", "write", "batch_script", id, "-"]).env("SLURM_CONF", site.path("c3.conf"));
    let answer = asking.output().expect("timeout is installed");
    assert_ne!(answer.stdout, script.as_bytes(), "{} was not where the script stood", damaged.display());
    assert!(!String::from_utf8_lossy(&answer.stdout).contains(&script[20..60]), "no part of it was served");
    assert!(!site.daemon("c3").ends().success());
    let said = site.daemon("c3").said();
    assert!(said.contains(&damaged.display().to_string()) && said.contains("orruption"), "{said}");

    assert_eq!(site.run("scontrol", &["write", "batch_script", id, "-"]).trim_end(), script.trim_end());
    site.run("sbatch", &["-H", "--wrap", "true"]);
    fs::remove_dir_all(site.path("state/proc/c3")).expect("the site is ours");
    site.start_controller("c3");
    eventually("the wiped one is admitted and votes", || site.voters() == 3);
    let again = finish(
        site.command("scontrol").args(["write", "batch_script", id, "-"]).env("SLURM_CONF", site.path("c3.conf")),
    );
    assert_eq!(again.expect("it has its rows anew").trim_end(), script.trim_end());
}

/// Text that cannot be pressed.
fn noise(bytes: u64) -> String {
    (0..bytes).map(|at| char::from(b'a' + (at.wrapping_mul(at ^ 0x9e37_79b9) >> 7) as u8 % 26)).collect()
}

/// Turns bytes over in the largest file of the rows, in place: whoever has it open sees it.
fn spoil_rows(store: &Path) -> PathBuf {
    let entries = |path: &Path| fs::read_dir(path).expect("it is ours").map(|entry| entry.expect("readable").path());
    let is_rows = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("rows-"));
    let files = entries(store).filter(is_rows).flat_map(|rows| entries(&rows).collect::<Vec<_>>());
    let rows = files.filter(|path| path.extension().is_some_and(|ending| ending == "sst"));
    let largest = rows.max_by_key(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()));
    let path = largest.expect("rows were flushed");
    let file = fs::File::options().write(true).open(&path).expect("it is ours");
    file.write_all_at(&[0xa5; 64], 16).expect("it is ours");
    path
}

/// Turns bytes over in the middle of the newest file of the log.
fn spoil_log(store: &Path) -> PathBuf {
    let files =
        fs::read_dir(store.join("log")).expect("a store has a log").map(|entry| entry.expect("readable").path());
    let logs = files.filter(|path| path.extension().is_some_and(|ending| ending == "log"));
    let largest = logs.max_by_key(|path| fs::metadata(path).map_or(0, |metadata| metadata.len()));
    let path = largest.expect("RocksDB has a log of its own");
    let mut bytes = fs::read(&path).expect("it is ours");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 64].iter_mut().for_each(|byte| *byte ^= 0xff);
    fs::write(&path, bytes).expect("it is ours");
    path
}
