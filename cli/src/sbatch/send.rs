//! Sends the job, and says what became of it.

use muster_channel::CallError;
use muster_proto::durable::JobSpec;
use muster_proto::wire::{Submit, Submitted, reply, request};

use super::wait;
use crate::blob::{is_large, send_ahead};
use crate::refusal::{self, Refusal, submission_failed};
use crate::request::ClientSide;
use crate::say::{Voice, to_stdout};
use crate::show_time::local;
use crate::site::{Client, block_on};

/// A job, ready to be sent.
#[derive(Debug)]
pub(crate) struct Submission {
    pub job: JobSpec,
    pub script: Vec<u8>,
    pub environment: Vec<u8>,
    pub client: ClientSide,
}

impl Submission {
    /// Submits, prints, and waits if asked to. The exit code.
    pub(crate) fn carry_out(self, client: &Client, cluster: &str, voice: Voice) -> u8 {
        let wishes = self.client.clone();
        let partitions = self.job.partitions.clone();
        match self.submit(client) {
            Ok(submitted) if wishes.test_only => {
                voice.bare(&format!("{}: {}", voice.program, would_start(&submitted)));
                0
            }
            Ok(submitted) => {
                warn(&submitted, voice);
                if !wishes.quiet && !to_stdout(&announcement(&submitted, &wishes, cluster)) {
                    return refusal::failed();
                }
                if wishes.wait { block_on(wait::for_end(client, &submitted, voice)) } else { 0 }
            }
            Err(error) => report(&error, wishes.test_only, &partitions, voice),
        }
    }

    fn submit(mut self, client: &Client) -> Result<Submitted, CallError> {
        if is_large(&self.script) || is_large(&self.environment) {
            block_on(async {
                self.job.script = send_ahead(client, &mut self.script).await?;
                self.job.environment = send_ahead(client, &mut self.environment).await?;
                Ok::<_, CallError>(())
            })?;
        }
        let submit = Submit {
            spec: Some(self.job),
            script: self.script.into(),
            environment: self.environment.into(),
            test_only: self.client.test_only,
        };
        match client.call_now(request::Body::Submit(submit))? {
            reply::Body::Submitted(submitted) => Ok(submitted),
            _ => Err(refusal::unexpected()),
        }
    }
}

fn announcement(submitted: &Submitted, wishes: &ClientSide, cluster: &str) -> String {
    let id = submitted.job_id;
    match (wishes.parsable, &wishes.cluster) {
        (true, Some(_)) => format!("{id};{cluster}\n"),
        (true, None) => format!("{id}\n"),
        (false, Some(_)) => format!("Submitted batch job {id} on cluster {cluster}\n"),
        (false, None) => format!("Submitted batch job {id}\n"),
    }
}

/// What `--test-only` says.
pub(crate) fn would_start(submitted: &Submitted) -> String {
    format!(
        "Job {} to start at {} using {} processors on nodes {} in partition {}",
        submitted.job_id,
        local(submitted.estimated_start_ms),
        submitted.estimated_cpus,
        submitted.estimated_nodes,
        submitted.partition,
    )
}

/// Lines that the cluster wants the user to read.
pub(crate) fn warn(submitted: &Submitted, voice: Voice) {
    if !submitted.message.is_empty() {
        voice.info(&submitted.message);
    }
}

fn report(error: &CallError, test_only: bool, partitions: &str, voice: Voice) -> u8 {
    let refusal = Refusal::of(error, "whether the job was submitted").about_partition(partitions);
    if test_only {
        refusal.before.iter().for_each(|line| voice.error(line));
        voice.bare(&format!("allocation failure: {}", refusal.text));
        return refusal::failed();
    }
    refusal.report(voice, &submission_failed(voice.program, &refusal.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(parsable: bool, cluster: Option<&str>) -> String {
        let wishes = ClientSide { parsable, cluster: cluster.map(str::to_owned), ..ClientSide::default() };
        announcement(&Submitted { job_id: 7, ..Submitted::default() }, &wishes, "base")
    }

    #[test]
    fn announcements_are_what_scripts_parse() {
        assert_eq!(said(false, None), "Submitted batch job 7\n");
        assert_eq!(said(true, None), "7\n");
        assert_eq!(said(true, Some("base")), "7;base\n");
    }
}
