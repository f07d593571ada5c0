//! `SLURM_*` variables that follow from options, and so are known before anything is allocated. The node adds the rest.

use super::draft::{Draft, Source};
use crate::process::{ExportError, Here, Variables};

impl Draft {
    /// The environment to send with a job: what `--export` and `--export-file` let through, and what options say.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn environment(&self, mine: &Variables, here: &Here) -> Result<Variables, ExportError> {
        let export = self.client.export.clone().unwrap_or_default();
        let mut out = match &self.client.export_file {
            Some(path) => from_file(path)?,
            None => mine.exported(&export),
        };
        self.name_options(&mut out);
        self.name_gpus(&mut out);
        out.set("SLURM_SUBMIT_DIR", here.directory.as_str());
        out.set("SLURM_SUBMIT_HOST", here.host.as_str());
        out.set("SLURM_PRIO_PROCESS", here.nice.to_string());
        if let Some(hint) = &self.client.hint {
            out.set("SLURM_HINT", hint.as_str());
        }
        if let Some(text) = &self.client.export_text {
            out.set("SLURM_EXPORT_ENV", text.as_str());
        }
        if self.client.get_user_env || export.wants_login() {
            out.set("SLURM_GET_USER_ENV", "1");
        }
        Ok(out)
    }

    /// Variables of the options that were given.
    pub(crate) fn name_options(&self, out: &mut Variables) {
        let request = &self.request;
        let counts = [
            ("SLURM_NTASKS", request.ntasks),
            ("SLURM_NPROCS", request.ntasks),
            ("SLURM_CPUS_PER_TASK", request.cpus_per_task),
            ("SLURM_NTASKS_PER_NODE", request.ntasks_per_node),
            ("SLURM_NTASKS_PER_SOCKET", request.ntasks_per_socket),
            ("SLURM_NTASKS_PER_CORE", request.ntasks_per_core),
            ("SLURM_NTASKS_PER_GPU", request.ntasks_per_tres),
            ("SLURM_THREADS_PER_CORE", request.threads_per_core),
            ("SLURM_OVERCOMMIT", u32::from(request.overcommit)),
        ];
        for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            out.set(name, count.to_string());
        }
        if !request.distribution.is_empty() {
            out.set("SLURM_DISTRIBUTION", request.distribution.split([',', '=']).next().unwrap_or_default());
            if let Some((_, size)) = request.distribution.split_once("plane=") {
                out.set("SLURM_DIST_PLANESIZE", size);
            }
        }
        if !self.job.dependency_text.is_empty() {
            out.set("SLURM_JOB_DEPENDENCY", self.job.dependency_text.as_str());
        }
    }

    /// GPUs that were asked for: of a job, since what a step asks for is not named.
    pub(crate) fn name_gpus(&self, out: &mut Variables) {
        let request = &self.request;
        let none = String::new();
        // --gres speaks of each node too, and has no variable.
        let gpus_per_node =
            if self.is_given("gpus-per-node", Source::Environment) { &request.tres_per_node } else { &none };
        for (name, tres) in [
            ("SLURM_GPUS", &request.tres_per_job),
            ("SLURM_GPUS_PER_NODE", gpus_per_node),
            ("SLURM_GPUS_PER_TASK", &request.tres_per_task),
            ("SLURM_GPUS_PER_SOCKET", &request.tres_per_socket),
        ] {
            if let Some(gpus) = gpus(tres) {
                out.set(name, gpus);
            }
        }
    }

    /// Memory that was asked for. An salloc does not name what a default gives.
    pub(crate) fn name_memory(&self, out: &mut Variables) {
        let request = &self.request;
        let memory = [("SLURM_MEM_PER_NODE", request.mem_per_node_mib), ("SLURM_MEM_PER_CPU", request.mem_per_cpu_mib)];
        for (name, mib) in memory {
            if let Some(mib) = mib {
                out.set(name, mib.to_string());
            }
        }
    }
}

/// `a100:2` of `gres:gpu:a100:2`.
fn gpus(tres: &str) -> Option<String> {
    let items: Vec<&str> = tres.split(',').filter_map(|item| item.strip_prefix("gres:gpu:")).collect();
    (!items.is_empty()).then(|| items.join(","))
}

/// A number from 3 on is an open file descriptor.
fn from_file(path: &str) -> Result<Variables, ExportError> {
    let real = match path.parse::<u32>() {
        Ok(fd) if fd >= 3 => format!("/proc/self/fd/{fd}"),
        _ => path.to_owned(),
    };
    let bytes = std::fs::read(real).map_err(|_| ExportError::File(path.to_owned()))?;
    Ok(Variables::from_nul_separated(&bytes))
}
