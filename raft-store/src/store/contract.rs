//! What both disks must do alike: one suite, run on each.

use std::sync::Arc;

use bytes::Bytes;
use muster_model::cluster::{Row, Table};

use super::{Fact, LogOp, MemoryDisk, Store, Watermark, open, peek};
use crate::encoding::{AppliedRecord, MembershipRecord, Position, VoteRecord};
use crate::errors::OpenError;
use crate::identity::Identity;
use crate::options::StoreKind;

/// A disk, and what keeps it.
struct Place {
    kind: StoreKind,
    _directory: Option<tempfile::TempDir>,
}

fn places() -> Vec<Place> {
    let directory = tempfile::tempdir().unwrap();
    let disk = StoreKind::Disk(directory.path().join("replica"));
    vec![
        Place { kind: StoreKind::Memory(MemoryDisk::new(1)), _directory: None },
        Place { kind: disk, _directory: Some(directory) },
    ]
}

fn on_both(check: impl Fn(&StoreKind)) {
    places().iter().for_each(|place| check(&place.kind));
}

fn store(kind: &StoreKind) -> Arc<dyn Store> {
    open(kind).unwrap()
}

fn put(index: u64, text: &str) -> LogOp {
    LogOp::Put { index, record: Bytes::from(text.to_owned()) }
}

fn texts(records: Vec<Bytes>) -> Vec<String> {
    records.into_iter().map(|record| String::from_utf8(record.to_vec()).unwrap()).collect()
}

fn row(table: Table, key: &str, value: Option<&str>) -> Row {
    Row { table, key: key.into(), value: value.map(|value| value.as_bytes().to_vec()) }
}

fn applied(index: u64) -> AppliedRecord {
    AppliedRecord { at: Position { term: 1, index }, membership: MembershipRecord::default(), installed: None }
}

