//! srun's side of a step: output, input, acknowledgement, coming back, terminals.

// What fails here fails the test, also in what its functions share.
#![allow(clippy::unwrap_used)]

mod support;

use muster_channel::{Outside, dial};
use muster_proto::durable::EndCause;
use muster_proto::wire::node_client::NodeClient;
use muster_proto::wire::*;
use prost::Message;
use support::*;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

struct Srun {
    up: mpsc::Sender<ToTasks>,
    down: Streaming<FromTasks>,
    last: u64,
}

/// What a step told, put together.
#[derive(Debug, Default, PartialEq)]
struct Told {
    out: Vec<(u32, String)>,
    err: String,
    notices: Vec<String>,
    exits: Vec<(u32, u32)>,
    over: Option<u32>,
    error: String,
}

impl Told {
    fn of(&self, task: u32) -> String {
        self.out.iter().filter(|(of, _)| *of == task).map(|(_, text)| &text[..]).collect()
    }
}

fn me() -> u32 {
    rustix::process::getuid().as_raw()
}

async fn attach(node: &Node, uid: u32, step_id: u32, resume_after: u64, observe: bool) -> Srun {
    let channel = dial(&Outside::real(), &node.noded.address, PATIENCE);
    let (up, frames) = mpsc::channel(16);
    let attach = AttachStep { uid: 100, attempt: 1, step_id, resume_after, observe };
    let signed = sealed(node, uid, attach.encode_to_vec()).await;
    up.send(ToTasks { body: Some(to_tasks::Body::Attach(signed)) }).await.unwrap();
    let down = NodeClient::new(channel).attach(ReceiverStream::new(frames)).await.unwrap().into_inner();
    Srun { up, down, last: resume_after }
}

impl Srun {
    async fn say(&self, body: to_tasks::Body) {
        self.up.send(ToTasks { body: Some(body) }).await.unwrap();
    }

    async fn input(&self, task: Option<u32>, data: &str, eof: bool) {
        self.say(to_tasks::Body::Input(Input { task, data: data.as_bytes().to_vec().into(), eof, seq: 0 })).await;
    }

    async fn numbered(&self, seq: u64, data: &str, eof: bool) {
        let data = data.as_bytes().to_vec().into();
        self.say(to_tasks::Body::Input(Input { task: None, data, eof, seq })).await;
    }

    async fn next(&mut self) -> Option<from_tasks::Body> {
        let frame = tokio::time::timeout(PATIENCE, self.down.next()).await.expect("a frame in time")?.ok()?;
        if frame.seq > 0 {
            assert_eq!(frame.seq, self.last + 1, "frames come in order, each once");
            self.last = frame.seq;
        }
        frame.body
    }

    /// Hears until the step is over, acknowledging everything.
    async fn hear(&mut self) -> Told {
        let mut told = Told::default();
        while let Some(body) = self.next().await {
            match body {
                from_tasks::Body::Output(output) => {
                    let text = String::from_utf8(output.data.to_vec()).unwrap();
                    if output.stderr { told.err += &text } else { told.out.push((output.task, text)) }
                }
                from_tasks::Body::TaskExited(exited) => told.exits.push((exited.task, exited.wait_status)),
                from_tasks::Body::Notice(notice) => told.notices.push(notice),
                from_tasks::Body::Over(over) => (told.over, told.error) = (Some(over.wait_status), over.error),
                from_tasks::Body::Failure(failure) => told.error = failure.message,
                from_tasks::Body::TaskStarted(_) | from_tasks::Body::Attached(_) => {}
            }
            let over = told.over.is_some() || !told.error.is_empty();
            let _ = self.up.send(ToTasks { body: Some(to_tasks::Body::Received(self.last)) }).await;
            if over {
                break;
            }
        }
        told.exits.sort_unstable();
        told
    }
}

#[tokio::test]
async fn tasks_start_when_srun_is_there_and_tell_it_everything() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let script = "echo task $SLURM_PROCID of $SLURM_NTASKS; echo e$SLURM_LOCALID >&2; exit $SLURM_PROCID";
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 2, &["sh", "-c", script]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    let told = srun.hear().await;
    assert_eq!((told.of(0), told.of(1)), ("task 0 of 2\n".into(), "task 1 of 2\n".into()));
    assert_eq!((told.exits, told.over), (vec![(0, 0), (1, 0x100)], Some(0x100)));
    assert!(told.err.contains("e0\n") && told.err.contains("e1\n"), "{}", told.err);
    assert_eq!(leader.exit().await.wait_status, 0x100);
    node.stop().await;
}

