//! `scontrol write batch_script JOB [FILE]`.

use std::io::Write;

use muster_dialect::jobid::JobSpec;
use muster_proto::wire::{ReadScript, reply, request};

use super::{Control, ask};
use crate::say::{os_error, to_stdout};
use crate::site::block_on;
use crate::target::target;

/// Writes the script to `slurm-JOB.sh`, to a file, or with `-` to standard output.
pub(super) fn run(control: &Control, words: &[String]) -> u8 {
    let what = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
    if what == "config" {
        return control.fail("write config: not supported by this version");
    }
    if what != "batch_script" && what != "batchscript" && what != "batch" {
        return control.fail(&format!("invalid write argument:{}", words.first().map_or("", String::as_str)));
    }
    let Some(id) = words.get(1) else { return control.fail("too few arguments for keyword:write") };
    let Ok(job) = JobSpec::parse(id) else { return control.fail(&format!("Invalid job id: {id}")) };
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    let question = request::Body::ReadScript(ReadScript { target: Some(target(&job)) });
    match block_on(ask(&reach, question)) {
        Ok(reply::Body::Script(script)) => {
            write(control, id, script.job_id, &script.text, words.get(2).map(String::as_str))
        }
        Ok(_) => control.fail("job script retrieval failed: Unexpected message received"),
        // As Slurm: what cannot be had is told, and is no failure of the command.
        Err(refusal) => {
            control.fail(&format!("job script retrieval failed: {}", refusal.text));
            0
        }
    }
}

fn write(control: &Control, id: &str, job: u32, text: &[u8], path: Option<&str>) -> u8 {
    if path == Some("-") {
        return match std::str::from_utf8(text) {
            Ok(text) => u8::from(!to_stdout(text)),
            Err(_) => u8::from(std::io::stdout().write_all(text).is_err()),
        };
    }
    let path = path.map_or_else(|| format!("slurm-{job}.sh"), str::to_owned);
    match std::fs::write(&path, text) {
        Ok(()) => control.print(&format!("batch script for job {id} written to {path}\n")),
        Err(error) => control.fail(&format!("failed to open file `{path}`: {}", os_error(&error))),
    }
}
