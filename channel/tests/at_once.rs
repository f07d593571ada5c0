//! A command's one call, without a runtime, to a controller's door as it is served.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use muster_channel::{Client, ClientOptions, NoAuth, Outside, serve};
use muster_proto::wire::{ConfigText, Done, NotLeader, Ping, Reply, Request, Signed, Submit, reply, request};
use prost::Message;
use tokio::runtime::Runtime;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::service::Routes;
use tonic::{Response, Status};
use tonic_prost::ProstCodec;

/// Answers the first calls in turn, and every later one like the last. By hand, so that other calls of the contract are none of its business.
#[derive(Clone)]
struct Door(Arc<Mutex<VecDeque<Result<reply::Body, Status>>>>);

impl Door {
    fn answer(&self) -> Result<reply::Body, Status> {
        let mut answers = self.0.lock().expect("no holder of this lock panics");
        if answers.len() > 1 { answers.pop_front().expect("it has two") } else { answers[0].clone() }
    }
}

impl NamedService for Door {
    const NAME: &'static str = "muster.wire.Controller";
}

impl Service<http::Request<Body>> for Door {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let door = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(door, request).await) })
    }
}

impl UnaryService<Signed> for Door {
    type Response = Reply;
    type Future = std::future::Ready<Result<Response<Reply>, Status>>;

    fn call(&mut self, signed: tonic::Request<Signed>) -> Self::Future {
        let request = Request::decode(&signed.into_inner().request[..]).expect("a request of the contract");
        assert_eq!((request.program.as_str(), request.request_id.len()), ("test", 16));
        std::future::ready(self.answer().map(|body| Response::new(Reply { body: Some(body), age: None })))
    }
}

/// Doors that are open as long as this lives.
struct Doors {
    runtime: Runtime,
    addresses: Vec<String>,
}

impl Doors {
    fn new() -> Self {
        Self { runtime: Runtime::new().expect("a runtime"), addresses: Vec::new() }
    }

    fn open(&mut self, answer: Result<reply::Body, Status>) -> String {
        self.open_in_turn(|_| vec![answer])
    }

    fn open_in_turn(&mut self, answers: impl FnOnce(&str) -> Vec<Result<reply::Body, Status>>) -> String {
        let listener = self.runtime.block_on(Outside::real().net.listen("127.0.0.1:0")).expect("a port");
        let address = listener.address().expect("it has one");
        let routes = Routes::new(Door(Arc::new(Mutex::new(answers(&address).into()))));
        self.runtime.spawn(serve(listener, routes, std::future::pending()));
        self.addresses.push(address.clone());
        address
    }

    fn client(&self, controllers: Vec<String>) -> Client {
        let options = ClientOptions {
            cluster: "c".into(),
            controllers,
            host: "here".into(),
            program: "test".into(),
            one_try: Duration::from_secs(20),
            give_up: Duration::from_secs(20),
        };
        Client::new(Outside::real(), Arc::new(NoAuth::new(0, 0)), options)
    }
}

/// A port where nobody listens.
fn closed() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it has one").to_string()
}

fn done() -> reply::Body {
    reply::Body::Done(Done { count: 7, ..Done::default() })
}

fn not_leader(address: &str) -> reply::Body {
    reply::Body::NotLeader(NotLeader { leader_address: address.to_owned(), ..NotLeader::default() })
}

#[test]
fn a_controller_that_is_not_there_is_passed_by_and_a_follower_names_the_leader() {
    let mut doors = Doors::new();
    let leader = doors.open(Ok(done()));
    let follower = doors.open(Ok(not_leader(&leader)));
    let client = doors.client(vec![closed(), follower]);
    let mut question = client.question(request::Body::Ping(Ping {}));
    assert_eq!(client.ask_at_once(&mut question).expect("no refusal"), Some(done()));
}

#[test]
fn an_answer_of_many_frames_comes_whole() {
    let mut doors = Doors::new();
    let text = ConfigText { notes: vec!["x".repeat(3_000_000)], ..ConfigText::default() };
    let door = doors.open(Ok(reply::Body::Config(text.clone())));
    let client = doors.client(vec![door]);
    let mut question = client.question(request::Body::Ping(Ping {}));
    assert_eq!(client.ask_at_once(&mut question).expect("no refusal"), Some(reply::Body::Config(text)));
}

