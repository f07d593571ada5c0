//! This command's standard input on its way to the nodes. A thread reads, since a terminal cannot be waited for without
//! changing it for every other program on it.

use std::fs::File;
use std::io::{Read, stdin};

use bytes::Bytes;
use muster_proto::wire::Input;
use tokio::sync::mpsc;

use super::streams;

/// Largest piece, bytes.
const PIECE_BYTES_MAX: usize = 32 * 1024;
/// Pieces between the reader and the nodes.
const PIECES_WAITING_MAX: usize = 4;

/// Reads `from` and hands each piece to every node, as fast as the slowest takes it. Ends with the input.
pub(super) async fn pump(from: streams::Input, nodes: Vec<mpsc::Sender<Input>>) {
    let (task, mut pieces) = match from {
        streams::Input::Elsewhere => return,
        streams::Input::Mine(task) => (task, read_on_a_thread(stdin())),
        streams::Input::File(file) => (None, read_on_a_thread::<File>(file)),
    };
    while let Some(data) = pieces.recv().await {
        send(&nodes, &Input { task, data, eof: false, seq: 0 }).await;
    }
    send(&nodes, &Input { task, data: Bytes::new(), eof: true, seq: 0 }).await;
    // The channels stay open: a node that is attached again must not take a closed one for something new.
    std::future::pending::<()>().await;
}

async fn send(nodes: &[mpsc::Sender<Input>], input: &Input) {
    for node in nodes {
        // A node that is over takes no more.
        let _over = node.send(input.clone()).await;
    }
}

fn read_on_a_thread<R: Read + Send + 'static>(mut source: R) -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(PIECES_WAITING_MAX);
    std::thread::spawn(move || {
        let mut buffer = vec![0; PIECE_BYTES_MAX];
        while let Ok(length) = source.read(&mut buffer) {
            if length == 0 || sender.blocking_send(Bytes::copy_from_slice(&buffer[..length])).is_err() {
                return;
            }
        }
    });
    receiver
}
