//! The last step: what a draft becomes when the options are all applied.

use muster_dialect::errno::ESLURM_INVALID_ARRAY;
use muster_dialect::hostlist;
use muster_dialect::jobid;
use muster_proto::durable::{ArraySpec, JobKind, JobSpec, TaskRange};

use super::bad::Bad;
use super::draft::Draft;
use crate::process::{Here, Propagate, captured};
use crate::site::Site;

/// What the command knows besides the options.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub kind: JobKind,
    /// Where the user gives no name.
    pub name: String,
    /// Arguments of the script, or the command with its arguments.
    pub args: Vec<String>,
    /// Path of the script, absolute.
    pub script: String,
}

impl Draft {
    /// The job to submit.
    ///
    /// # Errors
    /// Options that do not go together, or that the configuration does not allow.
    pub(crate) fn into_job(mut self, here: &Here, site: &Site, command: Command) -> Result<JobSpec, Bad> {
        self.check_cluster(site)?;
        self.count_required_nodes()?;
        let array = self.client.array.as_deref().filter(|text| !text.is_empty());
        let array = array.map(|text| array_spec(text, site.config.max_array_size)).transpose()?;
        let propagate = self.client.propagate.unwrap_or_else(|| configured(site));
        let work_dir = directory(self.client.chdir.as_deref(), &here.directory);
        let mut job = self.job;
        if job.name.is_empty() {
            job.name = command.name;
        }
        Ok(JobSpec {
            kind: command.kind.into(),
            uid: self.client.uid.unwrap_or(here.uid),
            gid: here.gid,
            request: Some(self.request),
            array,
            args: command.args,
            command: command.script,
            work_dir,
            umask: umask(here),
            rlimits: captured(&propagate),
            alloc_host: here.host.clone(),
            alloc_sid: here.sid,
            submit_line: here.line.clone(),
            srun_host: here.host.clone(),
            srun_pid: here.pid,
            ..job
        })
    }

    /// Only this cluster can be reached; what sacctmgr would know of others does not exist.
    fn check_cluster(&self, site: &Site) -> Result<(), Bad> {
        let ours = |name: &str| name.eq_ignore_ascii_case(&site.config.cluster_name) || name == "all";
        match &self.client.cluster {
            Some(names) if !names.split(',').any(ours) => Err(Bad::Refused(format!(
                "No cluster '{names}' known by database.\n'{names}' can't be reached now, or it is an invalid entry for \
                 --cluster.  Use 'sacctmgr list clusters' to see available clusters."
            ))),
            _ => Ok(()),
        }
    }

    /// Nodes named by `-w` are at least so many; a bad list is the cluster's to refuse.
    fn count_required_nodes(&mut self) -> Result<(), Bad> {
        let request = &mut self.request;
        let Ok(mut named) = hostlist::parse(&request.required_nodes) else { return Ok(()) };
        hostlist::sort(&mut named);
        named.dedup();
        let count = u32::try_from(named.len()).unwrap_or(u32::MAX);
        if count <= request.min_nodes {
            return Ok(());
        }
        if request.max_nodes > 0 && request.max_nodes < count {
            return Err(Bad::Refused(format!("invalid number of nodes (-N {count}-{})", request.max_nodes)));
        }
        request.min_nodes = count;
        Ok(())
    }
}

/// Limits that go along where the user does not say.
fn configured(site: &Site) -> Propagate {
    Propagate::parse(&site.config.propagate_rlimits.join(",")).unwrap_or(Propagate::All)
}

/// `SLURM_UMASK` stands before the process's own.
fn umask(here: &Here) -> u32 {
    let given = std::env::var("SLURM_UMASK").ok().and_then(|text| u32::from_str_radix(&text, 8).ok());
    given.filter(|mask| *mask <= 0o777).unwrap_or(here.umask)
}

/// Absolute; relative ones start at the current directory.
pub(crate) fn directory(chdir: Option<&str>, current: &str) -> String {
    match chdir {
        None | Some("") => current.to_owned(),
        Some(path) if path.starts_with('/') => path.to_owned(),
        Some(path) => format!("{}/{path}", current.trim_end_matches('/')),
    }
}

/// The tasks as ranges of even steps.
fn array_spec(text: &str, max_array_size: u32) -> Result<ArraySpec, Bad> {
    let spec = jobid::ArraySpec::parse(text, max_array_size).map_err(|_| Bad::Submission(ESLURM_INVALID_ARRAY))?;
    Ok(ArraySpec { ranges: ranges(&spec.ids), max_running: spec.limit.unwrap_or(0), text: text.to_owned() })
}

/// Ascending ids as few ranges: each is as long as its step stays the same.
pub(crate) fn ranges(ids: &[u32]) -> Vec<TaskRange> {
    let mut out: Vec<TaskRange> = Vec::new();
    for id in ids {
        match out.last_mut() {
            Some(range) if range.first == range.last => {
                range.step = id - range.last;
                range.last = *id;
            }
            Some(range) if range.last.checked_add(range.step) == Some(*id) => range.last = *id,
            _ => out.push(TaskRange { first: *id, last: *id, step: 1 }),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_become_ranges() {
        let range = |first, last, step| TaskRange { first, last, step };
        let spec = array_spec("1,3,5-9:2%2", 100).expect("valid");
        assert_eq!((spec.ranges, spec.max_running), (vec![range(1, 9, 2)], 2));
        assert_eq!(array_spec("0-9,20", 100).expect("valid").ranges, [range(0, 9, 1), range(20, 20, 1)]);
        assert_eq!(array_spec("7", 100).expect("valid").ranges, [range(7, 7, 1)]);
        assert_eq!(array_spec("1-5000", 1001), Err(Bad::Submission(ESLURM_INVALID_ARRAY)));
    }

    #[test]
    fn directories_are_absolute() {
        assert_eq!(directory(None, "/here"), "/here");
        assert_eq!(directory(Some("sub"), "/here/"), "/here/sub");
        assert_eq!(directory(Some("/else"), "/here"), "/else");
    }
}
