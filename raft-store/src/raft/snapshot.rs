//! Snapshots as rows: sent from a consistent view, received into a fresh place.
//!
//! ```text
//! view ─► header | rows … rows | footer ─► fresh rows + a fresh Cluster ─► digest agrees ─► switch
//! ```

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use muster_model::cluster::{Cluster, Row, Table};

use super::Vote;
use super::convert::{vote, vote_record};
use crate::encoding::{
    AppliedRecord, ChunkBody, Footer, Header, KeyValue, PartOf, RowsOf, SnapshotChunk, open_chunk, seal_chunk,
};
use crate::fault::Fault;
use crate::identity::Identity;
use crate::store::{RowFiles, RowView, Store};

/// Bytes of one chunk, its wrapping included. A row above it travels in parts.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Room for keys, lengths, number and checksum.
const CHUNK_ROW_BYTES_MAX: usize = CHUNK_BYTES_MAX * 3 / 4;
/// Bytes of one row that is put together again.
const ROW_BYTES_MAX: usize = 256 << 20;
/// Bytes of one chunk that are still read, from a sender whose rows are larger than ours.
const CHUNK_BYTES_READ_MAX: usize = 16 << 20;
/// Changes when an old replica could not read what a new one sends.
const FORMAT: u32 = 1;

/// What openraft hands from the state machine to the network, and back on the other side.
pub(crate) enum SnapshotData {
    /// Flushed rows: what lets the log be purged. Nothing to send.
    Flushed,
    /// To be sent.
    View(Outgoing),
    /// Received whole.
    Received(Box<Incoming>),
}

/// A consistent view, and what the state was worth at that index.
pub(crate) struct Outgoing {
    pub(crate) view: Arc<dyn RowView>,
    pub(crate) applied: AppliedRecord,
    pub(crate) digest: u128,
}

/// Rows in a fresh place, durable, and the state that was loaded from them.
pub(crate) struct Incoming {
    pub(crate) rows: Arc<dyn RowFiles>,
    pub(crate) cluster: Cluster,
    pub(crate) applied: AppliedRecord,
}

enum Step {
    Header,
    Rows {
        table: usize,
        after: Option<Vec<u8>>,
    },
    /// A large row, of which so much was sent.
    Part {
        table: usize,
        key: Vec<u8>,
        value: Vec<u8>,
        sent: usize,
    },
    End,
}

struct Sender {
    outgoing: Outgoing,
    header: Header,
    step: Step,
    sequence: u64,
    rows: u64,
}

impl Sender {
    /// The next chunk, or `None` after the footer.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        let body = match std::mem::replace(&mut self.step, Step::End) {
            Step::Header => {
                self.step = Step::Rows { table: 0, after: None };
                ChunkBody::Header(self.header.clone())
            }
            Step::Rows { table, after } => self.rows(table, after)?,
            Step::Part { table, key, value, sent } => self.part(table, key, value, sent),
            Step::End => return Ok(None),
        };
        let chunk = SnapshotChunk { sequence: self.sequence, body: Some(body) };
        self.sequence += 1;
        Ok(Some(seal_chunk(&chunk)))
    }

    fn rows(&mut self, mut table: usize, mut after: Option<Vec<u8>>) -> io::Result<ChunkBody> {
        while let Some(&at) = Table::ALL.get(table) {
            let mut found = self.outgoing.view.scan(at, after.as_deref(), CHUNK_ROW_BYTES_MAX)?;
            if let Some((key, value)) = found.pop_if(|(_, value)| value.len() > CHUNK_ROW_BYTES_MAX) {
                self.rows += 1;
                return Ok(self.part(table, key, value, 0));
            }
            if let Some((last, _)) = found.last() {
                self.rows += found.len() as u64;
                self.step = Step::Rows { table, after: Some(last.clone()) };
                let rows = found.into_iter().map(|(key, value)| KeyValue { key, value }).collect();
                return Ok(ChunkBody::Rows(RowsOf { table: at as u32, rows }));
            }
            table += 1;
            after = None;
        }
        Ok(ChunkBody::Footer(Footer { rows: self.rows, digest: self.outgoing.digest.to_be_bytes().to_vec() }))
    }

    fn part(&mut self, table: usize, key: Vec<u8>, value: Vec<u8>, sent: usize) -> ChunkBody {
        let end = value.len().min(sent + CHUNK_ROW_BYTES_MAX);
        let (piece, ends) = (value[sent..end].to_vec(), end == value.len());
        self.step = match ends {
            true => Step::Rows { table, after: Some(key.clone()) },
            false => Step::Part { table, key: key.clone(), value, sent: end },
        };
        ChunkBody::Part(PartOf { table: Table::ALL[table] as u32, key, piece, ends })
    }
}

/// The chunks of a snapshot. Ends without a footer where reading fails, and the receiver then refuses it.
pub(crate) fn chunks(
    outgoing: Outgoing,
    leader: &Vote,
    identity: &Identity,
    fault: Fault,
) -> BoxStream<'static, Bytes> {
    let header = Header {
        format: FORMAT,
        cluster_id: identity.cluster_id.to_vec(),
        generation: identity.generation,
        vote: vote_record(leader),
        applied: outgoing.applied.clone(),
    };
    let sender = Sender { outgoing, header, step: Step::Header, sequence: 0, rows: 0 };
    let chunks = stream::unfold((sender, fault), |(mut sender, fault)| async move {
        match sender.next() {
            Ok(chunk) => chunk.map(|chunk| (chunk, (sender, fault))),
            Err(error) => {
                fault.set(format!("rows: {error}"));
                None
            }
        }
    });
    chunks.boxed()
}

