//! Golden bytes of both contracts: a sample of every message, and the number of every value of an enumeration.
//!
//! `durable.tsv` is what disks hold: its lines stay for ever. `wire.tsv` is what programs of neighbouring versions say to each other:
//! a line may go once two releases have passed since its message changed. A message that is new or has a new field needs a new line,
//! and the tests say which.

mod known;
mod sample;

use std::collections::BTreeMap;

use known::KNOWN;
use protox::prost_reflect::DescriptorPool;
use sample::samples;

const DURABLE: &str = include_str!("durable.tsv");
const WIRE: &str = include_str!("wire.tsv");

fn contracts() -> DescriptorPool {
    let folder = env!("CARGO_MANIFEST_DIR");
    let names = ["durable", "wire"].into_iter().flat_map(|part| {
        let entries = std::fs::read_dir(format!("{folder}/{part}")).expect("the contract is there");
        entries.map(move |entry| format!("{part}/{}", entry.expect("it is read").file_name().display()))
    });
    let set = protox::compile(names.collect::<Vec<_>>(), [folder]).expect("valid protobuf");
    DescriptorPool::from_file_descriptor_set(set).expect("whole")
}

/// Name and bytes, or number.
fn golden() -> Vec<(&'static str, &'static str)> {
    DURABLE.lines().chain(WIRE.lines()).map(|line| line.split_once('\t').expect("NAME<tab>BYTES")).collect()
}

/// Every value of an enumeration, and `=` its number.
fn values(pool: &DescriptorPool) -> Vec<(String, String)> {
    let all = pool.all_enums().flat_map(|of| of.values().collect::<Vec<_>>());
    all.map(|value| (value.full_name().to_owned(), format!("={}", value.number()))).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |digit: &u8| (*digit as char).to_digit(16).expect("hexadecimal");
    hex.as_bytes().chunks_exact(2).map(|pair| (digit(&pair[0]) * 16 + digit(&pair[1])) as u8).collect()
}

#[test]
fn every_message_and_value_of_today_has_its_golden_line() {
    let pool = contracts();
    let mut lines: Vec<(String, String)> =
        pool.all_messages().filter(|message| !message.is_map_entry()).flat_map(|message| samples(&message)).collect();
    lines.extend(values(&pool));
    let golden = golden();
    let missing = lines.iter().filter(|(name, hex)| !golden.contains(&(name, hex)));
    let missing: Vec<String> = missing.map(|(name, hex)| format!("{name}\t{hex}")).collect();
    assert!(missing.is_empty(), "to be added, none replaced (docs/checklists.md):\n{}", missing.join("\n"));
}

#[test]
fn bytes_of_every_version_are_read_and_written_as_they_were() {
    let known: BTreeMap<&str, known::Again> = KNOWN.iter().copied().collect();
    for (name, hex) in golden().into_iter().filter(|(_, hex)| !hex.starts_with('=')) {
        // An alternative stands under the name of its message.
        let of = if known.contains_key(name) { name } else { name.rsplit_once('.').map_or(name, |(of, _)| of) };
        let again = known.get(of).unwrap_or_else(|| panic!("{name} is of no message of today"));
        let written = again(&bytes(hex)).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert_eq!(written, bytes(hex), "{name}");
    }
}

#[test]
fn numbers_of_values_stay() {
    let now = values(&contracts());
    for (name, number) in golden().into_iter().filter(|(_, number)| number.starts_with('=')) {
        let today = now.iter().find(|(of, _)| of == name).map(|(_, number)| number.as_str());
        assert_eq!(today, Some(number), "{name}");
    }
}

#[test]
fn every_message_of_the_contracts_is_read_by_a_type_here() {
    let pool = contracts();
    let messages = pool.all_messages().filter(|message| !message.is_map_entry());
    let mut named: Vec<String> = messages.map(|message| message.full_name().to_owned()).collect();
    let mut known: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known, "tests/golden/known.rs lists them");
}

#[test]
fn a_field_that_changed_its_number_is_found() {
    let file = |body: &str| {
        let file = format!("syntax = \"proto3\"; package p; message M {{ {body} }}");
        let set =
            protox::Compiler::with_file_resolver(OneFile(file)).open_file("m.proto").unwrap().file_descriptor_set();
        let pool = DescriptorPool::from_file_descriptor_set(set).unwrap();
        samples(&pool.get_message_by_name("p.M").unwrap())
    };
    let before = file("uint32 job = 1; uint32 node = 2;");
    assert_eq!(before, [("p.M".to_owned(), "08101017".to_owned())]);
    assert_ne!(file("uint32 job = 2; uint32 node = 1;"), before);
}

struct OneFile(String);

impl protox::file::FileResolver for OneFile {
    fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
        protox::file::File::from_source(name, &self.0)
    }
}