fn keys(rows: Vec<(Vec<u8>, Vec<u8>)>) -> String {
    rows.into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn entries_are_read_back_in_order_within_bounds() {
    on_both(|kind| {
        let log = store(kind).log();
        assert_eq!(log.last().unwrap(), None);
        log.write(&[put(1, "one"), put(2, "two"), put(256, "far")]).unwrap();
        assert_eq!(texts(log.read(0, 300, 1000).unwrap()), ["one", "two", "far"]);
        assert_eq!(texts(log.read(2, 256, 1000).unwrap()), ["two"]);
        assert_eq!(texts(log.read(1, 300, 6).unwrap()), ["one", "two"]);
        assert_eq!(texts(log.read(1, 300, 1).unwrap()), ["one"], "at least one");
        assert_eq!(log.last().unwrap().unwrap(), "far");
    });
}

#[test]
fn truncated_and_purged_entries_are_gone_and_may_be_written_again() {
    on_both(|kind| {
        let log = store(kind).log();
        log.write(&(1..=9).map(|index| put(index, &index.to_string())).collect::<Vec<_>>()).unwrap();
        log.write(&[LogOp::TruncateFrom(6), put(6, "six")]).unwrap();
        log.write(&[LogOp::PurgeTo(3), LogOp::Set(Fact::Purged, vec![3])]).unwrap();
        log.sync().unwrap();
        assert_eq!(texts(log.read(0, 100, 1000).unwrap()), ["4", "5", "six"]);
        log.write(&[LogOp::TruncateFrom(0)]).unwrap();
        assert_eq!(log.last().unwrap(), None);
        assert_eq!(log.fact(Fact::Purged).unwrap(), Some(vec![3]), "facts are no entries");
    });
}

#[test]
fn the_log_is_there_after_a_restart() {
    on_both(|kind| {
        let first = store(kind);
        let vote = LogOp::Set(Fact::Vote, vec![1, 2]);
        first.log().write(&[put(1, "one"), vote]).unwrap();
        first.log().sync().unwrap();
        let mark = Watermark { sequence: 1, last: Some(Position { term: 1, index: 1 }), vote: None };
        first.log().set_watermark(&mark).unwrap();
        first.close();
        assert!(first.log().last().is_err(), "a closed store reads nothing");
        let log = store(kind).log();
        assert_eq!(texts(log.read(0, 9, 1000).unwrap()), ["one"]);
        assert_eq!(log.fact(Fact::Vote).unwrap(), Some(vec![1, 2]));
        assert_eq!(log.watermark().unwrap(), Some(mark));
    });
}

#[test]
fn the_newest_watermark_counts() {
    on_both(|kind| {
        let log = store(kind).log();
        assert_eq!(log.watermark().unwrap(), None);
        for sequence in 1..=5 {
            let vote = Some(VoteRecord { term: sequence, candidate: 1, won: false });
            log.set_watermark(&Watermark { sequence, last: None, vote }).unwrap();
        }
        assert_eq!(log.watermark().unwrap().unwrap().vote.unwrap().term, 5);
    });
}

#[test]
fn rows_and_applied_record_are_one_write() {
    on_both(|kind| {
        let rows = store(kind).rows();
        assert_eq!(rows.applied().unwrap(), None);
        rows.write(&[row(Table::Jobs, "a", Some("1")), row(Table::Nodes, "n", Some("2"))], &applied(4)).unwrap();
        rows.write(&[row(Table::Jobs, "a", None), row(Table::Jobs, "b", Some("3"))], &applied(5)).unwrap();
        assert_eq!(rows.get(Table::Jobs, b"a").unwrap(), None);
        assert_eq!(rows.get(Table::Jobs, b"b").unwrap(), Some(b"3".to_vec()));
        assert_eq!(rows.get(Table::Nodes, b"n").unwrap(), Some(b"2".to_vec()));
        assert_eq!(rows.applied().unwrap(), Some(applied(5)));
    });
}

#[test]
fn ranges_stop_at_their_bounds() {
    on_both(|kind| {
        let rows = store(kind).rows();
        let written: Vec<Row> = ["a", "b", "c", "d"].map(|key| row(Table::History, key, Some("x"))).into();
        rows.write(&written, &applied(1)).unwrap();
        assert_eq!(keys(rows.range(Table::History, b"b", Some(b"d"), 10).unwrap()), "b c");
        assert_eq!(keys(rows.range(Table::History, b"", None, 3).unwrap()), "a b c");
        assert_eq!(keys(rows.range(Table::History, b"", None, 0).unwrap()), "");
        assert_eq!(keys(rows.range(Table::Jobs, b"", None, 10).unwrap()), "");
    });
}

#[test]
fn a_flush_is_read_back_and_survives() {
    on_both(|kind| {
        let first = store(kind);
        let rows = first.rows();
        assert_eq!(rows.persist().unwrap(), None);
        let every: Vec<Row> = Table::ALL.into_iter().map(|table| row(table, "k", Some("v"))).collect();
        rows.write(&every, &applied(7)).unwrap();
        assert_eq!(rows.persist().unwrap(), Some(applied(7)), "what a power cut would leave");
        first.close();
        let rows = store(kind).rows();
        assert_eq!(rows.applied().unwrap(), Some(applied(7)));
        let kept = Table::ALL.into_iter().filter(|table| rows.get(*table, b"k").unwrap().is_some());
        assert_eq!(kept.count(), Table::ALL.len(), "all tables are flushed as one");
    });
}

#[test]
fn a_view_does_not_see_later_writes() {
    on_both(|kind| {
        let rows = store(kind).rows();
        rows.write(&[row(Table::Jobs, "a", Some("1")), row(Table::Jobs, "b", Some("22"))], &applied(1)).unwrap();
        let view = rows.view().unwrap();
        rows.write(&[row(Table::Jobs, "a", None), row(Table::Jobs, "c", Some("3"))], &applied(2)).unwrap();
        assert_eq!(view.applied().unwrap(), Some(applied(1)));
        assert_eq!(keys(view.scan(Table::Jobs, None, 1000).unwrap()), "a b");
        assert_eq!(keys(view.scan(Table::Jobs, Some(b"a"), 1000).unwrap()), "b");
        assert_eq!(keys(view.scan(Table::Jobs, None, 1).unwrap()), "a", "at least one");
        assert_eq!(keys(view.scan(Table::Jobs, Some(b"b"), 1000).unwrap()), "");
    });
}

#[test]
fn rows_switch_in_one_step_and_stay_switched() {
    on_both(|kind| {
        let first = store(kind);
        first.rows().write(&[row(Table::Jobs, "old", Some("1"))], &applied(1)).unwrap();
        let abandoned = first.fresh_rows().unwrap();
        let fresh = first.fresh_rows().unwrap();
        fresh.fill(&[row(Table::Jobs, "new", Some("2"))]).unwrap();
        fresh.write(&[], &applied(9)).unwrap();
        fresh.persist().unwrap();
        assert_eq!(keys(first.rows().range(Table::Jobs, b"", None, 9).unwrap()), "old", "not in force yet");
        assert!(first.switch_rows(abandoned).is_err());
        first.switch_rows(fresh).unwrap();
        assert_eq!(keys(first.rows().range(Table::Jobs, b"", None, 9).unwrap()), "new");
        first.close();
        let rows = store(kind).rows();
        assert_eq!(keys(rows.range(Table::Jobs, b"", None, 9).unwrap()), "new");
        assert_eq!(rows.applied().unwrap(), Some(applied(9)));
    });
}

#[test]
fn one_opens_it_at_a_time() {
    on_both(|kind| {
        let first = store(kind);
        assert!(matches!(open(kind), Err(OpenError::Locked { .. })));
        first.close();
        store(kind);
    });
}

#[test]
fn the_store_id_is_made_once_and_the_identity_stays() {
    on_both(|kind| {
        let empty = peek(kind).unwrap();
        assert_eq!(empty.identity, None);
        assert_eq!(peek(kind).unwrap(), empty);
        let identity =
            Identity { cluster_id: [7; 16], generation: 1, replica: 3, store_id: empty.store_id, name: "ctl3".into() };
        let first = store(kind);
        first.set_identity(&identity).unwrap();
        first.close();
        assert_eq!(peek(kind).unwrap().identity, Some(identity));
    });
}

#[test]
fn a_power_cut_takes_what_was_not_synced() {
    let disk = MemoryDisk::new(1);
    let first = disk.open().unwrap();
    first.log().write(&[put(1, "one")]).unwrap();
    first.log().sync().unwrap();
    first.log().write(&[put(2, "two"), put(3, "three")]).unwrap();
    first.rows().write(&[row(Table::Jobs, "a", Some("1"))], &applied(1)).unwrap();
    disk.crash_keeping(1);
    assert!(first.log().write(&[put(9, "ghost")]).is_err(), "a dead process writes nothing");
    let second = disk.open().unwrap();
    assert_eq!(texts(second.log().read(0, 9, 1000).unwrap()), ["one", "two"]);
    assert_eq!(second.rows().applied().unwrap(), None);
}
