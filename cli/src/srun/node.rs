//! The connection to one node of the step: attached, kept, and made again where it left off.

use std::mem::{Discriminant, discriminant};
use std::time::Duration;

use muster_channel::tls::Wanted;
use muster_channel::{CallError, MESSAGE_BYTES_MAX, dial, seal};
use muster_proto::durable::{EndCause, StepState};
use muster_proto::wire::node_client::NodeClient;
use muster_proto::wire::{
    AttachStep, Claim, FromTasks, Input, Resize, StepMade, StepPlace, ToTasks, WaitStep, from_tasks, reply, request,
    to_tasks,
};
use prost::Message;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::kept::Kept;
use crate::site::{Client, Reach};

/// Messages on their way to a node.
const OUT_WAITING_MAX: usize = 16;
const CONNECT: Duration = Duration::from_secs(3);
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Silence of a node after which the cluster is asked whether the step is over.
const ASK_AFTER: Duration = Duration::from_secs(2);
/// How long the cluster's answer is waited for.
const ASK_WITHIN: Duration = Duration::from_secs(5);
/// How long a node may disbelieve our credentials before that is final.
const DISBELIEVED_MAX: Duration = Duration::from_secs(10);
/// How long a node that answers may not know of the step: the order to launch it waits for a leader. A node waits half a
/// minute itself before it says so.
const UNKNOWN_MAX: Duration = Duration::from_secs(600);
/// What a node says where it does not know the step.
const INVALID_JOB: u32 = 2017;
/// What a node says where the step is another user's.
const ACCESS_DENIED: u32 = 2002;
/// How long the last acknowledgement may take to be heard.
const FAREWELL: Duration = Duration::from_millis(500);

/// What the console tells a node besides input.
#[derive(Clone, Debug)]
pub(super) enum Control {
    Signal(u32),
    Resize(Resize),
}

/// What a node tells the console; the number is its position in the step.
#[derive(Debug)]
pub(super) enum Event {
    Said(usize, from_tasks::Body),
    /// It does not let this command to the step: why, in its words.
    Refused(usize, String),
    /// Nothing will come from it any more: the cluster says that the step is over there.
    Gone(usize, Gone),
}

/// How the step ended, as the cluster knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gone {
    pub(super) node_failed: bool,
    pub(super) wait_status: u32,
}

/// Why a node does not let us to the step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refusal {
    /// It is another user's: asking again does not help.
    Denied(String),
    /// The credential was not made or not believed: a munged that is started again mends that.
    Disbelieved(String),
    /// It has not heard of the step: it may be told yet.
    Unknown(String),
}

impl Refusal {
    /// What else goes wrong between two hosts is mended by asking again.
    fn of_status(status: &tonic::Status) -> Option<Refusal> {
        let why = || status.message().to_owned();
        match status.code() {
            tonic::Code::PermissionDenied => Some(Refusal::Denied(why())),
            tonic::Code::Unauthenticated => Some(Refusal::Disbelieved(why())),
            _ => None,
        }
    }
}

/// Since when a node has done nothing but refuse, in one way.
#[derive(Default)]
struct Refusals {
    since: Option<(Discriminant<Refusal>, Instant)>,
}

impl Refusal {
    /// How long it may be repeated, and what it says.
    fn patience(self) -> (Duration, String) {
        match self {
            Refusal::Denied(why) => (Duration::ZERO, why),
            Refusal::Disbelieved(why) => (DISBELIEVED_MAX, why),
            Refusal::Unknown(why) => (UNKNOWN_MAX, why),
        }
    }
}

impl Refusals {
    /// What to say where it is no use to ask again.
    fn are_final(&mut self, refusal: Option<Refusal>, now: Instant) -> Option<String> {
        match refusal {
            None => {
                self.since = None;
                None
            }
            Some(refusal) => {
                let way = discriminant(&refusal);
                let (_, since) = *self.since.insert(self.since.filter(|(same, _)| *same == way).unwrap_or((way, now)));
                let (patience, why) = refusal.patience();
                (now - since >= patience).then_some(why)
            }
        }
    }
}

/// One node.
pub(super) struct Link {
    pub(super) position: usize,
    pub(super) place: StepPlace,
    pub(super) step: StepMade,
    pub(super) reach: Reach,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) control: mpsc::Receiver<Control>,
    pub(super) input: mpsc::Receiver<Input>,
    /// Of `input`: what was sent.
    pub(super) kept: Kept,
    pub(super) seen: u64,
    /// Tasks that were started there: input waits for all of them, since a task takes none before.
    pub(super) started: usize,
}

