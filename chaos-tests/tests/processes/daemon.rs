//! One started program, and what it says: tests wait for its words or its end, never for a time.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Longest wait for anything: these machines may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// It is killed with this value.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    said: Arc<Said>,
}

#[derive(Default)]
struct Said {
    words: Mutex<Words>,
    more: Condvar,
}

#[derive(Default)]
struct Words {
    text: String,
    /// Pipes that somebody still holds.
    open: u32,
}

impl Daemon {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|why| panic!("{command:?}: {why}"));
        let said = Arc::<Said>::default();
        said.words().open = 2;
        listen(&said, child.stdout.take().expect("it is piped"));
        listen(&said, child.stderr.take().expect("it is piped"));
        Self { child, said }
    }

    /// Everything so far.
    pub(crate) fn said(&self) -> String {
        self.said.words().text.clone()
    }

    /// Waits until it has said `what`.
    pub(crate) fn says(&self, what: &str) {
        self.wait(&format!("it says {what:?}"), |words| words.text.contains(what));
    }

    /// Waits until it has ended by itself. It has no children that outlive it.
    pub(crate) fn ends(&mut self) -> std::process::ExitStatus {
        self.wait("it ends", |words| words.open == 0);
        self.child.wait().expect("it is ours")
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn wait(&self, what: &str, is_so: impl Fn(&Words) -> bool) {
        let began = Instant::now();
        let mut words = self.said.words();
        while !is_so(&words) {
            let left = PATIENCE.checked_sub(began.elapsed());
            let left = left.unwrap_or_else(|| panic!("not within {PATIENCE:?}: {what}; it said:\n{}", words.text));
            words = self.said.more.wait_timeout(words, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Said {
    fn words(&self) -> MutexGuard<'_, Words> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(said: &Arc<Said>, pipe: impl Read + Send + 'static) {
    let said = said.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            said.words().text += &(String::from_utf8_lossy(&line) + "\n");
            said.more.notify_all();
        }
        said.words().open -= 1;
        said.more.notify_all();
    });
}
