//! The supervisor's socket: noded's watch, and srun's attach, both carried by noded.

use std::rc::Rc;

use muster_proto::wire::{AttachStep, FromTasks, Input, ToTasks, from_tasks, to_tasks};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::Instant;

use super::shared::{Shared, Stage};
use super::wire::{FromStep, Pids, ToStep, from_step, to_step};
use crate::{read_frame, write_frame};

/// Connections at a time; noded opens one of its own and one for each srun and sattach.
const CONNECTIONS_MAX: usize = 64;
/// How long a task may leave its input unread before srun's acknowledgements are no longer waited for.
const INPUT_PATIENCE: std::time::Duration = std::time::Duration::from_millis(100);

/// A connection that does not say in this time what it wants is closed.
const FIRST_FRAME_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

type Reader = ReadHalf<UnixStream>;
type Writer = WriteHalf<UnixStream>;

/// Accepts until the supervisor ends; `first` is the connection that noded made before it started this.
pub(crate) async fn accept_loop(shared: Rc<Shared>, listener: UnixListener, first: UnixStream) {
    tokio::task::spawn_local(serve(shared.clone(), first, 0));
    let open = Rc::new(());
    let mut number = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            continue;
        };
        if Rc::strong_count(&open) > CONNECTIONS_MAX {
            continue;
        }
        number += 1;
        let (shared, open) = (shared.clone(), open.clone());
        tokio::task::spawn_local(async move {
            let _open = open;
            serve(shared, stream, number).await;
        });
    }
}

async fn serve(shared: Rc<Shared>, stream: UnixStream, number: u64) {
    let (mut reader, writer) = tokio::io::split(stream);
    let first = tokio::time::timeout(FIRST_FRAME_WAIT, read_frame::<ToStep>(&mut reader)).await;
    let Ok(Ok(Some(first))) = first else { return };
    match first.body {
        Some(to_step::Body::Watch(_)) => watch(&shared, reader, writer).await,
        Some(to_step::Body::Attach(attach)) if attach.observe => observe(&shared, writer).await,
        Some(to_step::Body::Attach(attach)) => own(&shared, reader, writer, attach, number).await,
        Some(to_step::Body::ListPids(_)) => {
            let mut writer = writer;
            let pids = Pids { pids: shared.pids() };
            let _ = write_frame(&mut writer, &FromStep { body: Some(from_step::Body::Pids(pids)) }).await;
        }
        _ => {}
    }
}

/// noded's own connection: stages out, orders in.
async fn watch(shared: &Rc<Shared>, mut reader: Reader, writer: Writer) {
    let telling = tokio::task::spawn_local(tell_stages(shared.clone(), writer));
    while let Ok(Some(frame)) = read_frame::<ToStep>(&mut reader).await {
        match frame.body {
            Some(to_step::Body::Signal(signal)) => shared.signal(signal.signal as i32, signal.batch_only),
            Some(to_step::Body::End(end)) => shared.end(end),
            Some(to_step::Body::Kill(_)) => shared.kill(),
            _ => {}
        }
    }
    telling.abort();
}

async fn tell_stages(shared: Rc<Shared>, mut writer: Writer) {
    let mut stages = shared.stage.subscribe();
    stages.mark_changed();
    while stages.changed().await.is_ok() {
        let body = match stages.borrow_and_update().clone() {
            Stage::Waiting => continue,
            Stage::Started => from_step::Body::Started(true),
            Stage::Exited(record) => from_step::Body::Exited(record),
        };
        if write_frame(&mut writer, &FromStep { body: Some(body) }).await.is_err() {
            return;
        }
    }
}

async fn observe(shared: &Shared, mut writer: Writer) {
    let mut frames = shared.outbox.observe();
    let hello = FromTasks { seq: 0, body: Some(from_tasks::Body::Attached(true)), input_taken: 0 };
    if write_tasks(&mut writer, hello).await.is_err() {
        return;
    }
    while let Some(frame) = frames.recv().await {
        let over = matches!(frame.body, Some(from_tasks::Body::Over(_)));
        if write_tasks(&mut writer, frame).await.is_err() || over {
            return;
        }
    }
}

