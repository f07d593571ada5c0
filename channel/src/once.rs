//! One gRPC call on a connection of its own, by a process that does nothing else meanwhile: a command's.
//!
//! ```text
//! ─► preface SETTINGS WINDOW_UPDATE HEADERS DATA   in one write: the request needs nothing of the peer's first
//! ◄─ SETTINGS … HEADERS DATA                       the message is the answer; what follows is not waited for
//! ```
//!
//! The usual stack (tonic, hyper, h2 on a runtime) costs a short process more than the rest of its life. Only the plain
//! case is spoken here: plain TCP, a request within the window that every peer begins with, an answer with a message.
//! Whatever else happens is "silent": the caller repeats the request, by its id, through the usual stack, which tells what
//! it is. Headers of the answer are not looked at, so nothing here decodes HPACK. RFC 9113; gRPC over HTTP/2.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use muster_proto::wire::{Reply, Signed};
use prost::Message;

use crate::REPLY_BYTES_MAX;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// Whatever lives says its settings at once. A process that stands still has a kernel that accepts connections for it.
const GREETING: Duration = Duration::from_secs(1);
/// After this the peer's settings and pings are answered. An answer usually comes before, and ends the connection.
const COURTESY: Duration = Duration::from_millis(200);
/// Largest frame that is sent, bytes: every peer takes it. Also the largest that is taken: we announce no other.
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// Largest request, bytes: what a peer's first window holds.
const REQUEST_BYTES_MAX: usize = 65_535;
/// What is left of the largest window after the first one, in `WINDOW_UPDATE`.
const WINDOW_REST: u32 = i32::MAX as u32 - 65_535;
const FRAME_HEADER_BYTES: usize = 9;
const MESSAGE_HEADER_BYTES: usize = 5;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// No pushes; streams of any length.
const SETTINGS: &[u8] = &[0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff];
/// `:method` POST, `:scheme` http, `:authority`, `:path`, `te` and `content-type`, in HPACK that changes no table.
const HEADERS: &[u8] = b"\x83\x86\x01\x06muster\x04\x1c/muster.wire.Controller/Call\
    \x00\x02te\x08trailers\x0f\x10\x10application/grpc";

const DATA: u8 = 0;
const HEADERS_FRAME: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS_FRAME: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// What came of it.
#[derive(Debug, PartialEq)]
pub(crate) enum Asked {
    Answer(Reply),
    /// No connection: nothing was carried out.
    NotSent,
    /// It may have been carried out, or not.
    Silent,
}

/// Asks the controller at `address`, and waits so long.
pub(crate) fn ask(address: &str, signed: &Signed, patience: Duration) -> Asked {
    if signed.encoded_len() + MESSAGE_HEADER_BYTES > REQUEST_BYTES_MAX {
        return Asked::NotSent;
    }
    let Some(mut stream) = connect(address) else { return Asked::NotSent };
    match exchange(&mut stream, signed, Instant::now() + patience) {
        Ok(Some(message)) => Reply::decode(&message[..]).map_or(Asked::Silent, Asked::Answer),
        Ok(None) | Err(_) => Asked::Silent,
    }
}

fn connect(address: &str) -> Option<TcpStream> {
    let mut found = address.to_socket_addrs().ok()?;
    found.find_map(|address| TcpStream::connect_timeout(&address, CONNECT).ok())
}

