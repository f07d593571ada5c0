//! sbcast's file, written by a process that has become the user.

use std::path::Path;
use std::process::Stdio;

use bytes::Bytes;
use muster_proto::wire::{BroadcastDone, BroadcastStart};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::mpsc;

use super::children;
use crate::JobUser;

/// A failure that has no number, where the text says which.
const FAILED: u32 = 1;

pub(super) async fn write(
    program: &Path,
    user: JobUser,
    start: BroadcastStart,
    mut data: mpsc::Receiver<Bytes>,
) -> BroadcastDone {
    let groups: Vec<String> = user.groups.iter().map(u32::to_string).collect();
    let groups = if groups.is_empty() { "-".to_owned() } else { groups.join(",") };
    let modified = if start.preserve { start.modified_ms.to_string() } else { "-".to_owned() };
    let mut command = Command::new(program);
    command.arg("copy-as-user").args([user.uid.to_string(), user.gid.to_string(), groups]);
    command.args([format!("{:o}", start.mode), start.size.to_string(), u8::from(start.force).to_string(), modified]);
    command.arg(&start.path).current_dir("/").env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = match children::start(|| command.spawn(), |child| child.id().map(|pid| pid as i32)) {
        Ok(child) => child,
        Err(e) => return failed(FAILED, &e.to_string()),
    };
    let pid = child.id().unwrap_or(0) as i32;
    let mut stdin = child.stdin.take().expect("it was piped");
    let mut bytes = 0;
    while let Some(piece) = data.recv().await {
        bytes += piece.len() as u64;
        if stdin.write_all(&piece).await.is_err() {
            // It said why on its standard error; the rest is let go.
            break;
        }
    }
    drop((stdin, data));
    let output = child.wait_with_output().await;
    children::ended(pid);
    match output {
        Ok(output) if output.status.success() => BroadcastDone { error: 0, message: String::new(), bytes },
        Ok(output) => {
            // The writer exits with the system's number of what went wrong.
            let number = output.status.code().and_then(|code| u32::try_from(code).ok());
            failed(number.filter(|number| *number != 0).unwrap_or(FAILED), &String::from_utf8_lossy(&output.stderr))
        }
        Err(e) => failed(FAILED, &e.to_string()),
    }
}

fn failed(error: u32, message: &str) -> BroadcastDone {
    BroadcastDone { error, message: message.into(), bytes: 0 }
}