/// Takes a snapshot into a fresh place of the store. Nothing is in force before all of it is there and agrees.
pub(crate) async fn receive(
    store: &dyn Store,
    identity: &Identity,
    feature_level_max: u32,
    mut chunks: BoxStream<'_, Bytes>,
) -> Result<(Vote, Incoming), String> {
    let (header, mut intake) = Intake::begin(&next_chunk(&mut chunks).await?)?;
    if header.cluster_id != identity.cluster_id || header.generation != identity.generation {
        return Err("the snapshot is of another cluster or generation".into());
    }
    let rows = store.fresh_rows().map_err(|error| error.to_string())?;
    while !intake.take(&next_chunk(&mut chunks).await?, &mut |part| rows.fill(part))? {}
    let cluster = intake.into_cluster().of_level(feature_level_max);
    let applied = AppliedRecord { installed: Some(header.applied.at), ..header.applied };
    rows.write(&[], &applied).map_err(|error| error.to_string())?;
    match rows.persist() {
        Ok(Some(kept)) if kept == applied => Ok((vote(header.vote), Incoming { rows, cluster, applied })),
        Ok(_) => Err("the rows were not flushed".into()),
        Err(error) => Err(error.to_string()),
    }
}

async fn next_chunk(chunks: &mut BoxStream<'_, Bytes>) -> Result<Bytes, String> {
    let bytes = chunks.next().await.ok_or("the snapshot ends too early")?;
    if bytes.len() > CHUNK_BYTES_READ_MAX {
        return Err(format!("a snapshot chunk of {} bytes", bytes.len()));
    }
    Ok(bytes)
}

/// Takes the chunks of a snapshot in their order, and loads the state from them to see that it is worth what was said.
pub(crate) struct Intake {
    sequence: u64,
    rows: u64,
    cluster: Cluster,
    /// A large row whose end has not come.
    part: Option<Row>,
}

impl Intake {
    /// From the first chunk. Whose snapshot it is, the caller judges.
    pub(crate) fn begin(chunk: &[u8]) -> Result<(Header, Intake), String> {
        let ChunkBody::Header(header) = open_chunk(chunk, 0)? else {
            return Err("a snapshot begins without its header".into());
        };
        if header.format != FORMAT {
            return Err(format!("snapshot format {} is unknown", header.format));
        }
        Ok((header, Intake { sequence: 1, rows: 0, cluster: Cluster::new(), part: None }))
    }

    /// Hands the rows of the next chunk to `keep`. True: that was the last one, and all of it is there and agrees.
    pub(crate) fn take(
        &mut self,
        chunk: &[u8],
        keep: &mut dyn FnMut(&[Row]) -> io::Result<()>,
    ) -> Result<bool, String> {
        let body = open_chunk(chunk, self.sequence)?;
        self.sequence += 1;
        match body {
            ChunkBody::Header(_) => Err("a snapshot has two headers".into()),
            ChunkBody::Rows(_) | ChunkBody::Footer(_) if self.part.is_some() => {
                Err("the end of a row is missing".into())
            }
            ChunkBody::Rows(part) => {
                let table = table_of(part.table)?;
                let row = |row: KeyValue| Row { table, key: row.key, value: Some(row.value) };
                self.keep_rows(part.rows.into_iter().map(row).collect(), keep).map(|()| false)
            }
            ChunkBody::Part(part) => {
                let ends = part.ends;
                self.add_part(part)?;
                let whole = if ends { self.part.take() } else { None };
                self.keep_rows(whole.into_iter().collect(), keep).map(|()| false)
            }
            ChunkBody::Footer(footer) => self.end(&footer).map(|()| true),
        }
    }

    /// The state, once all was taken.
    pub(crate) fn into_cluster(self) -> Cluster {
        self.cluster
    }

    fn keep_rows(&mut self, rows: Vec<Row>, keep: &mut dyn FnMut(&[Row]) -> io::Result<()>) -> Result<(), String> {
        keep(&rows).map_err(|error| error.to_string())?;
        self.rows += rows.len() as u64;
        // Rows that stay on disk are shown to it as well: it checks that history adds up.
        rows.into_iter().try_for_each(|row| self.cluster.load(row)).map_err(|error| error.to_string())
    }

    fn add_part(&mut self, part: PartOf) -> Result<(), String> {
        let table = table_of(part.table)?;
        let row = self.part.get_or_insert_with(|| Row { table, key: part.key.clone(), value: Some(Vec::new()) });
        let value = row.value.get_or_insert_default();
        if (row.table, &row.key) != (table, &part.key) || value.len() + part.piece.len() > ROW_BYTES_MAX {
            return Err("parts of a row do not fit together".into());
        }
        value.extend_from_slice(&part.piece);
        Ok(())
    }

    fn end(&mut self, footer: &Footer) -> Result<(), String> {
        self.cluster.loaded().map_err(|error| error.to_string())?;
        if footer.rows != self.rows {
            return Err(format!("{} rows of {} came", self.rows, footer.rows));
        }
        if footer.digest != self.cluster.digest().to_be_bytes() {
            return Err("the digest of the rows differs from the sender's state".into());
        }
        Ok(())
    }
}

fn table_of(number: u32) -> Result<Table, String> {
    let table = Table::ALL.into_iter().find(|table| *table as u32 == number);
    table.ok_or_else(|| format!("table {number} is unknown"))
}