/// How a conversation ended.
enum Parted {
    /// The node said all.
    Over,
    /// The connection broke, or the step is not there yet: it may be asked again.
    Broken,
    /// The node does not believe or does not let us.
    Refused(Refusal),
    /// The console is gone.
    Unheard,
}

impl Link {
    /// Speaks with the node until the step is over there.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSE_FIRST;
        let mut heard = Instant::now();
        let mut refusals = Refusals::default();
        loop {
            let before = self.seen;
            let refusal = match self.converse().await {
                Ok(Parted::Over | Parted::Unheard) => return,
                Ok(Parted::Refused(refusal)) => Some(refusal),
                Ok(Parted::Broken) => None,
                Err(status) => Refusal::of_status(&status),
            };
            if let Some(why) = refusals.are_final(refusal, Instant::now()) {
                let _unheard = self.events.send(Event::Refused(self.position, why)).await;
                return;
            }
            if self.seen > before {
                (pause, heard) = (PAUSE_FIRST, Instant::now());
            }
            if heard.elapsed() >= ASK_AFTER
                && let Some(gone) = self.ask_cluster().await
            {
                let _unheard = self.events.send(Event::Gone(self.position, gone)).await;
                return;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn converse(&mut self) -> Result<Parted, tonic::Status> {
        let (out, waiting) = mpsc::channel(OUT_WAITING_MAX);
        let attach = match self.attach().await {
            Ok(attach) => attach,
            Err(why) => return Ok(Parted::Refused(Refusal::Disbelieved(why.to_string()))),
        };
        if out.send(attach).await.is_err() {
            return Ok(Parted::Broken);
        }
        let channel = dial(&self.reach.outside.wanting(&Wanted::node(&self.place.node)), &self.place.address, CONNECT);
        let mut client = NodeClient::new(channel)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let frames = client.attach(ReceiverStream::new(waiting)).await?.into_inner();
        self.talk(frames, out).await
    }

    async fn talk(
        &mut self,
        mut frames: Streaming<FromTasks>,
        out: mpsc::Sender<ToTasks>,
    ) -> Result<Parted, tonic::Status> {
        let mut acknowledged = self.seen;
        let mut attached = false;
        self.kept.send_again();
        loop {
            let owed = self.seen > acknowledged;
            let listens = attached && self.started >= self.place.task_ids.len();
            tokio::select! {
                frame = frames.message() => {
                    let Some(frame) = frame? else { return Ok(Parted::Broken) };
                    attached = true;
                    self.kept.taken(frame.input_taken);
                    if let Some(parted) = self.hear(frame).await {
                        if matches!(parted, Parted::Over) {
                            self.farewell(&mut frames, &out).await;
                        }
                        return Ok(parted);
                    }
                }
                Ok(permit) = out.reserve(), if owed => {
                    acknowledged = self.seen;
                    permit.send(ToTasks { body: Some(to_tasks::Body::Received(acknowledged)) });
                }
                Some(control) = self.control.recv() => {
                    let body = match control {
                        Control::Signal(signal) => to_tasks::Body::Signal(signal),
                        Control::Resize(resize) => to_tasks::Body::Resize(resize),
                    };
                    // A node that takes nothing gets no signal this way; the cluster ends the step if need be.
                    let _full = out.try_send(ToTasks { body: Some(body) });
                }
                Some((permit, input)) = next_input(&out, &mut self.input, &mut self.kept), if listens => {
                    permit.send(ToTasks { body: Some(to_tasks::Body::Input(input)) });
                }
            }
        }
    }

    /// A frame that was seen before is dropped.
    async fn hear(&mut self, frame: FromTasks) -> Option<Parted> {
        if frame.seq > 0 && frame.seq <= self.seen {
            return None;
        }
        self.seen = self.seen.max(frame.seq);
        match frame.body? {
            from_tasks::Body::Failure(failure) if failure.error == ACCESS_DENIED => {
                Some(Parted::Refused(Refusal::Denied(failure.message)))
            }
            from_tasks::Body::Failure(failure) if failure.error == INVALID_JOB && self.seen == 0 => {
                Some(Parted::Refused(Refusal::Unknown("the node was not told of this step".to_owned())))
            }
            from_tasks::Body::Failure(_) => Some(Parted::Broken),
            from_tasks::Body::Attached(_) => None,
            body => {
                self.started += usize::from(matches!(body, from_tasks::Body::TaskStarted(_)));
                let over = matches!(body, from_tasks::Body::Over(_));
                let heard = self.events.send(Event::Said(self.position, body)).await;
                if heard.is_err() { Some(Parted::Unheard) } else { over.then_some(Parted::Over) }
            }
        }
    }

    /// The last acknowledgement lets the node forget; it hangs up then.
    async fn farewell(&self, frames: &mut Streaming<FromTasks>, out: &mpsc::Sender<ToTasks>) {
        let last = out.try_send(ToTasks { body: Some(to_tasks::Body::Received(self.seen)) });
        if last.is_ok() {
            let hang_up = async { while let Ok(Some(_)) = frames.message().await {} };
            let _late = timeout(FAREWELL, hang_up).await;
        }
    }

    async fn attach(&self) -> Result<ToTasks, CallError> {
        let attach = AttachStep {
            uid: self.step.uid,
            attempt: self.step.attempt,
            step_id: self.step.step_id,
            resume_after: self.seen,
            observe: false,
        };
        let claim = Claim {
            cluster: self.reach.cluster.clone(),
            request_id: self.reach.outside.random.id().to_vec().into(),
            audience: format!("node:{}", self.place.node),
            sender: "client".into(),
            ..Claim::default()
        };
        let signed = seal(&self.reach.keeper, attach.encode_to_vec(), claim).await?;
        Ok(ToTasks { body: Some(to_tasks::Body::Attach(signed)) })
    }

    /// Whether the step is over, by the cluster's word. None: it is not, or nobody answers.
    async fn ask_cluster(&self) -> Option<Gone> {
        let client: &Client = &self.reach.client;
        let wait = WaitStep { uid: self.step.uid, step_id: self.step.step_id, patience_ms: 0 };
        // Controllers may all be away while the node is there: it must not wait for them.
        let answer = timeout(ASK_WITHIN, client.call(request::Body::WaitStep(wait))).await;
        let Ok(Ok(reply::Body::StepNow(now))) = answer else { return None };
        let step = now.step.and_then(|info| info.step).unwrap_or_default();
        if now.known && !now.reached && step.state() != StepState::Ended {
            return None;
        }
        Some(Gone { node_failed: step.cause() == EndCause::NodeFail, wait_status: step.wait_status })
    }
}

async fn next_input<'a>(
    out: &'a mpsc::Sender<ToTasks>,
    input: &mut mpsc::Receiver<Input>,
    kept: &mut Kept,
) -> Option<(mpsc::Permit<'a, ToTasks>, Input)> {
    let permit = out.reserve().await.ok()?;
    Some((permit, kept.next(input).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_another_users_step_is_final_at_once() {
        let denied = tonic::Status::permission_denied("Access/permission denied");
        let why = Refusals::default().are_final(Refusal::of_status(&denied), Instant::now());
        assert_eq!(why.as_deref(), Some("Access/permission denied"));
    }

    #[test]
    fn a_node_that_never_hears_of_the_step_is_given_up_after_ten_minutes() {
        let (began, mut refusals) = (Instant::now(), Refusals::default());
        let mut after = |seconds| {
            let unknown = Refusal::Unknown("the node was not told of this step".into());
            refusals.are_final(Some(unknown), began + Duration::from_secs(seconds))
        };
        assert_eq!((after(0), after(30), after(599)), (None, None, None));
        assert_eq!(after(600).as_deref(), Some("the node was not told of this step"));
        let disbelieved = Refusal::Disbelieved("Rewound credential".into());
        let now = began + Duration::from_secs(601);
        assert_eq!(refusals.are_final(Some(disbelieved), now), None, "another way to refuse begins anew");
    }

    #[test]
    fn credentials_that_nobody_believes_are_asked_with_again_for_a_while_and_then_it_is_said() {
        let (began, mut refusals) = (Instant::now(), Refusals::default());
        let mut after = |seconds, status: tonic::Status| {
            refusals.are_final(Refusal::of_status(&status), began + Duration::from_secs(seconds))
        };
        let disbelieved = || tonic::Status::unauthenticated("Rewound credential");
        assert_eq!(after(0, disbelieved()), None);
        assert_eq!(after(9, disbelieved()), None);
        assert_eq!(after(10, tonic::Status::unavailable("broken pipe")), None, "it begins anew");
        assert_eq!(after(11, disbelieved()), None);
        assert_eq!(after(21, disbelieved()).as_deref(), Some("Rewound credential"));
    }
}
