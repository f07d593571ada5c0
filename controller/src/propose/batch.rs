//! Which waiting commands share one log entry.

use muster_model::cluster::Outcome;
use muster_proto::durable::Command;
use muster_raft_store::ProposeError;
use prost::Message;
use tokio::sync::{mpsc, oneshot};

use super::room::Place;

/// Commands in one log entry.
const COMMANDS_MAX: usize = 256;
/// Bytes of commands in one log entry; the entry itself may have 1 MiB.
pub(crate) const COMMAND_BYTES_MAX: usize = 1024 * 1024 - 16 * 1024;

pub(crate) type Answer = Result<Outcome, ProposeError>;

/// A command that waits to be proposed.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) command: Command,
    pub(crate) answer: oneshot::Sender<Answer>,
    /// Its bytes among those that wait, until it is answered.
    pub(crate) place: Place,
}

/// The proposer's ends of both queues.
#[derive(Debug)]
pub(crate) struct Queues {
    /// Reports of nodes, exits, membership: first.
    pub(crate) reserved: mpsc::Receiver<Waiting>,
    pub(crate) ordinary: mpsc::Receiver<Waiting>,
    /// Did not fit into the last batch: first of the next.
    held_over: Option<Waiting>,
}

impl Queues {
    pub(crate) fn new(reserved: mpsc::Receiver<Waiting>, ordinary: mpsc::Receiver<Waiting>) -> Self {
        Self { reserved, ordinary, held_over: None }
    }

    /// Waits for a command, and takes along those that wait with it. `None`: nobody can propose any more.
    pub(crate) async fn next(&mut self) -> Option<Vec<Waiting>> {
        let first = self.first().await?;
        let mut bytes = first.command.encoded_len();
        let mut batch = vec![first];
        while batch.len() < COMMANDS_MAX {
            let Some(waiting) = self.reserved.try_recv().or_else(|_| self.ordinary.try_recv()).ok() else { break };
            bytes += waiting.command.encoded_len();
            if bytes > COMMAND_BYTES_MAX {
                self.held_over = Some(waiting);
                break;
            }
            batch.push(waiting);
        }
        Some(batch)
    }

    async fn first(&mut self) -> Option<Waiting> {
        if let Some(waiting) = self.held_over.take() {
            return Some(waiting);
        }
        tokio::select! {
            biased;
            Some(waiting) = self.reserved.recv() => Some(waiting),
            Some(waiting) = self.ordinary.recv() => Some(waiting),
            else => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_proto::durable::{PutBlobChunk, command};

    use super::*;

    fn waiting(bytes: usize) -> Waiting {
        let chunk = PutBlobChunk { data: vec![0; bytes].into(), ..PutBlobChunk::default() };
        let command = Command { body: Some(command::Body::PutBlobChunk(chunk)), ..Command::default() };
        Waiting { command, answer: oneshot::channel().0, place: Place::default() }
    }

    fn size(waiting: &Waiting) -> usize {
        match &waiting.command.body {
            Some(command::Body::PutBlobChunk(chunk)) => chunk.data.len(),
            _ => 0,
        }
    }

    #[tokio::test]
    async fn reports_come_first_and_what_does_not_fit_is_the_next_batch() {
        let (reserved_in, reserved) = mpsc::channel(8);
        let (ordinary_in, ordinary) = mpsc::channel(8);
        let mut queues = Queues::new(reserved, ordinary);
        for bytes in [700_000, 1, 600_000] {
            ordinary_in.try_send(waiting(bytes)).unwrap();
        }
        reserved_in.try_send(waiting(2)).unwrap();
        let first = queues.next().await.unwrap();
        assert_eq!(first.iter().map(size).collect::<Vec<_>>(), vec![2, 700_000, 1]);
        let second = queues.next().await.unwrap();
        assert_eq!(second.iter().map(size).collect::<Vec<_>>(), vec![600_000]);
    }

    #[tokio::test]
    async fn a_batch_has_a_bounded_number_of_commands() {
        let (_reserved_in, reserved) = mpsc::channel(1);
        let (ordinary_in, ordinary) = mpsc::channel(300);
        let mut queues = Queues::new(reserved, ordinary);
        for _ in 0..300 {
            ordinary_in.try_send(waiting(1)).unwrap();
        }
        assert_eq!(queues.next().await.unwrap().len(), COMMANDS_MAX);
        assert_eq!(queues.next().await.unwrap().len(), 300 - COMMANDS_MAX);
    }
}
