//! What names a script or an environment: a chain of hashes over its parts. Whoever takes the parts one by one can tell at the
//! last one whether they are what was named, and nobody can leave other bytes under a name.

use sha2::{Digest, Sha256, Sha512_256};

/// Bytes of every part but the last.
pub const PART_BYTES_MAX: usize = 512 * 1024;
/// Bytes of a name.
pub const NAME_BYTES: usize = 32;

/// The chain with one more part: SHA-256 of the first part; of a later one SHA-512/256 over the chain so far and the part. Two
/// functions, since with one a single part that begins with a chain would have the name of the longer bytes.
#[must_use]
pub fn link(chain: &[u8], part: &[u8]) -> [u8; NAME_BYTES] {
    if chain.is_empty() {
        return Sha256::digest(part).into();
    }
    Sha512_256::new().chain_update(chain).chain_update(part).finalize().into()
}

/// The name of `bytes`: where they are one part only, their SHA-256.
#[must_use]
pub fn name(bytes: &[u8]) -> [u8; NAME_BYTES] {
    let mut parts = bytes.chunks(PART_BYTES_MAX);
    let first = link(&[], parts.next().unwrap_or_default());
    parts.fold(first, |chain, part| link(&chain, part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_is_named_by_its_hash_and_more_by_the_chain() {
        let whole = vec![7; PART_BYTES_MAX + 1];
        let (first, rest) = whole.split_at(PART_BYTES_MAX);
        assert_eq!(name(first)[..], Sha256::digest(first)[..]);
        assert_eq!(name(b"")[..], Sha256::digest(b"")[..]);
        assert_eq!(name(&whole), link(&name(first), rest));
        assert_ne!(name(&whole)[..], Sha256::digest(&whole)[..]);
        let posing = [&name(first)[..], rest].concat();
        assert_ne!(name(&whole), name(&posing), "other bytes under the same name");
    }
}
