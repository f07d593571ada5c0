//! Passes: a client that sends many requests proves once who it is, with a credential, and then that it is still the same.
//!
//! ```text
//! client ── GetPass, credential { uid, key } ──► controller      the key is sealed for the controllers' user alone
//!        ◄── pass id, valid for minutes ──
//!        ── request, HMAC(key, id ‖ number ‖ request) ──► …      on any connection, each number once
//! ```
//!
//! What a pass protects: nobody without the key can make or alter a request, or have one carried out twice. What it does not:
//! it hides nothing, and replies are as anybody on the way leaves them, both as with a credential a request; TLS does that.

use ring::hmac::{Context, HMAC_SHA256, Key, Tag, sign, verify};

mod window;

pub use window::Window;

/// Bytes of a key, and of what proves that one has it.
pub const PASS_KEY_BYTES: usize = 32;
/// Bytes of a pass's id.
pub const PASS_ID_BYTES: usize = 16;
const CONTEXT: &[u8] = b"muster pass 1";

/// The key of a pass.
#[derive(Clone)]
pub struct PassKey(Key);

impl PassKey {
    /// `None`: a key has [`PASS_KEY_BYTES`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (bytes.len() == PASS_KEY_BYTES).then(|| Self(Key::new(HMAC_SHA256, bytes)))
    }

    /// The proof for `request`.
    pub fn prove(&self, pass: &[u8], number: u64, request: &[u8]) -> Vec<u8> {
        self.tag(pass, number, request).as_ref().to_vec()
    }

    /// Whether `proof` is that of these bytes. In constant time.
    pub fn believes(&self, proof: &[u8], pass: &[u8], number: u64, request: &[u8]) -> bool {
        // `verify` wants the message in one piece: the tag of the tag is compared in its place.
        let own = self.tag(pass, number, request);
        verify(&self.0, own.as_ref(), sign(&self.0, proof).as_ref()).is_ok()
    }

    fn tag(&self, pass: &[u8], number: u64, request: &[u8]) -> Tag {
        let mut context = Context::with_key(&self.0);
        context.update(CONTEXT);
        context.update(pass);
        context.update(&number.to_be_bytes());
        context.update(request);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_pass_one_number_and_one_request() {
        let (key, other) = (PassKey::new(&[1; 32]).unwrap(), PassKey::new(&[2; 32]).unwrap());
        let proof = key.prove(&[3; 16], 1, b"request");
        assert!(key.believes(&proof, &[3; 16], 1, b"request"));
        assert!(!other.believes(&proof, &[3; 16], 1, b"request"));
        assert!(!key.believes(&proof, &[4; 16], 1, b"request"));
        assert!(!key.believes(&proof, &[3; 16], 2, b"request"));
        assert!(!key.believes(&proof, &[3; 16], 1, b"requests"));
        assert!(!key.believes(&proof[1..], &[3; 16], 1, b"request") && !key.believes(b"", &[3; 16], 1, b"request"));
        assert!(PassKey::new(&[1; 31]).is_none());
    }

    #[test]
    fn the_proof_is_hmac_sha256_of_what_the_contract_says() {
        let message = [&b"muster pass 1"[..], &[3; 16], &7u64.to_be_bytes(), b"request"].concat();
        let expected = sign(&Key::new(HMAC_SHA256, &[1; 32]), &message);
        assert_eq!(PassKey::new(&[1; 32]).unwrap().prove(&[3; 16], 7, b"request"), expected.as_ref());
    }
}
