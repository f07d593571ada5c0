//! One question to munged without its library: "seal this for me". A command lives for milliseconds, and loading the
//! library would be a good part of them.
//!
//! Only the plain case is spoken here, as MUNGE 0.5 speaks it on its socket: a request to encode with every default, and
//! its good answer. Whatever else happens is no answer at all, and the caller asks the library, which knows the rest
//! (retries, errors, other versions).
//!
//! ```text
//! request   magic version=4 kind=2 retry length ‖ cipher mac zip realm_length=0 ttl uid gid length payload
//! answer    magic version=4 kind=3 retry length ‖ error error_length=0 length credential NUL
//! ```

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;

/// Where packages put it.
pub(crate) const USUAL_SOCKET: &str = "/run/munge/munge.socket.2";

const MAGIC: [u8; 4] = [0x00, 0x60, 0x6d, 0x4b];
const VERSION: u8 = 4;
const ENCODE_REQUEST: u8 = 2;
const ENCODE_ANSWER: u8 = 3;
const HEADER_BYTES: usize = 11;
/// "As munged is configured", for cipher, digest and compression; 0 is its default time to live.
const DEFAULTS: [u8; 3] = [1, 1, 1];
/// Who may decode: anybody.
const ANYBODY: [u8; 8] = [0xff; 8];
/// Answers are shorter, bytes: ours are some 300.
const ANSWER_BYTES_USUAL: usize = 1024;
/// Largest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// How long munged may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// The credential for `payload`, if munged at `socket` gives one without ado.
pub(crate) fn encode(socket: &Path, payload: &[u8]) -> Option<Bytes> {
    let mut stream = UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    stream.write_all(&question(payload)?).ok()?;
    let mut answer = Vec::with_capacity(ANSWER_BYTES_USUAL);
    let mut part = [0; ANSWER_BYTES_USUAL];
    while answer.len() < ANSWER_BYTES_MAX {
        match stream.read(&mut part).ok()? {
            0 => return None,
            read => answer.extend_from_slice(&part[..read]),
        }
        if let Some(body) = whole(&answer) {
            return credential(body);
        }
    }
    None
}

fn question(payload: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(payload.len()).ok()?;
    let body = u32::try_from(DEFAULTS.len() + 1 + 4 + ANYBODY.len() + 4).ok()?.checked_add(length)?;
    let mut out = Vec::with_capacity(64 + payload.len());
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[VERSION, ENCODE_REQUEST, 0]);
    out.extend_from_slice(&body.to_be_bytes());
    out.extend_from_slice(&DEFAULTS);
    out.extend_from_slice(&[0; 5]);
    out.extend_from_slice(&ANYBODY);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
    Some(out)
}

/// The answer's body, once all of it is there.
fn whole(answer: &[u8]) -> Option<&[u8]> {
    let (header, rest) = answer.split_first_chunk::<HEADER_BYTES>()?;
    let good = header[..4] == MAGIC && header[4] == VERSION && header[5] == ENCODE_ANSWER;
    let length = u32::from_be_bytes([header[7], header[8], header[9], header[10]]);
    // A header that is none of ours has an empty body, in which no credential is found.
    rest.get(..if good { usize::try_from(length).ok()? } else { 0 })
}

fn credential(body: &[u8]) -> Option<Bytes> {
    let data = body.strip_prefix(&[0, 0])?;
    let (length, data) = data.split_first_chunk::<4>()?;
    let text = data.strip_suffix(&[0]).unwrap_or(data);
    let sound = usize::try_from(u32::from_be_bytes(*length)) == Ok(data.len())
        && text.starts_with(b"MUNGE:")
        && text.ends_with(b":");
    sound.then(|| Bytes::copy_from_slice(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    /// What comes of a daemon that answers so.
    fn answered(answer: &'static [u8]) -> Option<Bytes> {
        let directory = tempfile::tempdir().expect("a directory");
        let socket = directory.path().join("socket");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let daemon = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut asked = [0; HEADER_BYTES + 24];
            stream.read_exact(&mut asked).expect("a question of so many bytes");
            stream.write_all(answer).expect("it is read");
            asked
        });
        let credential = encode(&socket, b"mine");
        let asked = daemon.join().expect("it ends");
        assert_eq!(asked[..HEADER_BYTES], *b"\0`mK\x04\x02\0\0\0\0\x18");
        credential
    }

    #[test]
    fn a_good_answer_is_the_credential() {
        let credential = answered(b"\0`mK\x04\x03\0\0\0\0\x0f\0\0\0\0\0\x09MUNGE:x:\0");
        assert_eq!(credential.as_deref(), Some(&b"MUNGE:x:"[..]));
    }

    #[test]
    fn any_other_answer_is_none() {
        assert_eq!(answered(b""), None);
        assert_eq!(answered(b"\0`mK\x04\x03\0\0\0"), None, "cut off");
        assert_eq!(answered(b"\0`mK\x05\x03\0\0\0\0\x0f\0\0\0\0\0\x09MUNGE:x:\0"), None, "another version");
        assert_eq!(answered(b"\0`mK\x04\x03\0\0\0\0\x0a\x06\x04bad\0\0\0\0\0"), None, "an error");
        assert_eq!(answered(b"\0`mK\x04\x03\0\xff\xff\xff\xff\0\0"), None, "larger than it may be");
        assert_eq!(answered(b"\0`mK\x04\x03\0\0\0\0\x0f\0\0\0\0\0\x08MUNGE:x:\0"), None, "lengths that disagree");
    }

    #[test]
    fn a_daemon_that_is_not_there_is_none() {
        assert_eq!(encode(Path::new("/nonexistent/socket"), b""), None);
    }
}
