//! The client of the channel, with one thing known besides: whether this process ever reached a controller. While it did
//! not, nothing can have been carried out, and the user is told soon instead of after ten minutes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_channel::{BoxFuture, BoxStream, CallError, ClientOptions, Credentials, Listener, Net, Outside, Question};
use muster_dialect::errno;
use muster_proto::wire::{Failure, reply, request};

use super::{block_on, stale};

/// How long controllers that never answered are tried.
const NEVER_REACHED: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Clone)]
pub(crate) struct Client {
    inner: muster_channel::Client,
    reached: Arc<AtomicBool>,
    /// Why the last connection failed, where that is more than that nobody listens.
    failed: Arc<Mutex<Option<String>>>,
    patience: Duration,
    program: String,
}

impl Client {
    pub(crate) fn new(outside: &Outside, keeper: Arc<dyn Credentials>, options: ClientOptions) -> Self {
        let reached = Arc::new(AtomicBool::new(false));
        let failed = Arc::new(Mutex::new(None));
        let net = Arc::new(Noticing { net: outside.net.clone(), reached: reached.clone(), failed: failed.clone() });
        let outside = Outside { net, ..outside.clone() };
        let program = options.program.clone();
        let inner = muster_channel::Client::new(outside, keeper, options);
        Self { inner, reached, failed, patience: NEVER_REACHED, program }
    }

    /// As the channel's: one request id, whatever happens on the way.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn call(&self, body: request::Body) -> Result<reply::Body, CallError> {
        let Some(voice) = stale::is_taken(&self.program, &body) else {
            return self.ask(self.inner.question(body)).await;
        };
        let (answer, age) = tokio::select! {
            answer = self.inner.call_stale(body) => answer?,
            () = self.never_reached() => return Err(self.unreachable()),
        };
        stale::tell(voice, &age);
        Ok(answer)
    }

    /// The same for a command that does nothing else meanwhile: a controller that answers at once needs no runtime.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) fn call_now(&self, body: request::Body) -> Result<reply::Body, CallError> {
        let mut question = self.inner.question(body);
        match self.inner.ask_at_once(&mut question)? {
            Some(answer) => Ok(answer),
            None => {
                self.reached.fetch_or(question.may_be_done(), Ordering::Relaxed);
                block_on(self.ask(question))
            }
        }
    }

    async fn ask(&self, question: Question) -> Result<reply::Body, CallError> {
        tokio::select! {
            answer = self.inner.ask(question) => answer,
            () = self.never_reached() => Err(self.unreachable()),
        }
    }

    /// As the channel's: one controller, once.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn call_one(&self, address: &str, body: request::Body) -> Result<reply::Body, CallError> {
        match self.inner.call_one(address, body).await {
            Err(CallError::Unreachable) => Err(self.unreachable()),
            answer => answer,
        }
    }

    /// As the channel's.
    ///
    /// # Errors
    /// See [`CallError`].
    pub(crate) async fn save_snapshot(&self) -> Result<muster_channel::Saving, CallError> {
        tokio::select! {
            saving = self.inner.save_snapshot() => saving,
            () = self.never_reached() => Err(self.unreachable()),
        }
    }

    /// As the channel's; [`Client::not_reached`] says when it is in vain.
    pub(crate) fn watch(&self, asked: muster_proto::wire::Watch) -> muster_channel::Watching {
        self.inner.watch(asked)
    }

    /// Resolves when no controller was ever reached.
    pub(crate) async fn not_reached(&self) -> CallError {
        self.never_reached().await;
        self.unreachable()
    }

    /// `host:port` of every controller.
    pub(crate) fn controllers(&self) -> &[String] {
        self.inner.controllers()
    }

    fn unreachable(&self) -> CallError {
        let failed = self.failed.lock().expect("no holder of this lock panics").take();
        failed.map_or(CallError::Unreachable, |message| {
            let error = errno::SLURMCTLD_COMMUNICATIONS_CONNECTION_ERROR.code;
            CallError::Refused(Failure { error, message, ..Failure::default() })
        })
    }

    /// Returns when it is time to give up; never once a controller was reached.
    async fn never_reached(&self) {
        tokio::time::sleep(self.patience).await;
        if self.reached.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// Notices connections.
struct Noticing {
    net: Arc<dyn Net>,
    reached: Arc<AtomicBool>,
    failed: Arc<Mutex<Option<String>>>,
}

impl Net for Noticing {
    fn connect(&self, address: &str) -> BoxFuture<'static, std::io::Result<BoxStream>> {
        let connecting = self.net.connect(address);
        let (reached, failed) = (self.reached.clone(), self.failed.clone());
        Box::pin(async move {
            let stream = connecting.await.inspect_err(|why| {
                // The system's own words are in Slurm's; others name what the operator must mend.
                let text = why.raw_os_error().is_none().then(|| why.to_string());
                *failed.lock().expect("no holder of this lock panics") = text;
            })?;
            reached.store(true, Ordering::Relaxed);
            Ok(stream)
        })
    }

    fn is_plain_tcp(&self) -> bool {
        self.net.is_plain_tcp()
    }

    fn listen(&self, address: &str) -> BoxFuture<'static, std::io::Result<Box<dyn Listener>>> {
        self.net.listen(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_channel::NoAuth;
    use muster_proto::wire::Ping;

    #[test]
    fn controllers_that_were_never_reached_are_given_up_soon() {
        let options = ClientOptions {
            cluster: "c".into(),
            controllers: vec!["127.0.0.1:1".into()],
            host: String::new(),
            program: "sbatch".into(),
            one_try: Duration::from_secs(20),
            give_up: Duration::from_secs(600),
        };
        let answer = crate::site::block_on(async {
            let mut client = Client::new(&Outside::real(), Arc::new(NoAuth::new(0, 0)), options);
            client.patience = Duration::from_millis(20);
            client.call(request::Body::Ping(Ping {})).await
        });
        assert!(matches!(answer, Err(CallError::Unreachable)));
    }
}
