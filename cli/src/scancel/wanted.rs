//! What the user wants cancelled: options, environment and ids, checked.

use muster_dialect::jobid::JobSpec;
use muster_dialect::options::Parsed;
use muster_dialect::signal;
use muster_dialect::state::{JobFlags, JobState, JobStatus};
use muster_proto::durable::CancelJobs;
use thiserror::Error;

use crate::process::{Variables, user_id};
use crate::request::variables_of;
use crate::say::Voice;

/// Most ids on a command line: their answer must fit one message.
const IDS_MAX: usize = 100_000;

/// An option or id that cannot be taken. All exit 1.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum WantedError {
    #[error("Unknown job signal: {0}")]
    Signal(String),
    #[error("Invalid job state specified: {0}\nValid job states are PENDING, RUNNING, and SUSPENDED")]
    State(String),
    #[error("Invalid user name: {0}")]
    User(String),
    #[error("Invalid job id {0}")]
    Id(String),
    #[error("No job identification provided")]
    Nothing,
    #[error("more than {IDS_MAX} job ids")]
    TooMany,
    #[error("--{0}: not supported by this version")]
    NotBuilt(&'static str),
}

impl WantedError {
    /// Two of them stand without the command's name, as in Slurm.
    #[must_use]
    pub(crate) fn report(&self, voice: Voice) -> u8 {
        match self {
            Self::Signal(_) | Self::State(_) => voice.bare(&self.to_string()),
            _ => voice.error(&self.to_string()),
        }
        1
    }
}

/// The command line, understood.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wanted {
    pub ids: Vec<JobSpec>,
    /// Filters and signal; its targets are filled in when it is sent.
    pub cancel: CancelJobs,
    pub interactive: bool,
    pub quiet: bool,
    pub verbosity: i8,
    /// The signal's number was given, or another option that makes an unknown id an error.
    pub strict: bool,
    pub cluster: Option<String>,
    /// `job_name=x`, for the message that nothing matches.
    pub filters: Vec<String>,
}

impl Wanted {
    /// Reads options, environment and ids.
    ///
    /// # Errors
    /// The first thing that cannot be taken.
    pub(crate) fn read(parsed: &Parsed, variables: &Variables) -> Result<Self, WantedError> {
        let mut wanted = Self::default();
        for (option, value) in variables_of("scancel", variables) {
            wanted.apply(option, value)?;
        }
        for found in &parsed.options {
            wanted.apply(found.means(), found.value.as_deref())?;
        }
        for word in &parsed.operands {
            let ids = JobSpec::parse_list(word).ok().filter(|ids| ids.iter().all(acceptable));
            wanted.ids.extend(ids.ok_or_else(|| WantedError::Id(word.clone()))?);
        }
        if wanted.ids.len() > IDS_MAX {
            return Err(WantedError::TooMany);
        }
        if wanted.ids.is_empty() && wanted.filters.is_empty() {
            return Err(WantedError::Nothing);
        }
        Ok(wanted)
    }

    fn apply(&mut self, option: &'static str, value: Option<&str>) -> Result<(), WantedError> {
        if self.filter(option, value.unwrap_or_default())? {
            return Ok(());
        }
        match option {
            "signal" => self.cancel.signal = signal_number(value.unwrap_or_default())?,
            "batch" => self.cancel.batch_only = true,
            "full" => self.cancel.full = true,
            "hurry" => self.cancel.hurry = true,
            "interactive" => self.interactive = true,
            "quiet" => self.quiet = true,
            "verbose" => self.verbosity = self.verbosity.saturating_add(1),
            // Every request goes to the controller.
            "ctld" => return Ok(()),
            "clusters" => self.cluster = value.map(str::to_owned),
            other => return Err(WantedError::NotBuilt(other)),
        }
        self.strict |= matches!(option, "signal" | "batch" | "interactive");
        Ok(())
    }

    /// Takes a filter; false for any other option.
    fn filter(&mut self, option: &'static str, text: &str) -> Result<bool, WantedError> {
        let cancel = &mut self.cancel;
        let (name, field) = match option {
            "account" => ("account", &mut cancel.account),
            "name" => ("job_name", &mut cancel.name),
            "partition" => ("partition", &mut cancel.partition),
            "qos" => ("qos", &mut cancel.qos),
            "reservation" => ("reservation", &mut cancel.reservation),
            "wckey" => ("wckey", &mut cancel.wckey),
            "nodelist" => ("nodelist", &mut cancel.nodes),
            "state" => return self.state(text).map(|()| true),
            "user" => return self.user(text).map(|()| true),
            "me" => return self.user(&rustix::process::getuid().as_raw().to_string()).map(|()| true),
            _ => return Ok(false),
        };
        text.clone_into(field);
        self.filters.push(format!("{name}={text}"));
        self.strict = true;
        Ok(true)
    }

