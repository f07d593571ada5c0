//! The first tries of a command that does nothing else meanwhile: on this thread, without a runtime. What is not answered
//! plainly is left to [`Client::ask`], which repeats the same request.

use std::time::Duration;

use futures::FutureExt;
use muster_proto::wire::reply;

use super::{CallError, Client, Question, Tried, understood};
use crate::credential::seal;
use crate::once::{Asked, ask};

/// How long an answer is waited for before the request is repeated. As long as the usual stack takes to notice that its
/// peer is gone.
const PATIENCE: Duration = Duration::from_secs(10);

impl Client {
    /// Asks each controller once at most, and the leader that one of them names. No answer where they have none to give, or
    /// where the network is not plain TCP, or sealing would block on a thread of its own: then [`Client::ask`] goes on.
    ///
    /// # Errors
    /// See [`CallError`]. A refused request was not carried out.
    pub fn ask_at_once(&self, question: &mut Question) -> Result<Option<reply::Body>, CallError> {
        if self.keeper.blocks() || !self.outside.net.is_plain_tcp() {
            return Ok(None);
        }
        let mut next = None;
        for turn in 0..=self.options.controllers.len() {
            let address = next.take().unwrap_or_else(|| self.nth(turn));
            match self.try_at_once(&address, question)? {
                Tried::Answer(reply::Body::Failure(failure), _) => return Err(CallError::Refused(failure)),
                Tried::Answer(body, _) => return Ok(Some(body)),
                Tried::Elsewhere(leader) if !leader.is_empty() && leader != address => next = Some(leader),
                // The next one is asked the same request: whoever carries it out, it is carried out once.
                Tried::Elsewhere(_) | Tried::NotSent | Tried::Silent => {}
                Tried::Busy(_) => break,
            }
        }
        Ok(None)
    }

    fn try_at_once(&self, address: &str, question: &mut Question) -> Result<Tried, CallError> {
        let sealing = seal(&self.keeper, question.encoded.bytes.clone(), self.claim(&question.encoded));
        // A keeper that does not block has sealed when it is first asked.
        let Some(signed) = sealing.now_or_never() else { return Ok(Tried::NotSent) };
        Ok(match ask(address, &signed?, PATIENCE.min(self.options.one_try)) {
            Asked::Answer(reply) => understood(reply),
            Asked::NotSent => Tried::NotSent,
            Asked::Silent => {
                question.sent = true;
                Tried::Silent
            }
        })
    }
}
