//! Real munge, and users that are not root: nobody acts as another, on any hop.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use muster_channel::{Credentials, Outside, dial, seal};
use muster_proto::wire::controller_client::ControllerClient;
use muster_proto::wire::{Claim, ListJobs, Request, Signed, reply, request};
use prost::Message;

use crate::munge::{keeper, with_munge};
use crate::places::{self, is_root};
use crate::site::{Site, eventually, finish};

/// Users that every Linux has.
const ALICE: (&str, u32) = ("nobody", 65_534);
const BOB: (&str, u32) = ("daemon", 1);

#[test]
fn no_user_acts_as_another_with_real_munge() {
    if !is_root() {
        return;
    }
    let site = with_munge(1);
    let home = site.path("home").display().to_string();
    let wrap = format!("id -u >{home}/uid; sleep 600");
    let id = ok(&site, ALICE, "sbatch", &["--parsable", "-D", &home, "-o", "/dev/null", "--wrap", &wrap]);
    let id = id.trim();
    eventually("it runs as its user", || fs::read_to_string(site.path("home/uid")).is_ok_and(|uid| uid == "65534\n"));
    assert!(site.run("scontrol", &["show", "job", id]).contains("UserId=nobody(65534)"));

    for (program, arguments) in [
        ("scancel", vec![id]),
        ("scontrol", vec!["update", &format!("JobId={id}"), "TimeLimit=1"]),
        ("scontrol", vec!["requeue", id]),
        ("scontrol", vec!["update", "NodeName=n1", "State=DRAIN", "Reason=mine"]),
        ("scontrol", vec!["reconfigure"]),
        ("srun", vec![&format!("--jobid={id}"), "true"]),
        ("sbatch", vec!["--uid=nobody", "--wrap", "true"]),
    ] {
        let said = done(&site, BOB, program, &arguments).expect_err(&format!("{program} {arguments:?} as {}", BOB.0));
        assert!(!said.is_empty(), "{program} {arguments:?} says why");
    }
    assert!(site.run("squeue", &["-h", "-o", "%i %t"]).contains(&format!("{id} R")), "nothing of that happened");
    ok(&site, ALICE, "scancel", &[id]);
    eventually("its own user ended it", || site.run("squeue", &["-h"]).is_empty());
}

#[test]
fn a_replayed_or_borrowed_credential_is_refused_by_a_real_controller() {
    if !is_root() {
        return;
    }
    let site = with_munge(1);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let keeper = keeper(&site);
        let first = signed(&keeper, [1; 16]).await;
        assert!(matches!(send(&site, first.clone()).await, reply::Body::Jobs(_)));
        refused(send(&site, first).await, "replayed");
        let other = signed(&keeper, [2; 16]).await;
        let borrowed = Signed { request: other.request, ..signed(&keeper, [3; 16]).await };
        refused(send(&site, borrowed).await, "another request");
    });
}

#[test]
fn real_munge_does_not_make_a_user_a_node_nor_a_machine_another() {
    if !is_root() {
        return;
    }
    let mut site = with_munge(1);
    let conf = fs::read_to_string(site.path("slurm.conf")).expect("it was written");
    let port = places::free_ports(1);
    let elsewhere = |name: &str, text: &str| {
        let spool = site.path(name).display().to_string();
        let own = site.path("spool").display().to_string();
        let moved = text.replace(&own, &spool).replace("spool-%n.pid", &format!("{name}-%n.pid"));
        let node = moved.lines().map(|line| match line.split_once(" Port=") {
            Some((before, after)) => format!("{before} Port={port} {}\n", after.split_once(' ').map_or("", |it| it.1)),
            None => format!("{line}\n"),
        });
        site.write(&format!("{name}.conf"), &node.collect::<String>());
    };
    elsewhere("clone", &conf);
    elsewhere("foreign", &conf.replace("ClusterName=proc", "ClusterName=other"));
    elsewhere("users", &conf.replace("SlurmdUser=root", "SlurmdUser=nobody"));
    for (name, uid, why) in
        [("clone", 0, "another machine"), ("foreign", 0, "another cluster"), ("users", ALICE.1, "speak for a node")]
    {
        let home = site.path(name);
        fs::create_dir_all(&home).expect("it is ours");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).expect("it is ours");
        fs::set_permissions(site.path("log"), fs::Permissions::from_mode(0o777)).expect("it is ours");
        let mut command = site.command("setpriv");
        command.args([format!("--reuid={uid}"), format!("--regid={uid}"), "--clear-groups".into()]);
        command
            .arg(site.path("bin/muster-noded"))
            .args(["-D", "-N", "n1", "-f"])
            .arg(site.path(&format!("{name}.conf")));
        site.spawn(name, command);
        site.daemon(name).says(why);
        site.kill(name);
        assert!(site.run("sinfo", &["-h", "-o", "%t"]).contains("idle"), "{name}: the real one serves on");
    }
}

async fn signed(keeper: &Arc<dyn Credentials>, id: [u8; 16]) -> Signed {
    let id = bytes::Bytes::copy_from_slice(&id);
    let request = Request {
        request_id: id.clone(),
        valid_until_ms: (Outside::real().wall_ms)() + 60_000,
        body: Some(request::Body::ListJobs(ListJobs::default())),
        ..Request::default()
    };
    let claim = Claim {
        cluster: "proc".into(),
        request_id: id,
        audience: "controller".into(),
        sender: "client".into(),
        ..Claim::default()
    };
    seal(keeper, request.encode_to_vec(), claim).await.expect("munged answers")
}

async fn send(site: &Site, signed: Signed) -> reply::Body {
    let conf = fs::read_to_string(site.path("slurm.conf")).expect("it was written");
    let port = conf.lines().find_map(|line| line.strip_prefix("SlurmctldPort=")).expect("it names a port");
    let channel = dial(&Outside::real(), &format!("127.0.0.1:{port}"), Duration::from_secs(20));
    let answer = ControllerClient::new(channel).call(signed).await.expect("the controller answers");
    answer.into_inner().body.expect("an answer has a body")
}

fn refused(answer: reply::Body, why: &str) {
    match answer {
        reply::Body::Failure(failure) => assert!(failure.message.contains(why), "{}", failure.message),
        other => panic!("not refused: {other:?}"),
    }
}

fn ok(site: &Site, user: (&str, u32), program: &str, arguments: &[&str]) -> String {
    done(site, user, program, arguments).unwrap_or_else(|said| panic!("{program} {arguments:?} as {}: {said}", user.0))
}

/// Runs a command as `user`.
fn done(site: &Site, (_, uid): (&str, u32), program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = site.command("setpriv");
    command.args([format!("--reuid={uid}"), format!("--regid={uid}"), "--clear-groups".into()]);
    command.arg("timeout").arg("30").arg(site.path("bin").join(program)).args(arguments);
    finish(command.current_dir(site.path("home")))
}