/// The answer's message; none when the peer said something else.
fn exchange(stream: &mut TcpStream, signed: &Signed, until: Instant) -> io::Result<Option<Vec<u8>>> {
    stream.write_all(&opening(signed))?;
    let mut incoming = Incoming { bytes: Vec::new(), read: 0 };
    if !incoming.fill(stream, &mut Vec::new(), until.min(Instant::now() + GREETING))? {
        return Ok(None);
    }
    let mut owed = Vec::new();
    let mut message = Vec::new();
    loop {
        let Some(frame) = incoming.frame() else {
            let enough = incoming.fill(stream, &mut owed, until)?;
            if !enough {
                return Ok(None);
            }
            continue;
        };
        match frame.kind {
            DATA => {
                let Some(data) = frame.data() else { return Ok(None) };
                message.extend_from_slice(data);
                match whole(&message) {
                    Whole::Message(length) => {
                        message.drain(..MESSAGE_HEADER_BYTES);
                        message.truncate(length);
                        return Ok(Some(message));
                    }
                    Whole::TooLarge => return Ok(None),
                    Whole::NotYet => {}
                }
            }
            SETTINGS_FRAME if frame.flags & ACK == 0 => push_frame(&mut owed, SETTINGS_FRAME, ACK, 0, &[]),
            PING if frame.flags & ACK == 0 => push_frame(&mut owed, PING, ACK, 0, frame.payload),
            RST_STREAM | GOAWAY | PUSH_PROMISE => return Ok(None),
            _ => {}
        }
        if frame.kind <= HEADERS_FRAME && frame.flags & END_STREAM != 0 {
            return Ok(None);
        }
    }
}

/// All that is sent, unless the peer takes its time.
fn opening(signed: &Signed) -> Vec<u8> {
    let length = signed.encoded_len();
    let mut out = Vec::with_capacity(length + 256);
    out.extend_from_slice(PREFACE);
    push_frame(&mut out, SETTINGS_FRAME, 0, 0, SETTINGS);
    push_frame(&mut out, WINDOW_UPDATE, 0, 0, &WINDOW_REST.to_be_bytes());
    push_frame(&mut out, HEADERS_FRAME, END_HEADERS, 1, HEADERS);
    let mut message = Vec::with_capacity(length + MESSAGE_HEADER_BYTES);
    message.push(0);
    message.extend_from_slice(&(length as u32).to_be_bytes());
    signed.encode_raw(&mut message);
    let parts = message.chunks(FRAME_BYTES_MAX);
    let last = parts.len() - 1;
    for (index, part) in parts.enumerate() {
        push_frame(&mut out, DATA, if index == last { END_STREAM } else { 0 }, 1, part);
    }
    out
}

fn push_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

struct Frame<'a> {
    kind: u8,
    flags: u8,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The payload without its padding; none when that is longer than the frame.
    fn data(&self) -> Option<&'a [u8]> {
        if self.flags & PADDED == 0 {
            return Some(self.payload);
        }
        let (padding, rest) = self.payload.split_first()?;
        rest.get(..rest.len().checked_sub(usize::from(*padding))?)
    }
}

/// What was received, as frames.
struct Incoming {
    bytes: Vec<u8>,
    read: usize,
}

