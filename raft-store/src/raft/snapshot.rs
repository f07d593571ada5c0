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
    AppliedRecord, ChunkBody, Footer, Header, KeyValue, RowsOf, SnapshotChunk, open_chunk, seal_chunk,
};
use crate::fault::Fault;
use crate::identity::Identity;
use crate::store::{RowFiles, RowView, Store};

/// Bytes of one chunk, its wrapping included. A single row above it travels alone.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Room for keys, lengths, number and checksum.
const CHUNK_ROW_BYTES_MAX: usize = CHUNK_BYTES_MAX * 3 / 4;
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
    Rows { table: usize, after: Option<Vec<u8>> },
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
            Step::End => return Ok(None),
        };
        let chunk = SnapshotChunk { sequence: self.sequence, body: Some(body) };
        self.sequence += 1;
        Ok(Some(seal_chunk(&chunk)))
    }

    fn rows(&mut self, mut table: usize, mut after: Option<Vec<u8>>) -> io::Result<ChunkBody> {
        while let Some(&at) = Table::ALL.get(table) {
            let found = self.outgoing.view.scan(at, after.as_deref(), CHUNK_ROW_BYTES_MAX)?;
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
}

/// The chunks of a snapshot. Ends without a footer where reading fails, and the receiver then refuses it.
pub(super) fn chunks(
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
    mut chunks: BoxStream<'_, Bytes>,
) -> Result<(Vote, Incoming), String> {
    let header = match next_chunk(&mut chunks, 0).await? {
        ChunkBody::Header(header) => header,
        ChunkBody::Rows(_) | ChunkBody::Footer(_) => return Err("a snapshot begins without its header".into()),
    };
    check_header(&header, identity)?;
    let rows = store.fresh_rows().map_err(|error| error.to_string())?;
    let mut cluster = Cluster::new();
    let mut count = 0;
    let mut sequence = 1;
    let footer = loop {
        match next_chunk(&mut chunks, sequence).await? {
            ChunkBody::Rows(part) => count += take_rows(part, &*rows, &mut cluster)?,
            ChunkBody::Footer(footer) => break footer,
            ChunkBody::Header(_) => return Err("a snapshot has two headers".into()),
        }
        sequence += 1;
    };
    cluster.loaded().map_err(|error| error.to_string())?;
    if footer.rows != count {
        return Err(format!("{count} rows of {} came", footer.rows));
    }
    if footer.digest != cluster.digest().to_be_bytes() {
        return Err("the digest of the rows differs from the sender's state".into());
    }
    let applied = AppliedRecord { installed: Some(header.applied.at), ..header.applied };
    rows.write(&[], &applied).map_err(|error| error.to_string())?;
    match rows.persist() {
        Ok(Some(kept)) if kept == applied => Ok((vote(header.vote), Incoming { rows, cluster, applied })),
        Ok(_) => Err("the rows were not flushed".into()),
        Err(error) => Err(error.to_string()),
    }
}

async fn next_chunk(chunks: &mut BoxStream<'_, Bytes>, sequence: u64) -> Result<ChunkBody, String> {
    let bytes = chunks.next().await.ok_or_else(|| format!("the snapshot ends before chunk {sequence}"))?;
    if bytes.len() > CHUNK_BYTES_READ_MAX {
        return Err(format!("snapshot chunk {sequence} has {} bytes", bytes.len()));
    }
    open_chunk(&bytes, sequence)
}

fn check_header(header: &Header, identity: &Identity) -> Result<(), String> {
    if header.format != FORMAT {
        return Err(format!("snapshot format {} is unknown", header.format));
    }
    if header.cluster_id != identity.cluster_id || header.generation != identity.generation {
        return Err("the snapshot is of another cluster or generation".into());
    }
    Ok(())
}

fn take_rows(part: RowsOf, fresh: &dyn RowFiles, cluster: &mut Cluster) -> Result<u64, String> {
    let table = Table::ALL.into_iter().find(|table| *table as u32 == part.table);
    let table = table.ok_or_else(|| format!("table {} is unknown", part.table))?;
    let rows: Vec<Row> = part.rows.into_iter().map(|row| Row { table, key: row.key, value: Some(row.value) }).collect();
    fresh.fill(&rows).map_err(|error| error.to_string())?;
    let count = rows.len() as u64;
    // Rows that stay on disk are shown to it as well: it checks that history adds up.
    rows.into_iter().try_for_each(|row| cluster.load(row)).map_err(|error| error.to_string())?;
    Ok(count)
}
