//! What an operator's tools read, by plain HTTP on the client door's port.

use muster_controller::Controller;
use muster_proto::durable::{ConfigFile, ConfigFiles};
use muster_proto::wire::{ListJobs, Ping, request};
use muster_raft_store::MemoryDisk;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::stage::{ALICE, BOB, call, client, conf, found, one, settings, soon, start, start_with, submit};

/// Status and body.
pub(crate) async fn get(controller: &Controller, path: &str) -> (u16, String) {
    let mut stream = soon(TcpStream::connect(controller.client_address())).await.expect("the door is open");
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("the door reads");
    let mut answer = String::new();
    soon(stream.read_to_string(&mut answer)).await.expect("the door answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, body.to_owned())
}

async fn with_conf(lines: &str) -> Controller {
    let files = ConfigFiles { files: vec![ConfigFile { path: "/etc/slurm/slurm.conf".into(), text: conf() + lines }] };
    let disk = MemoryDisk::new(1);
    let controller = start_with(muster_controller::Settings { files, ..settings("a", &disk, Vec::new()) }).await;
    found(&controller).await;
    controller
}

#[tokio::test]
async fn metrics_are_numbers_that_grow_with_what_happened() {
    let controller = one().await;
    submit(&client(ALICE, &controller), "secret-name").await;
    let (status, page) = get(&controller, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "muster_raft_role{role=\"leader\"} 1.0",
        "muster_raft_leads 1.0",
        "muster_rpcs_total{kind=\"REQUEST_SUBMIT_BATCH_JOB\"} 1.0",
        "muster_user_rpcs{uid=\"1001\"} 1.0",
        "muster_jobs_submitted_total 1",
        "muster_job_records{kind=\"pending\"} 1.0",
        "muster_elections_won_total 1",
        "muster_raft_apply_lag_entries 0.0",
        "muster_refused_total{why=\"budget\"} 0.0",
        "muster_node_leases 0.0",
        "muster_nodes_without_lease 0.0",
        "muster_lease_wait_seconds_max 0.0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
    for histogram in ["muster_log_fsync_seconds", "muster_apply_seconds", "muster_schedule_pass_seconds"] {
        assert!(page.contains(&format!("# TYPE {histogram} histogram")), "{histogram} is not in\n{page}");
        assert!(page.contains(&format!("{histogram}_bucket{{le=\"+Inf\"}}")), "{histogram} has no end\n{page}");
    }
    assert!(page.ends_with("# EOF\n"));
    assert_eq!(get(&controller, "/nothing").await.0, 404);
    assert!(!page.contains("secret-name") && !page.contains("alice"));
    controller.stop().await;
}

#[tokio::test]
async fn private_data_hides_users_and_unknown_readers_see_nothing_where_some_were_named() {
    let private = with_conf("PrivateData=jobs\n").await;
    submit(&client(ALICE, &private), "job").await;
    let (status, page) = get(&private, "/metrics").await;
    assert_eq!(status, 200);
    assert!(!page.contains("uid="), "{page}");
    private.stop().await;
    let named = with_conf("MetricsAuthUsers=prometheus\n").await;
    assert_eq!(get(&named, "/metrics").await.0, 403);
    named.stop().await;
}

#[tokio::test]
async fn a_controller_is_ready_once_it_answers_linearizable_reads() {
    let controller = start("a", &MemoryDisk::new(1), Vec::new()).await;
    assert_eq!(get(&controller, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(get(&controller, "/readyz").await.0, 503);
    found(&controller).await;
    let (status, text) = get(&controller, "/readyz").await;
    assert_eq!(status, 200, "{text}");
    assert!(text.starts_with("ok: leader, applied "), "{text}");
    controller.stop().await;
}

#[tokio::test]
async fn a_user_over_the_budget_waits_while_others_do_not() {
    let controller = with_conf("SlurmctldParameters=rl_enable,rl_bucket_size=1,rl_refill_period=3600\n").await;
    let (alice, bob) = (client(ALICE, &controller), client(BOB, &controller));
    call(&alice, request::Body::Ping(Ping {})).await;
    let waits = tokio::spawn(async move { alice.call(request::Body::ListJobs(ListJobs::default())).await });
    let refused = |page: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix("muster_refused_total{why=\"budget\"} "));
        line.and_then(|count| count.parse::<f64>().ok()).unwrap_or_default()
    };
    soon(async { while refused(&get(&controller, "/metrics").await.1) < 1.0 {} }).await;
    assert!(!waits.is_finished());
    waits.abort();
    call(&bob, request::Body::Ping(Ping {})).await;
    // Administrators have no budget.
    for _ in 0..3 {
        call(&client(0, &controller), request::Body::Ping(Ping {})).await;
    }
    controller.stop().await;
}
