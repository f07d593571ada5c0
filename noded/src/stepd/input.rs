//! srun's standard input on its way to the tasks.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use bytes::Bytes;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use super::output::nonblocking;
use super::shared::{Shared, Stage};

/// Pieces that wait for one task; beyond it srun's stream is not read, and HTTP/2 holds srun back.
pub(crate) const PIECES_WAITING_MAX: usize = 64;

/// Where one task's input goes.
pub(crate) struct TaskInput {
    pub(crate) task: u32,
    /// Dropped at the end of input.
    pub(crate) pieces: Option<mpsc::Sender<Bytes>>,
    /// A terminal's master, for its size.
    pub(crate) terminal: Option<Rc<AsyncFd<OwnedFd>>>,
}

/// Begins to feed a task.
pub(crate) fn open(task: u32, pipe: OwnedFd, is_terminal: bool) -> std::io::Result<TaskInput> {
    let pipe = Rc::new(nonblocking(pipe)?);
    let (pieces, waiting) = mpsc::channel(PIECES_WAITING_MAX);
    tokio::task::spawn_local(write_loop(pipe.clone(), waiting, is_terminal));
    Ok(TaskInput { task, pieces: Some(pieces), terminal: is_terminal.then_some(pipe) })
}

async fn write_loop(pipe: Rc<AsyncFd<OwnedFd>>, mut pieces: mpsc::Receiver<Bytes>, is_terminal: bool) {
    /// Control-D: how a terminal hears of the end of input.
    const END_OF_TRANSMISSION: &[u8] = &[4];
    while let Some(piece) = pieces.recv().await {
        if write_all(&pipe, &piece).await.is_err() {
            return;
        }
    }
    if is_terminal {
        let _ = write_all(&pipe, END_OF_TRANSMISSION).await;
    }
}

async fn write_all(pipe: &AsyncFd<OwnedFd>, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        let written = pipe.async_io(Interest::WRITABLE, |fd| Ok(rustix::io::write(fd, bytes)?)).await?;
        bytes = &bytes[written..];
    }
    Ok(())
}

impl Shared {
    /// Hands a piece to its task, or to all; waits while they do not read.
    pub(crate) async fn feed(&self, task: Option<u32>, data: Bytes, eof: bool) {
        // srun sends as soon as it is attached: what comes before the tasks are started is theirs all the same.
        let _ = self.stage.subscribe().wait_for(|stage| *stage != Stage::Waiting).await;
        let targets: Vec<mpsc::Sender<Bytes>> = {
            let mut inputs = self.inputs.borrow_mut();
            let wanted = inputs.iter_mut().filter(|input| task.is_none_or(|task| task == input.task));
            wanted.filter_map(|input| if eof { input.pieces.take() } else { input.pieces.clone() }).collect()
        };
        if data.is_empty() {
            return;
        }
        for target in targets {
            let _ = target.send(data.clone()).await;
        }
    }

    pub(crate) fn resize(&self, rows: u32, columns: u32) {
        let size = |told: u32| u16::try_from(told).unwrap_or(u16::MAX);
        let winsize =
            rustix::termios::Winsize { ws_row: size(rows), ws_col: size(columns), ws_xpixel: 0, ws_ypixel: 0 };
        for terminal in self.inputs.borrow().iter().filter_map(|input| input.terminal.as_ref()) {
            let _ = rustix::termios::tcsetwinsize(terminal.get_ref(), winsize);
        }
    }
}
