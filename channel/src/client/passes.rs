//! The client's passes: one for each controller that it asks, got when it is first needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use muster_proto::wire::{GetPass, PassProof, Signed, reply, request};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::{CallError, Client, Encoded, Tried, understood};
use crate::credential::seal_for;
use crate::pass::{PASS_ID_BYTES, PASS_KEY_BYTES, PassKey};

/// A pass is left before it ends: what is on its way then still arrives in time.
const LEFT_EARLY: Duration = Duration::from_secs(30);

/// How this client proves who it is.
#[derive(Default)]
pub(super) struct Passes {
    /// The controllers' user: whom keys are sealed for. `None`: a credential goes with each request.
    reader: Option<u32>,
    held: Mutex<BTreeMap<String, Arc<Held>>>,
}

struct Held {
    pass: Vec<u8>,
    key: PassKey,
    until: Instant,
    /// Of the last request.
    number: AtomicU64,
}

impl Client {
    /// The same client, which gets passes: for many requests. `reader` is SlurmUser's uid, as this host's configuration and
    /// name service say it; a controller's own word is not enough, since the key would be sealed for whomever it names.
    #[must_use]
    pub fn with_passes(mut self, reader: u32) -> Self {
        self.passes = Arc::new(Passes { reader: Some(reader), ..Passes::default() });
        self
    }

    /// `request` with a proof; `None`: this client or that controller has no passes, and a credential is wanted.
    pub(super) async fn proven(&self, address: &str, request: &Encoded) -> Result<Option<Signed>, CallError> {
        let Some(reader) = self.passes.reader else { return Ok(None) };
        // Whoever comes meanwhile waits for the same pass.
        let mut all = self.passes.held.lock().await;
        let held = match all.get(address).filter(|held| held.until > Instant::now()) {
            Some(held) => held.clone(),
            None => match self.get_pass(address, reader).await? {
                Some(held) => {
                    let held = Arc::new(held);
                    all.insert(address.to_owned(), held.clone());
                    held
                }
                None => return Ok(None),
            },
        };
        drop(all);
        let number = held.number.fetch_add(1, Ordering::Relaxed) + 1;
        let mac = held.key.prove(&held.pass, number, &request.bytes);
        let proof = PassProof { pass: held.pass.clone().into(), number, mac: mac.into() };
        Ok(Some(Signed { credential: Vec::new().into(), request: request.bytes.clone().into(), pass: Some(proof) }))
    }

    /// That pass is known no more.
    pub(super) async fn forget_pass(&self, address: &str, signed: &Signed) {
        let mut all = self.passes.held.lock().await;
        let void = signed.pass.as_ref().map(|proof| &proof.pass[..]);
        if all.get(address).is_some_and(|held| Some(&held.pass[..]) == void) {
            all.remove(address);
        }
    }

    async fn get_pass(&self, address: &str, reader: u32) -> Result<Option<Held>, CallError> {
        let asked = Instant::now();
        let request = self.encode(request::Body::GetPass(GetPass {}), false);
        let secret: Vec<u8> = [self.outside.random.id(), self.outside.random.id()].concat();
        let key = PassKey::new(&secret).expect("two ids are as long as a key");
        let mut claim = self.claim(&request);
        claim.pass_key = secret.into();
        let signed = seal_for(&self.keeper, request.bytes, claim, reader).await?;
        let mut door = self.door(self.channel(address));
        let Ok(Ok(reply)) = timeout(self.options.one_try, door.call(signed)).await else { return Ok(None) };
        let Tried::Answer(reply::Body::PassGiven(given), _) = understood(reply.into_inner()) else { return Ok(None) };
        let valid = Duration::from_millis(given.valid_ms.into()).saturating_sub(LEFT_EARLY);
        let held = Held { pass: given.pass.to_vec(), key, until: asked + valid, number: AtomicU64::new(0) };
        Ok(Some(held).filter(|held| held.pass.len() == PASS_ID_BYTES))
    }
}

const _: () = assert!(PASS_KEY_BYTES == 2 * 16, "a key is two ids");
