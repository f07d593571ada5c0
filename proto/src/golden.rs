//! For the tests of whoever keeps or says messages of its own, which no contract lists: lines of golden bytes, `NAME<tab>BYTES`.
//!
//! A line is added and never replaced: bytes of every version are read, and written again as they were. `cargo xtask verify` says
//! which message or field has no line.

use prost::{DecodeError, Message};

/// A message of today with all of its fields filled, or one alternative of it, `NAME.alternative`.
pub struct Sample {
    name: String,
    hex: String,
    again: fn(&[u8]) -> Result<Vec<u8>, DecodeError>,
}

impl Sample {
    /// Under the name of its type.
    pub fn of<M: Message + Default>(message: &M) -> Self {
        let path = std::any::type_name::<M>();
        let name = path.rsplit("::").next().unwrap_or(path).to_owned();
        let again = |bytes: &[u8]| Ok(M::decode(bytes)?.encode_to_vec());
        Self { name, hex: hex(&message.encode_to_vec()), again }
    }

    /// One of several samples of a message.
    pub fn alternative<M: Message + Default>(name: &str, message: &M) -> Self {
        let whole = Self::of(message);
        Self { name: format!("{}.{name}", whole.name), ..whole }
    }

    fn message(&self) -> &str {
        message(&self.name)
    }
}

fn message(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A line for each that is wrong: a sample whose line is missing, and a line that is not read, or not written again as it was.
pub fn breaches(lines: &str, samples: &[Sample]) -> Vec<String> {
    let golden: Vec<(&str, &str)> = lines.lines().map(|line| line.split_once('\t').unwrap_or((line, ""))).collect();
    let missing = samples.iter().filter(|sample| !golden.contains(&(&sample.name, &sample.hex)));
    let missing = missing.map(|sample| format!("to be added: {}\t{}", sample.name, sample.hex));
    missing.chain(golden.iter().filter_map(|(name, hex)| not_as_it_was(name, hex, samples))).collect()
}

fn not_as_it_was(name: &str, line: &str, samples: &[Sample]) -> Option<String> {
    let Some(known) = samples.iter().find(|sample| sample.message() == message(name)) else {
        return Some(format!("{name} is of no message of today"));
    };
    let Some(bytes) = bytes(line) else { return Some(format!("{name}: {line:?} is not hexadecimal")) };
    match (known.again)(&bytes) {
        Ok(written) if written == bytes => None,
        Ok(written) => Some(format!("{name}: {line} is written again as {}", hex(&written))),
        Err(why) => Some(format!("{name}: {line}: {why}")),
    }
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if !hex.len().is_multiple_of(2) || !hex.is_ascii() {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Age, HeldConfig};

    fn sample() -> Sample {
        Sample::of(&HeldConfig { cluster_id: vec![1].into(), generation: 2, version: 3 })
    }

    #[test]
    fn lines_of_every_version_are_read_and_written_again() {
        assert_eq!(breaches("HeldConfig\t0a010110021803\nHeldConfig.first\t1002", &[sample()]), Vec::<String>::new());
    }

    #[test]
    fn a_changed_field_and_a_forgotten_message_are_found() {
        assert_eq!(breaches("", &[sample()]), ["to be added: HeldConfig\t0a010110021803"]);
        let of_another =
            breaches("HeldConfig\t0a010110021803\nAge\t08", &[sample(), Sample::alternative("x", &Age::default())]);
        assert_eq!(of_another.len(), 2, "{of_another:?}");
        assert_eq!(breaches("Gone\t08", &[]), ["Gone is of no message of today"]);
        assert_eq!(breaches("HeldConfig\t0x", &[sample()])[1], "HeldConfig: \"0x\" is not hexadecimal");
        let dropped = "HeldConfig: 2801 is written again as ";
        assert_eq!(breaches("HeldConfig\t2801", &[sample()])[1], dropped, "a field that today's message does not have");
    }
}
