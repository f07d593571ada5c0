//! Passes of clients that send many requests: who they proved to be, remembered for minutes, so that not each request asks
//! munged. `channel::pass` says what they protect; ADR 10 why so.
//!
//! Nothing of it is replicated or stored: another controller, or this one after a restart, knows none of them, and says so.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use muster_channel::{PASS_ID_BYTES, PassKey, Random, Speaker, Window};
use muster_proto::wire::{Claim, Failure, PassGiven, Signed};
use tokio::time::Instant;

use super::Refusal;

/// How long a pass is good: no longer than munge's own credentials.
const VALID: Duration = Duration::from_secs(300);
/// Passes of everybody, and of one user. Whoever wants more takes the place of the user's, or of all's, oldest.
const PASSES_MAX: usize = 4_096;
const PASSES_A_USER_MAX: usize = 32;

type Id = [u8; PASS_ID_BYTES];

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Passes(Mutex<BTreeMap<Id, Pass>>);

struct Pass {
    uid: u32,
    gid: u32,
    key: PassKey,
    until: Instant,
    numbers: Window,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass").field("uid", &self.uid).finish_non_exhaustive()
    }
}

impl Passes {
    /// A pass for whom a credential with this key vouches; `None`: that is no key.
    pub(crate) fn give(&self, random: &Random, (uid, gid): (u32, u32), key: &[u8], now: Instant) -> Option<PassGiven> {
        let key = PassKey::new(key)?;
        let id = random.id();
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        passes.retain(|_, pass| pass.until > now);
        make_room(&mut passes, uid);
        passes.insert(id, Pass { uid, gid, key, until: now + VALID, numbers: Window::default() });
        let valid_ms = u32::try_from(VALID.as_millis()).unwrap_or(u32::MAX);
        Some(PassGiven { pass: id.to_vec().into(), valid_ms })
    }

    /// Who sends `signed`, which carries a proof in the place of a credential.
    pub(crate) fn check(&self, signed: &Signed, now: Instant) -> Result<Speaker, Refusal> {
        let Some(proof) = signed.pass.as_ref().filter(|_| signed.credential.is_empty()) else { return Err(void()) };
        let id = Id::try_from(&proof.pass[..]).map_err(|_| void())?;
        let mut passes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pass = passes.get_mut(&id).filter(|pass| pass.until > now).ok_or_else(void)?;
        // The proof first: whoever lacks the key must not use up numbers.
        if !pass.key.believes(&proof.mac, &proof.pass, proof.number, &signed.request)
            || !pass.numbers.takes(proof.number)
        {
            return Err(void());
        }
        let claim = Claim { sender: "client".into(), audience: "controller".into(), ..Claim::default() };
        Ok(Speaker { uid: pass.uid, gid: pass.gid, claim })
    }
}

/// One answer for everything that is wrong with a pass: the client gets another one.
fn void() -> Refusal {
    let message = "this pass is not known here, or its proof was used before".to_owned();
    Refusal::No(Failure { message, retry: true, pass_is_void: true, ..Failure::default() })
}

fn make_room(passes: &mut BTreeMap<Id, Pass>, uid: u32) {
    let of_user = passes.values().filter(|pass| pass.uid == uid).count();
    let crowded = |pass: &Pass| of_user < PASSES_A_USER_MAX || pass.uid == uid;
    if of_user < PASSES_A_USER_MAX && passes.len() < PASSES_MAX {
        return;
    }
    let oldest = passes.iter().filter(|(_, pass)| crowded(pass)).min_by_key(|(_, pass)| pass.until).map(|(id, _)| *id);
    oldest.and_then(|id| passes.remove(&id));
}

#[cfg(test)]
mod tests {
    use muster_proto::wire::PassProof;

    use super::*;

    const KEY: [u8; 32] = [5; 32];

    fn proof(given: &PassGiven, number: u64, request: &'static [u8]) -> Signed {
        let mac = PassKey::new(&KEY).unwrap().prove(&given.pass, number, request);
        let pass = PassProof { pass: given.pass.clone(), number, mac: mac.into() };
        Signed { credential: Default::default(), request: request.into(), pass: Some(pass) }
    }

    #[test]
    fn a_proof_counts_once_and_for_the_bytes_that_it_was_made_for() {
        let (passes, random, now) = (Passes::default(), Random::from_seed(1), Instant::now());
        let given = passes.give(&random, (1001, 100), &KEY, now).unwrap();
        let signed = proof(&given, 1, b"list");
        let speaker = passes.check(&signed, now).unwrap();
        assert_eq!((speaker.uid, speaker.gid, speaker.claim.sender.as_str()), (1001, 100, "client"));
        assert!(passes.check(&signed, now).is_err(), "twice");
        let altered = Signed { request: b"lost".to_vec().into(), ..proof(&given, 2, b"list") };
        assert!(passes.check(&altered, now).is_err(), "altered");
        assert!(passes.check(&proof(&given, 2, b"list"), now).is_ok(), "what was altered used no number up");
        let both = Signed { credential: b"c".to_vec().into(), ..proof(&given, 3, b"list") };
        assert!(passes.check(&both, now).is_err(), "a credential and a pass");
        assert!(passes.check(&proof(&given, 3, b"list"), now + VALID).is_err(), "too late");
        assert!(passes.give(&random, (1, 1), &KEY[1..], now).is_none());
    }

    #[test]
    fn a_user_with_many_passes_loses_the_oldest_and_others_keep_theirs() {
        let (passes, random, start) = (Passes::default(), Random::from_seed(1), Instant::now());
        let of_other = passes.give(&random, (7, 7), &KEY, start).unwrap();
        let at = |number: usize| start + Duration::from_millis(number as u64);
        let mut given: Vec<PassGiven> = Vec::new();
        for number in 0..=PASSES_A_USER_MAX {
            given.push(passes.give(&random, (1001, 100), &KEY, at(number)).unwrap());
        }
        let now = at(PASSES_A_USER_MAX);
        assert!(passes.check(&proof(&given[0], 1, b"x"), now).is_err());
        assert!(passes.check(&proof(&given[1], 1, b"x"), now).is_ok());
        assert!(passes.check(&proof(&of_other, 1, b"x"), now).is_ok());
    }
}