#[tokio::test]
async fn input_goes_to_all_tasks_or_to_one() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 2, &["cat"]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    until_started(&mut srun, 2).await;
    srun.input(None, "both\n", false).await;
    srun.input(Some(1), "one\n", false).await;
    srun.input(None, "", true).await;
    let told = srun.hear().await;
    assert_eq!((told.of(0), told.of(1)), ("both\n".into(), "both\none\n".into()));
    node.stop().await;
}

async fn until_started(srun: &mut Srun, tasks: usize) {
    let mut started = 0;
    while started < tasks {
        if let from_tasks::Body::TaskStarted(_) = srun.next().await.unwrap() {
            started += 1;
        }
    }
}

#[tokio::test]
async fn srun_that_comes_back_hears_on_from_where_it_was() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let script = "for i in 1 2 3 4 5; do echo line $i; read x; done";
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["sh", "-c", script]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    until_started(&mut srun, 1).await;
    assert!(matches!(srun.next().await, Some(from_tasks::Body::Output(_))));
    let last = srun.last;
    drop(srun);
    let mut srun = attach(&node, me(), 0, last, false).await;
    srun.input(None, "\n\n\n\n\n", true).await;
    let told = srun.hear().await;
    assert_eq!(told.of(0), "line 2\nline 3\nline 4\nline 5\n");
    assert_eq!(told.over, Some(0));
    node.stop().await;
}

#[tokio::test]
async fn a_step_whose_srun_does_not_come_back_is_ended() {
    let place = Place { resume_wait_ms: 50, ..Place::new() };
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["sleep", "1000"]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    until_started(&mut srun, 1).await;
    drop(srun);
    assert_eq!(leader.exit().await.wait_status, 15);
    node.stop().await;
}

#[tokio::test]
async fn a_step_that_srun_never_attaches_to_ends_with_an_error() {
    let place = Place { attach_wait_ms: 50, ..Place::new() };
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["touch", "ran"]))).await;
    let exit = leader.exit().await;
    assert_eq!((exit.wait_status, &exit.error[..]), (0x100, "srun did not attach to the step"));
    assert!(!place.work().join("ran").exists());
    node.stop().await;
}

#[tokio::test]
async fn much_output_waits_for_srun_and_none_is_lost() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let script = "seq 1 1000000; echo end >&2";
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["sh", "-c", script]))).await;
    let told = attach(&node, me(), 0, 0, false).await.hear().await;
    let text = told.of(0);
    assert_eq!((text.lines().count(), text.lines().last(), &told.err[..]), (1_000_000, Some("1000000"), "end\n"));
    node.stop().await;
}

#[tokio::test]
async fn much_input_through_cat_does_not_stop_for_ever() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["cat"]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    until_started(&mut srun, 1).await;
    let up = srun.up.clone();
    let piece = "x".repeat(64 * 1024);
    // All input goes out before the first acknowledgement: the worst order.
    let feeding = tokio::spawn(async move {
        for round in 0..=128 {
            let data = if round < 128 { piece.as_bytes().to_vec() } else { Vec::new() };
            let input = Input { task: None, data: data.into(), eof: round == 128, seq: 0 };
            up.send(ToTasks { body: Some(to_tasks::Body::Input(input)) }).await.unwrap();
        }
    });
    let told = srun.hear().await;
    feeding.await.unwrap();
    assert_eq!(told.of(0).len(), 128 * 64 * 1024);
    node.stop().await;
}

#[tokio::test]
async fn another_user_may_not_attach() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["true"]))).await;
    let told = attach(&node, 54_321, 0, 0, false).await.hear().await;
    assert_eq!(told, Told { error: "Access/permission denied".into(), ..Told::default() });
    node.stop().await;
}

#[tokio::test]
async fn a_terminal_has_the_size_that_srun_told() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let mut launch = step(&place.work(), 0, 1, &["sh", "-c", "test -t 0 && test -t 1 && stty size"]);
    let spec = launch.spec.as_mut().unwrap();
    (spec.pty, spec.pty_rows, spec.pty_columns) = (true, 33, 77);
    leader.order(100, 1, order::Body::LaunchStep(launch)).await;
    let told = attach(&node, me(), 0, 0, false).await.hear().await;
    assert_eq!((told.of(0), told.over), ("33 77\r\n".into(), Some(0)));
    node.stop().await;
}

#[tokio::test]
async fn a_cancelled_step_tells_srun_in_slurms_words() {
    for (at_once, signal) in [(false, 15), (true, 9)] {
        cancelled_step(at_once, signal).await;
    }
}

