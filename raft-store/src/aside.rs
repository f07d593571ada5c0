//! Work that may take long, off Raft's thread: heartbeats, votes and appends go on meanwhile.
//!
//! In the simulation, where nothing blocks and one seed must mean one run, it is done at once, on the thread that asks.

use std::io;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::{Builder, JoinHandle};

use tokio::sync::oneshot;

use crate::store::{closed, failure};

type Work = Box<dyn FnOnce() + Send>;

/// Runs `work` on a thread that ends with it. Whoever asks may go before all others; this thread does not.
pub(crate) async fn once<T: Send + 'static>(
    blocks: bool,
    name: &str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    if !blocks {
        return work();
    }
    let (sender, receiver) = oneshot::channel();
    let run = move || {
        // Nobody is refused a lower priority.
        let _ = rustix::process::setpriority_process(None, 0);
        drop(sender.send(work()));
    };
    Builder::new().name(name.into()).spawn(run)?;
    receiver.await.unwrap_or_else(|_| Err(failure(format!("{name} did not end"))))
}

/// A thread that does one piece of work after the other. What waits is bounded by who asks: each waits for its answer.
pub(crate) struct Aside {
    name: &'static str,
    thread: Option<Mutex<Option<Thread>>>,
}

struct Thread {
    works: mpsc::Sender<Work>,
    handle: JoinHandle<()>,
}

impl Aside {
    /// A thread of that name where work `blocks`; otherwise none.
    pub(crate) fn start(name: &'static str, blocks: bool) -> io::Result<Aside> {
        if !blocks {
            return Ok(Aside { name, thread: None });
        }
        let (works, waiting) = mpsc::channel::<Work>();
        let handle = Builder::new().name(name.into()).spawn(move || waiting.iter().for_each(|work| work()))?;
        Ok(Aside { name, thread: Some(Mutex::new(Some(Thread { works, handle }))) })
    }

    /// Done after all that was asked before. An error: closed, or the work before it panicked.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let Some(thread) = &self.thread else { return work() };
        let (sender, receiver) = oneshot::channel();
        {
            let thread = thread.lock().unwrap_or_else(PoisonError::into_inner);
            let thread = thread.as_ref().ok_or_else(closed)?;
            let sent = thread.works.send(Box::new(move || drop(sender.send(work()))));
            sent.map_err(|_| failure(format!("{} has ended", self.name)))?;
        }
        receiver.await.unwrap_or_else(|_| Err(failure(format!("{} did not end its work", self.name))))
    }

    /// Nothing more is begun; returns once what was asked before is done.
    pub(crate) fn close(&self) {
        let taken = self.thread.as_ref().map(|thread| thread.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(Thread { works, handle }) = taken.flatten() {
            drop(works);
            // A panic there was answered where its result was awaited.
            let _ = handle.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn what_is_asked_is_done_in_order_and_on_another_thread() {
        let aside = Aside::start("aside", true).unwrap();
        let here = std::thread::current().id();
        let done = Arc::new(Mutex::new(Vec::new()));
        let note = |number: u8| {
            let done = done.clone();
            aside.run(move || {
                done.lock().unwrap().push(number);
                Ok(std::thread::current().id())
            })
        };
        let (first, second) = tokio::join!(note(1), note(2));
        assert!(first.unwrap() != here && second.unwrap() != here);
        assert_eq!(*done.lock().unwrap(), [1, 2]);
    }

    #[tokio::test]
    async fn the_asking_thread_goes_on_while_work_is_done() {
        let aside = Aside::start("aside", true).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        let work = aside.run(move || wait.recv().map_err(failure));
        let other = async { go.send(()).map_err(failure) };
        let (worked, sent) = tokio::join!(work, other);
        assert!(worked.is_ok() && sent.is_ok());
    }

    #[tokio::test]
    async fn after_its_end_nothing_is_begun() {
        let aside = Aside::start("aside", true).unwrap();
        aside.close();
        aside.close();
        assert_eq!(aside.run(|| Ok(())).await.unwrap_err().to_string(), "the store is closed");
    }

    #[tokio::test]
    async fn a_panic_is_an_error_to_who_waits_and_to_all_after() {
        let aside = Aside::start("aside", true).unwrap();
        let panicked: io::Result<()> = aside.run(|| panic!("on purpose")).await;
        assert_eq!(panicked.unwrap_err().to_string(), "aside did not end its work");
        assert!(aside.run(|| Ok(())).await.is_err());
    }

    #[tokio::test]
    async fn where_nothing_blocks_work_is_done_at_once() {
        let aside = Aside::start("aside", false).unwrap();
        let here = std::thread::current().id();
        assert_eq!(aside.run(|| Ok(std::thread::current().id())).await.unwrap(), here);
    }
}