    fn state(&mut self, text: &str) -> Result<(), WantedError> {
        // Any state there is, although jobs in most of them have ended: then nothing matches.
        let flags = || JobFlags::parse(text).map(|flags| JobStatus::new(JobState::Pending, flags).long());
        let long = JobState::parse(text).map(JobState::long).or_else(flags);
        let long = long.ok_or_else(|| WantedError::State(text.to_owned()))?;
        self.cancel.states = vec![long.to_owned()];
        self.filters.push(format!("state={long}"));
        self.strict = true;
        Ok(())
    }

    fn user(&mut self, text: &str) -> Result<(), WantedError> {
        self.cancel.user = Some(user_id(text).map_err(|_| WantedError::User(text.to_owned()))?);
        self.filters.push(format!("user_name={text}"));
        self.strict = true;
        Ok(())
    }

    /// Whether the jobs must be listed first: to confirm each, to name each, or because only ids of active jobs are right.
    #[must_use]
    pub(crate) fn one_by_one(&self) -> bool {
        let steps = self.ids.iter().any(|id| id.step.is_some());
        let named = !self.ids.is_empty() && (self.strict || steps);
        self.interactive || named || (self.verbosity > 0 && !self.filters.is_empty()) || self.means_another_user()
    }

    /// Slurm tells of each job of another user that it may not be cancelled.
    fn means_another_user(&self) -> bool {
        let own = rustix::process::getuid();
        !own.is_root() && self.cancel.user.is_some_and(|user| user != own.as_raw())
    }

    /// The cluster asked for, unless it is this one.
    #[must_use]
    pub(crate) fn other_cluster(&self, ours: &str) -> Option<&str> {
        self.cluster.as_deref().filter(|name| !name.eq_ignore_ascii_case(ours) && *name != "all")
    }
}

/// The steps that jobs have by themselves cannot be named here.
fn acceptable(id: &JobSpec) -> bool {
    id.step.is_none_or(muster_dialect::step::StepId::is_normal)
}

fn signal_number(text: &str) -> Result<u32, WantedError> {
    signal::parse(text).map(u32::from).map_err(|_| WantedError::Signal(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_dialect::options::{self, tables::SCANCEL};

    fn read(words: &[&str]) -> Result<Wanted, WantedError> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Wanted::read(&options::parse(&SCANCEL, &words).expect("valid options"), &Variables::default())
    }

    #[test]
    fn ids_may_be_tasks_and_steps() {
        let ids = read(&["1,2_3", "4.0", "5_[1-3]"]).expect("valid").ids;
        assert_eq!(ids.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1", "2_3", "4.0", "5_[1-3]"]);
        assert_eq!(read(&["abc"]), Err(WantedError::Id("abc".into())));
        assert_eq!(read(&["9.batch"]), Err(WantedError::Id("9.batch".into())));
        assert_eq!(read(&[]), Err(WantedError::Nothing));
    }

    #[test]
    fn a_wrong_filter_is_told_in_slurms_words() {
        assert_eq!(read(&["-t", "NOSUCH"]).expect_err("no state").to_string().lines().count(), 2);
        assert_eq!(read(&["-s", "NOSUCH", "1"]), Err(WantedError::Signal("NOSUCH".into())));
        assert_eq!(read(&["-u", "no such user"]), Err(WantedError::User("no such user".into())));
    }

    #[test]
    fn filters_and_signals_make_unknown_ids_an_error() {
        assert!(!read(&["1"]).expect("valid").strict);
        assert!(!read(&["-f", "1"]).expect("valid").strict);
        assert!(read(&["-s", "USR1", "1"]).expect("valid").strict);
        assert!(read(&["-u", "root"]).expect("valid").strict);
        assert_eq!(read(&["-t", "r"]).expect("valid").cancel.states, ["RUNNING"]);
        assert_eq!(read(&["-t", "cd"]).expect("valid").filters, ["state=COMPLETED"]);
        assert_eq!(read(&["-t", "CG"]).expect("valid").cancel.states, ["COMPLETING"]);
        assert_eq!(read(&["-t", "run"]), Err(WantedError::State("run".into())));
        assert_eq!(read(&["-t", "R,PD"]), Err(WantedError::State("R,PD".into())));
    }
}
