//! Tokens of open channels: minted by this process, gone with it.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;

/// Tokens of one replica: a peer that restarts opens anew, and its oldest token goes.
const TOKENS_PER_REPLICA_MAX: usize = 4;
/// Replicas with tokens.
const REPLICAS_MAX: usize = 64;

/// Who holds which token.
#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<BTreeMap<u64, Vec<Held>>>);

/// A token, with the name in the certificate of who opened.
#[derive(Debug)]
struct Held {
    token: [u8; 16],
    name: Option<String>,
}

impl Tokens {
    /// A token for `replica` that proved itself.
    pub(super) fn mint(&self, replica: u64, name: Option<&str>, token: [u8; 16]) -> Bytes {
        let mut tokens = self.0.lock().expect("no holder of this lock panics");
        if tokens.len() >= REPLICAS_MAX && !tokens.contains_key(&replica) {
            // The lowest id is the one that was admitted first, and most likely retired. It can open again.
            tokens.pop_first();
        }
        let held = tokens.entry(replica).or_default();
        if held.len() >= TOKENS_PER_REPLICA_MAX {
            held.remove(0);
        }
        held.push(Held { token, name: name.map(str::to_owned) });
        Bytes::copy_from_slice(&token)
    }

    pub(super) fn holds(&self, token: &[u8], replica: u64, name: Option<&str>) -> bool {
        let tokens = self.0.lock().expect("no holder of this lock panics");
        let same = |held: &Held| held.token == token && held.name.as_deref() == name;
        tokens.get(&replica).is_some_and(|held| held.iter().any(same))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_speaks_for_the_replica_that_it_was_given_to_and_for_no_other() {
        let tokens = Tokens::default();
        let token = tokens.mint(2, Some("c2"), [7; 16]);
        assert!(tokens.holds(&token, 2, Some("c2")));
        assert!(!tokens.holds(&token, 3, Some("c2")));
        assert!(!tokens.holds(&token, 2, Some("c3")) && !tokens.holds(&token, 2, None));
        assert!(!tokens.holds(b"", 2, Some("c2")));
        for later in 0..TOKENS_PER_REPLICA_MAX {
            tokens.mint(2, Some("c2"), [later as u8; 16]);
        }
        assert!(!tokens.holds(&token, 2, Some("c2")));
    }
}