impl Incoming {
    /// The next frame, if all of it is there.
    fn frame(&mut self) -> Option<Frame<'_>> {
        let (header, rest) = self.bytes[self.read..].split_first_chunk::<FRAME_HEADER_BYTES>()?;
        let length = length_of(header);
        let payload = rest.get(..length)?;
        self.read += FRAME_HEADER_BYTES + length;
        Some(Frame { kind: header[3], flags: header[4], payload })
    }

    /// Waits for more. False when there will be no whole frame: the peer left, time is over, a frame is too large.
    fn fill(&mut self, stream: &mut TcpStream, owed: &mut Vec<u8>, until: Instant) -> io::Result<bool> {
        self.bytes.drain(..self.read);
        self.read = 0;
        let too_large = self.bytes.first_chunk::<FRAME_HEADER_BYTES>().is_some_and(|h| length_of(h) > FRAME_BYTES_MAX);
        if too_large {
            return Ok(false);
        }
        let mut some = [0; 4096];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let debts = !owed.is_empty();
            stream.set_read_timeout(Some(if debts { left.min(COURTESY) } else { left }))?;
            match stream.read(&mut some) {
                Ok(0) => return Ok(false),
                Ok(count) => {
                    self.bytes.extend_from_slice(&some[..count]);
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && debts => {
                    stream.write_all(owed)?;
                    owed.clear();
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn length_of(header: &[u8; FRAME_HEADER_BYTES]) -> usize {
    usize::from(header[0]) << 16 | usize::from(header[1]) << 8 | usize::from(header[2])
}

enum Whole {
    Message(usize),
    NotYet,
    TooLarge,
}

/// Whether `bytes` begin with a whole gRPC message; a compressed one we did not ask for.
fn whole(bytes: &[u8]) -> Whole {
    let Some((header, rest)) = bytes.split_first_chunk::<MESSAGE_HEADER_BYTES>() else { return Whole::NotYet };
    let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]) as usize;
    match length {
        length if header[0] != 0 || length > REPLY_BYTES_MAX => Whole::TooLarge,
        length if rest.len() < length => Whole::NotYet,
        length => Whole::Message(length),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// What is made of a peer that says this, and then waits for the end.
    fn heard(said: &[(u8, u8, &[u8])]) -> Asked {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it has one").to_string();
        let mut out = Vec::new();
        said.iter().for_each(|(kind, flags, payload)| push_frame(&mut out, *kind, *flags, 1, payload));
        let peer = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            stream.write_all(&out).expect("it is read");
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut asked = Vec::new();
            let _reset = stream.read_to_end(&mut asked);
            asked
        });
        let signed = Signed { credential: b"c".to_vec().into(), request: b"r".to_vec().into(), pass: None };
        let asked = ask(&address, &signed, Duration::from_secs(20));
        assert!(peer.join().expect("it ends").starts_with(PREFACE));
        asked
    }

    /// An empty reply: its message has no bytes.
    const EMPTY: &[u8] = &[0, 0, 0, 0, 0];

    #[test]
    fn a_message_is_an_answer_whatever_comes_around_it() {
        let padded: &[u8] = &[2, 0, 0, 0, 9, 9];
        let said = [(SETTINGS_FRAME, 0, &b""[..]), (HEADERS_FRAME, END_HEADERS, b"\xff"), (DATA, PADDED, padded)];
        let rest = [(PING, 0, &b"12345678"[..]), (0x77, 0, b"unknown"), (DATA, END_STREAM, &EMPTY[..2])];
        assert_eq!(heard(&[said, rest].concat()), Asked::Answer(Reply::default()));
    }

    #[test]
    fn a_peer_that_only_its_kernel_accepts_for_is_not_waited_for_long() {
        let standing_still = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = standing_still.local_addr().expect("it has one").to_string();
        let signed = Signed { credential: b"c".to_vec().into(), request: b"r".to_vec().into(), pass: None };
        let (begun, patience) = (Instant::now(), Duration::from_secs(600));
        assert_eq!(ask(&address, &signed, patience), Asked::Silent);
        assert!(begun.elapsed() < patience / 2, "waited for as for one that lives");
    }

    #[test]
    fn whatever_else_is_said_is_no_answer() {
        let trailers = (HEADERS_FRAME, END_HEADERS | END_STREAM, &b"\x88"[..]);
        assert_eq!(heard(&[trailers]), Asked::Silent, "a status alone");
        assert_eq!(heard(&[(DATA, END_STREAM, &EMPTY[..3])]), Asked::Silent, "cut off");
        assert_eq!(heard(&[(RST_STREAM, 0, &[0; 4])]), Asked::Silent);
        assert_eq!(heard(&[(GOAWAY, 0, &[0; 8])]), Asked::Silent);
        assert_eq!(heard(&[(DATA, PADDED, &[200, 0])]), Asked::Silent, "more padding than frame");
        assert_eq!(heard(&[(DATA, 0, &[1, 0, 0, 0, 0])]), Asked::Silent, "compressed");
        assert_eq!(heard(&[(DATA, 0, &[0, 0xff, 0xff, 0xff, 0xff])]), Asked::Silent, "longer than a reply may be");
        assert_eq!(heard(&[(DATA, 0, &[7; FRAME_BYTES_MAX + 1])]), Asked::Silent, "a frame that we did not allow");
        assert_eq!(heard(&[]), Asked::Silent);
    }
}