#[test]
fn what_is_not_answered_at_once_is_asked_again_by_the_usual_way() {
    let mut doors = Doors::new();
    let door = doors.open(Err(Status::invalid_argument("garbage")));
    let client = doors.client(vec![door]);
    let mut question = client.question(request::Body::Ping(Ping {}));
    assert_eq!(client.ask_at_once(&mut question).expect("no refusal"), None);
    assert!(question.may_be_done(), "it was sent");
    let error = doors.runtime.block_on(client.ask(question)).expect_err("the door refuses");
    assert_eq!(error.to_string(), "garbage");
}

#[test]
fn followers_that_name_each_other_are_not_followed_for_ever() {
    let mut doors = Doors::new();
    let other = closed();
    let door = doors.open(Ok(not_leader(&other)));
    let client = doors.client(vec![door.clone(), door]);
    let mut question = client.question(request::Body::Ping(Ping {}));
    assert_eq!(client.ask_at_once(&mut question).expect("no refusal"), None);
    assert!(!question.may_be_done(), "nobody took it");
}

#[test]
fn a_controller_that_was_elected_while_it_was_asked_is_asked_again() {
    let mut doors = Doors::new();
    let elected = doors.open_in_turn(|own| vec![Ok(not_leader(own)), Ok(done())]);
    // By turns nobody else would do: the others are not there.
    let client = doors.client(vec![elected, closed(), closed()]);
    let answer = doors.runtime.block_on(client.call(request::Body::Ping(Ping {})));
    assert_eq!(answer.expect("answered"), done());
}

#[test]
fn what_is_too_large_for_one_window_goes_the_usual_way() {
    let mut doors = Doors::new();
    let door = doors.open(Ok(done()));
    let client = doors.client(vec![door]);
    let submit = Submit { script: vec![b'x'; 100_000].into(), ..Default::default() };
    let mut question = client.question(request::Body::Submit(submit));
    assert_eq!(client.ask_at_once(&mut question).expect("no refusal"), None);
    let answer = doors.runtime.block_on(client.ask(question));
    assert_eq!(answer.expect("answered"), done());
}

/// Streams on one connection, each with a message of 4 MiB of which nothing has come but its length.
fn half_sent(address: &str, streams: u32) -> std::net::TcpStream {
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let headers =
        b"\x83\x86\x01\x06muster\x04\x1c/muster.wire.Controller/Call\x00\x02te\x08trailers\x0f\x10\x10application/grpc";
    for stream in (0..streams).map(|nth| 2 * nth + 1) {
        for (kind, flags, payload) in [(1u8, 4u8, &headers[..]), (0, 0, b"\0\0\x40\0\0")] {
            out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
            out.extend_from_slice(&[kind, flags]);
            out.extend_from_slice(&stream.to_be_bytes());
            out.extend_from_slice(payload);
        }
    }
    let mut connection = std::net::TcpStream::connect(address).expect("the door is open");
    connection.write_all(&out).expect("it takes them");
    connection
}

#[test]
fn a_door_full_of_half_sent_messages_takes_small_ones_and_tells_large_ones_to_come_again() {
    let mut doors = Doors::new();
    let door = doors.open(Ok(done()));
    let hostile = half_sent(&door, 48);
    let client = doors.client(vec![door.clone()]);
    let ask = |script: usize| {
        let submit = Submit { script: vec![b'x'; script].into(), ..Default::default() };
        doors.runtime.block_on(client.call_one(&door, request::Body::Submit(submit)))
    };
    // As soon as the door has read all of that.
    while ask(3_000_000).is_ok() {}
    assert_eq!(ask(10_000).expect("small ones come in"), done());
    let large = Submit { script: vec![b'x'; 3_000_000].into(), ..Default::default() };
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| doors.runtime.block_on(client.call(request::Body::Submit(large))));
        drop(hostile);
        assert_eq!(waits.join().expect("no panic").expect("there is room again"), done());
    });
}
