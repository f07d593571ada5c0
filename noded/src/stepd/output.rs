//! Reads the tasks' pipes into the outbox, no faster than srun takes it.

use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use muster_proto::wire::{Output, from_tasks};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::shared::Shared;

/// Largest piece of output in one frame, bytes.
const PIECE_BYTES_MAX: usize = 64 * 1024;

/// Reads until the pipe's last writer is gone.
pub(crate) async fn read_loop(shared: Rc<Shared>, pipe: OwnedFd, task: u32, stderr: bool) {
    let Ok(pipe) = nonblocking(pipe) else { return };
    let mut buffer = vec![0; PIECE_BYTES_MAX];
    loop {
        while !shared.outbox.has_room() {
            shared.outbox.room.notified().await;
        }
        let read = pipe.async_io(Interest::READABLE, |fd| Ok(rustix::io::read(fd, &mut buffer[..])?)).await;
        match read {
            // A terminal whose last user is gone says EIO.
            Ok(0) | Err(_) => return,
            Ok(length) => {
                let data = buffer[..length].to_vec().into();
                shared.outbox.push(from_tasks::Body::Output(Output { task, stderr, data }));
            }
        }
    }
}

/// A descriptor that tokio waits on.
pub(crate) fn nonblocking(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    rustix::io::ioctl_fionbio(&fd, true)?;
    // SAFETY: an OwnedFd names the same open file for as long as it lives, and it lives inside the AsyncFd.
    Ok(unsafe { AsyncFd::register(fd) }?)
}