async fn cancelled_step(at_once: bool, signal: u32) {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 4, 1, &["sleep", "1000"]))).await;
    let mut srun = attach(&node, me(), 4, 0, false).await;
    until_started(&mut srun, 1).await;
    let end = EndStep { step_id: 4, cause: EndCause::Cancelled as i32, kill_wait_s: 30, by_uid: 0, at_once };
    leader.order(100, 1, order::Body::EndStep(end)).await;
    let told = srun.hear().await;
    assert!(told.notices[0].starts_with("slurmstepd-n1: error: *** STEP 12.4 ON n1 CANCELLED AT "), "{told:?}");
    assert_eq!(told.exits, [(0, signal)]);
    node.stop().await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_told_in_slurms_words() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["/no/such/program"]))).await;
    let told = attach(&node, me(), 0, 0, false).await.hear().await;
    assert_eq!(told.err, "slurmstepd-n1: error: execve(): /no/such/program: No such file or directory\n");
    assert_eq!(told.over, Some(0x200));
    node.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_not_there_becomes_tmp() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let mut launch = step(&place.work(), 0, 1, &["pwd"]);
    launch.spec.as_mut().unwrap().work_dir = "/nosuch".into();
    leader.order(100, 1, order::Body::LaunchStep(launch)).await;
    let told = attach(&node, me(), 0, 0, false).await.hear().await;
    let line = "slurmstepd-n1: error: couldn't chdir to `/nosuch': No such file or directory: going to /tmp instead\n";
    assert_eq!((told.of(0), told.err), ("/tmp\n".into(), line.repeat(2)));
    node.stop().await;
}

#[tokio::test]
async fn files_by_pattern_are_written_on_the_node() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    let mut launch = step(&place.work(), 2, 2, &["sh", "-c", "echo $SLURM_PROCID; echo e >&2"]);
    launch.spec.as_mut().unwrap().std_out = "out.%t.%j.%s".into();
    leader.order(100, 1, order::Body::LaunchStep(launch)).await;
    let told = attach(&node, me(), 2, 0, false).await.hear().await;
    assert_eq!((told.out, told.over), (vec![], Some(0)));
    for task in 0..2 {
        let text = std::fs::read_to_string(place.work().join(format!("out.{task}.12.2"))).unwrap();
        assert_eq!(text, format!("{task}\ne\n"));
    }
    node.stop().await;
}

#[tokio::test]
async fn sattach_hears_what_srun_hears_and_does_not_own_the_step() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["cat"]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    until_started(&mut srun, 1).await;
    let mut observer = attach(&node, me(), 0, 0, true).await;
    assert_eq!(observer.next().await, Some(from_tasks::Body::Attached(true)));
    srun.input(None, "seen\n", true).await;
    let first = tokio::time::timeout(PATIENCE, observer.down.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(first.body, Some(from_tasks::Body::Output(output)) if &output.data[..] == b"seen\n"));
    drop(observer);
    assert_eq!(srun.hear().await.over, Some(0));
    node.stop().await;
}

#[tokio::test]
async fn input_that_comes_before_the_tasks_is_not_lost() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["cat"]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    srun.input(None, "early\n", true).await;
    assert_eq!(srun.hear().await.of(0), "early\n");
    node.stop().await;
}

#[tokio::test]
async fn input_that_is_sent_again_over_a_new_connection_is_taken_once() {
    let place = Place::new();
    let (mut leader, node) = held(&place).await;
    leader.order(100, 1, order::Body::LaunchStep(step(&place.work(), 0, 1, &["cat"]))).await;
    let mut srun = attach(&node, me(), 0, 0, false).await;
    until_started(&mut srun, 1).await;
    srun.numbered(1, "one\n", false).await;
    srun.numbered(2, "two\n", false).await;
    // What it takes it says; then the connection breaks.
    while tokio::time::timeout(PATIENCE, srun.down.next()).await.unwrap().unwrap().unwrap().input_taken < 2 {}
    drop(srun);
    let mut again = attach(&node, me(), 0, 0, false).await;
    let hello = tokio::time::timeout(PATIENCE, again.down.next()).await.unwrap().unwrap().unwrap();
    assert_eq!((hello.body, hello.input_taken), (Some(from_tasks::Body::Attached(true)), 2));
    // A srun that had not heard that yet.
    again.numbered(1, "one\n", false).await;
    again.numbered(2, "two\n", false).await;
    again.numbered(3, "three\n", true).await;
    assert_eq!(again.hear().await.of(0), "one\ntwo\nthree\n");
    node.stop().await;
}