/// srun's connection. A newer one takes the step over.
async fn own(shared: &Rc<Shared>, reader: Reader, writer: Writer, attach: AttachStep, number: u64) {
    shared.owner.set(number);
    shared.owner_lost.set(None);
    shared.outbox.acknowledge(attach.resume_after);
    shared.owner_changed.notify_waiters();
    tokio::select! {
        () = hear(shared, reader) => {}
        () = tell(shared, writer, attach.resume_after, number) => {}
    }
    if shared.owner.get() == number {
        shared.owner.set(0);
        shared.owner_lost.set(Some(Instant::now()));
        shared.input_paused.set(false);
        shared.owner_changed.notify_waiters();
    }
}

async fn tell(shared: &Shared, mut writer: Writer, resume_after: u64, number: u64) {
    // The first frame of all: what srun sent before and is not in here, it sends again.
    let mut told = None;
    let mut sent = resume_after;
    loop {
        let (added, changed) = (shared.outbox.added.notified(), shared.owner_changed.notified());
        if shared.owner.get() != number {
            return;
        }
        // srun's acknowledgements wait behind input that a task does not read: without this, `srun cat` with much
        // input would stop for ever.
        if shared.input_paused.get() {
            shared.outbox.acknowledge(sent);
        }
        let taken = shared.input_taken.get();
        if told != Some(taken) {
            let hello = FromTasks { seq: 0, body: Some(from_tasks::Body::Attached(true)), input_taken: taken };
            if write_tasks(&mut writer, hello).await.is_err() {
                return;
            }
            told = Some(taken);
            continue;
        }
        let Some(frame) = shared.outbox.after(sent) else {
            tokio::select! {
                () = added => {}
                () = changed => {}
            }
            continue;
        };
        let seq = frame.seq;
        if write_tasks(&mut writer, frame).await.is_err() {
            return;
        }
        sent = seq;
    }
}

async fn hear(shared: &Rc<Shared>, mut reader: Reader) {
    while let Ok(Some(frame)) = read_frame::<ToStep>(&mut reader).await {
        let Some(to_step::Body::Tasks(ToTasks { body: Some(body) })) = frame.body else { continue };
        match body {
            to_tasks::Body::Input(input) if input.seq > 0 && input.seq <= shared.input_taken.get() => {}
            to_tasks::Body::Input(input) => feed(shared, input).await,
            to_tasks::Body::Resize(resize) => shared.resize(resize.rows, resize.columns),
            to_tasks::Body::Received(seq) => shared.outbox.acknowledge(seq),
            to_tasks::Body::Signal(signal) => shared.signal(signal as i32, false),
            to_tasks::Body::Attach(_) => {}
        }
    }
}

/// Hands input on; once that takes long, output no longer waits for acknowledgements. What came is handed on even if this
/// connection ends meanwhile: srun will not send it again.
async fn feed(shared: &Rc<Shared>, input: Input) {
    if input.seq > 0 {
        shared.input_taken.set(input.seq);
        shared.owner_changed.notify_waiters();
    }
    let handing = shared.clone();
    let mut feeding = tokio::task::spawn_local(async move {
        let _turn = handing.input_turn.lock().await;
        handing.feed(input.task, input.data, input.eof).await;
    });
    if tokio::time::timeout(INPUT_PATIENCE, &mut feeding).await.is_ok() {
        return;
    }
    shared.input_paused.set(true);
    shared.owner_changed.notify_waiters();
    // It fails only where the supervisor ends.
    let _ended = feeding.await;
    shared.input_paused.set(false);
}

async fn write_tasks(writer: &mut Writer, frame: FromTasks) -> std::io::Result<()> {
    write_frame(writer, &FromStep { body: Some(from_step::Body::Tasks(frame)) }).await
}
