//! `auth/none`: the claimed uid is believed. Only where the configuration says so, and only on loopback.

use bytes::Bytes;

use crate::credential::{CredentialError, Credentials};

const PREFIX: &[u8] = b"none:";

/// Trusts what the sender says of itself.
#[derive(Clone, Copy, Debug)]
pub struct NoAuth {
    uid: u32,
    gid: u32,
}

impl NoAuth {
    /// Seals as `uid` and `gid`: this process's own, or in the simulation those of whom it plays.
    pub fn new(uid: u32, gid: u32) -> Self {
        Self { uid, gid }
    }
}

impl Credentials for NoAuth {
    fn wrap(&self, payload: &[u8]) -> Result<Bytes, CredentialError> {
        let mut credential = PREFIX.to_vec();
        credential.extend_from_slice(&self.uid.to_be_bytes());
        credential.extend_from_slice(&self.gid.to_be_bytes());
        credential.extend_from_slice(payload);
        Ok(credential.into())
    }

    /// Whoever believes a claimed uid keeps no secrets from anybody either.
    fn wrap_for(&self, payload: &[u8], _reader: u32) -> Result<Bytes, CredentialError> {
        self.wrap(payload)
    }

    fn unwrap(&self, credential: &[u8]) -> Result<(Vec<u8>, u32, u32), CredentialError> {
        let rest = credential.strip_prefix(PREFIX);
        let rest = rest.ok_or_else(|| CredentialError::Invalid("not one of auth/none".into()))?;
        let (uid, rest) = split_u32(rest)?;
        let (gid, payload) = split_u32(rest)?;
        Ok((payload.to_vec(), uid, gid))
    }

    fn blocks(&self) -> bool {
        false
    }

    fn name(&self) -> &'static str {
        "auth/none"
    }
}

fn split_u32(bytes: &[u8]) -> Result<(u32, &[u8]), CredentialError> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or_else(|| CredentialError::Invalid("too short".into()))?;
    Ok((u32::from_be_bytes(*number), rest))
}
