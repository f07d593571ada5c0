//! srun's stream to the tasks of a step: checked here, then carried to the step's supervisor and back.

use std::time::Duration;

use muster_channel::{BoxStream, Peer};
use muster_model::agent::{AttemptKey, StepKey};
use muster_proto::wire::{AttachStep, Failure, FromTasks, StepOver, ToTasks, from_tasks, to_tasks};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{ACCESS_DENIED, Door, INVALID_JOB};
use crate::stepd::wire::{FromStep, ToStep, from_step, to_step};
use crate::{read_frame, write_frame};

/// Frames on their way to srun, between the supervisor's socket and the network.
const FRAMES_WAITING_MAX: usize = 16;
/// srun may come before the order to launch: how long it is kept waiting.
const LAUNCH_WAIT: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

type Down = mpsc::Sender<Result<FromTasks, Status>>;

/// Whether a step can be attached to.
enum Shape {
    Unknown,
    Lives,
    Over(StepOver),
}

impl Door {
    pub(super) async fn attach_stream(
        &self,
        peer: &Peer,
        mut up: Streaming<ToTasks>,
    ) -> Result<ReceiverStream<Result<FromTasks, Status>>, Status> {
        let first = up.next().await.ok_or_else(|| Status::invalid_argument("nothing was said"))??;
        let Some(to_tasks::Body::Attach(signed)) = first.body else {
            return Err(Status::invalid_argument("the first message must be an attach"));
        };
        let (speaker, attach): (_, AttachStep) = self.open(peer, &signed).await?;
        let (down, stream) = mpsc::channel(FRAMES_WAITING_MAX);
        let door = self.clone();
        tokio::spawn(async move {
            if let Err(failure) = door.carry(speaker.uid, attach, up, &down).await {
                let body = Some(from_tasks::Body::Failure(failure));
                let _ = down.send(Ok(FromTasks { seq: 0, body, input_taken: 0 })).await;
            }
        });
        Ok(ReceiverStream::new(stream))
    }

    async fn carry(&self, uid: u32, attach: AttachStep, up: Streaming<ToTasks>, down: &Down) -> Result<(), Failure> {
        let attempt = AttemptKey { uid: attach.uid, attempt: attach.attempt };
        let step = StepKey { attempt, step: attach.step_id };
        if let Some(over) = self.wait_for(uid, step).await? {
            let _ = down.send(Ok(FromTasks { seq: 0, body: Some(from_tasks::Body::Over(over)), input_taken: 0 })).await;
            return Ok(());
        }
        let mut stream = match self.steps.attach(step).await {
            Ok(stream) => stream,
            Err(e) => return self.after_failed_attach(step, &e, down).await,
        };
        let first = ToStep { body: Some(to_step::Body::Attach(attach)) };
        write_frame(&mut stream, &first).await.map_err(|e| failure(INVALID_JOB, &e.to_string()))?;
        proxy(stream, up, down).await;
        Ok(())
    }

    /// Waits until the step is here, once it is known that the caller may see it.
    async fn wait_for(&self, uid: u32, step: StepKey) -> Result<Option<StepOver>, Failure> {
        let until = Instant::now() + LAUNCH_WAIT;
        loop {
            if let Some(owner) = self.owner(step.attempt) {
                if owner.uid != uid && !self.is_admin(uid) {
                    return Err(failure(ACCESS_DENIED, "Access/permission denied"));
                }
                match self.shape(step) {
                    Shape::Unknown => {}
                    Shape::Lives => return Ok(None),
                    Shape::Over(over) => return Ok(Some(over)),
                }
            }
            if Instant::now() >= until {
                return Err(failure(INVALID_JOB, "Invalid job id specified"));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn shape(&self, step: StepKey) -> Shape {
        let agent = self.agent();
        let row = agent.attempt(step.attempt).and_then(|row| row.steps.iter().find(|known| known.step == step.step));
        match row.map(|row| &row.exit) {
            None => Shape::Unknown,
            Some(None) => Shape::Lives,
            Some(Some(exit)) if !exit.error.is_empty() => {
                Shape::Over(StepOver { wait_status: exit.wait_status, error: exit.error.clone() })
            }
            // Its supervisor may still keep the last output for srun.
            Some(Some(_)) => Shape::Lives,
        }
    }

    async fn after_failed_attach(&self, step: StepKey, error: &std::io::Error, down: &Down) -> Result<(), Failure> {
        let over = {
            let agent = self.agent();
            let row = agent.attempt(step.attempt).and_then(|row| row.steps.iter().find(|s| s.step == step.step));
            row.and_then(|row| row.exit.clone())
        };
        let Some(exit) = over else { return Err(failure(INVALID_JOB, &error.to_string())) };
        let over = StepOver { wait_status: exit.wait_status, error: exit.error };
        let _ = down.send(Ok(FromTasks { seq: 0, body: Some(from_tasks::Body::Over(over)), input_taken: 0 })).await;
        Ok(())
    }
}

async fn proxy(stream: BoxStream, up: Streaming<ToTasks>, down: &Down) {
    let (from_step, to_step) = tokio::io::split(stream);
    // Either direction's end is the end: the supervisor keeps what was not acknowledged for the next attach.
    tokio::select! {
        () = carry_up(up, to_step) => {}
        () = carry_down(from_step, down) => {}
    }
}

async fn carry_up(mut up: Streaming<ToTasks>, mut to_step: WriteHalf<BoxStream>) {
    while let Some(Ok(message)) = up.next().await {
        let frame = ToStep { body: Some(to_step::Body::Tasks(message)) };
        if write_frame(&mut to_step, &frame).await.is_err() {
            return;
        }
    }
}

async fn carry_down(mut from_step: ReadHalf<BoxStream>, down: &Down) {
    while let Ok(Some(frame)) = read_frame::<FromStep>(&mut from_step).await {
        let Some(from_step::Body::Tasks(message)) = frame.body else { continue };
        if down.send(Ok(message)).await.is_err() {
            return;
        }
    }
}

fn failure(error: u32, message: &str) -> Failure {
    Failure { error, message: message.into(), ..Failure::default() }
}
