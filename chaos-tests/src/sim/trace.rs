//! What happened in a run, as a rolling hash of semantic events: the same seed must give the same hash.
//!
//! Log text is not hashed (it may print instants of the real clock); what clients were told and what nodes ran is.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

/// FNV-1a, 64 bits: a fixed function, unlike the standard library's hashers.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// Shared by everything in a run. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trace(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    hash: u64,
    lines: Vec<String>,
    keep: bool,
}

impl Trace {
    /// `keep`: also keeps the lines, to be read by a person.
    pub fn new(keep: bool) -> Self {
        Self(Arc::new(Mutex::new(State { hash: OFFSET, lines: Vec::new(), keep })))
    }

    /// One event inside of a simulated host, with the virtual time at which it happened.
    pub fn event(&self, what: &str) {
        let now_ms = turmoil::sim_elapsed().map_or(0, |elapsed| elapsed.as_millis());
        self.event_at(u64::try_from(now_ms).unwrap_or(u64::MAX), what);
    }

    /// One event at `now_ms`, virtual time.
    pub fn event_at(&self, now_ms: u64, what: &str) {
        let mut line = String::new();
        write!(line, "{now_ms:>8} {what}").expect("writing to a string does not fail");
        let mut state = self.0.lock().expect("no holder of this lock panics");
        for byte in line.bytes().chain([b'\n']) {
            state.hash = (state.hash ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        if state.keep {
            state.lines.push(line);
        }
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.0.lock().expect("no holder of this lock panics").hash
    }

    /// The lines, where they are kept.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().expect("no holder of this lock panics").lines.clone()
    }
}
