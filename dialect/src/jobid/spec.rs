//! One job, array task, heterogeneous component or step, named.

use std::fmt;

use thiserror::Error;

use super::array::{ARRAY_IDS_MAX, ArraySpec};
use crate::step::StepId;

/// Largest job id that is accepted; the values above it are Slurm's "infinite" and "not set".
const JOB_ID_MAX: u32 = u32::MAX - 2;
/// Largest component of a heterogeneous job.
const HET_MAX: u32 = 127;

/// Most ids in one list; and their array tasks together are at most [`ARRAY_IDS_MAX`].
const LIST_MAX: usize = 65_536;

/// Which tasks of an array.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ArraySel {
    /// `_4`.
    Task(u32),
    /// `_[3-5,7%2]`.
    Tasks(ArraySpec),
    /// `_*`: all that there are.
    All,
}

/// A job id with what narrows it. Array and component exclude each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct JobSpec {
    pub job: u32,
    pub array: Option<ArraySel>,
    /// `+1`: component of a heterogeneous job.
    pub het: Option<u32>,
    pub step: Option<StepId>,
}

/// Not a job id. `position` is the byte where it stops being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid job id")]
pub struct JobIdError {
    pub position: usize,
}

impl JobSpec {
    /// The whole job.
    #[must_use]
    pub fn job(job: u32) -> Self {
        Self { job, array: None, het: None, step: None }
    }

    pub fn parse(text: &str) -> Result<Self, JobIdError> {
        let fail = |position| JobIdError { position };
        let digits = digits(text);
        let mut spec = Self::job(number(&text[..digits]).filter(|job| (1..=JOB_ID_MAX).contains(job)).ok_or(fail(0))?);
        let mut at = digits;
        if let Some(rest) = text[at..].strip_prefix('_') {
            let (array, bytes) = array(rest).ok_or(fail(at + 1))?;
            spec.array = Some(array);
            at += 1 + bytes;
        } else if let Some(rest) = text[at..].strip_prefix('+') {
            let bytes = self::digits(rest);
            spec.het = Some(number(&rest[..bytes]).filter(|het| *het <= HET_MAX).ok_or(fail(at + 1))?);
            at += 1 + bytes;
        }
        match text[at..].strip_prefix('.') {
            Some(step) => spec.step = Some(StepId::parse(step).map_err(|_| fail(at + 1))?),
            None if at < text.len() => return Err(fail(at)),
            None => {}
        }
        Ok(spec)
    }

    /// Several, separated by commas outside brackets: squeue's and sacct's `-j`.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, JobIdError> {
        let mut specs = Vec::new();
        let mut tasks_left = ARRAY_IDS_MAX as usize;
        let mut start = 0;
        for end in ends(text) {
            if start < end {
                let shift = |e: JobIdError| JobIdError { position: start + e.position };
                let spec = Self::parse(&text[start..end]).map_err(shift)?;
                let left = tasks_left.checked_sub(spec.listed_tasks()).filter(|_| specs.len() < LIST_MAX);
                tasks_left = left.ok_or(JobIdError { position: start })?;
                specs.push(spec);
            }
            start = end + 1;
        }
        Ok(specs)
    }

    /// How many tasks are listed one by one.
    fn listed_tasks(&self) -> usize {
        match &self.array {
            Some(ArraySel::Tasks(tasks)) => tasks.ids.len(),
            Some(ArraySel::Task(_) | ArraySel::All) | None => 0,
        }
    }
}

/// Byte positions of the commas outside brackets, and the end.
fn ends(text: &str) -> impl Iterator<Item = usize> {
    let mut depth = 0_u32;
    text.bytes()
        .enumerate()
        .filter(move |(_, b)| {
            match b {
                b'[' => depth += 1,
                b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            *b == b',' && depth == 0
        })
        .map(|(at, _)| at)
        .chain(std::iter::once(text.len()))
}

/// The selector after `_`, and its bytes.
fn array(text: &str) -> Option<(ArraySel, usize)> {
    if text.starts_with('*') {
        return Some((ArraySel::All, 1));
    }
    if text.starts_with('[') {
        let bytes = text.find(']')? + 1;
        if &text[..bytes] == "[*]" {
            return Some((ArraySel::All, bytes));
        }
        return Some((ArraySel::Tasks(ArraySpec::parse(&text[..bytes], ARRAY_IDS_MAX).ok()?), bytes));
    }
    let bytes = digits(text);
    let task = number(&text[..bytes]).filter(|task| *task < ARRAY_IDS_MAX)?;
    Some((ArraySel::Task(task), bytes))
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}

impl fmt::Display for JobSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.job)?;
        match &self.array {
            Some(ArraySel::Task(task)) => write!(f, "_{task}")?,
            Some(ArraySel::Tasks(tasks)) => write!(f, "_[{tasks}]")?,
            Some(ArraySel::All) => f.write_str("_*")?,
            None => {}
        }
        if let Some(het) = self.het {
            write!(f, "+{het}")?;
        }
        match self.step {
            Some(step) => write!(f, ".{step}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back() {
        for text in [
            "123",
            "123_4",
            "12_[3-5,7%2]",
            "12_*",
            "12+1",
            "12.0",
            "12.batch",
            "12_3.extern",
            "12+0.2",
            "12.interactive",
        ] {
            assert_eq!(JobSpec::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(JobSpec::parse("7_0").unwrap().array, Some(ArraySel::Task(0)));
        assert_eq!(JobSpec::parse("12+1").unwrap().het, Some(1));
        assert_eq!(JobSpec::parse("12.batch").unwrap().step, Some(StepId::BATCH));
    }

    #[test]
    fn what_is_no_job_id_says_where() {
        for (text, position) in [
            ("", 0),
            ("0", 0),
            ("abc", 0),
            ("-5", 0),
            ("99999999999", 0),
            ("4294967295", 0),
            ("12abc", 2),
            ("1_", 2),
            ("1_x", 2),
            ("1_[1", 2),
            ("1_[]", 2),
            ("1_1_1", 3),
            ("1+", 2),
            ("1+999", 2),
            ("1.", 2),
            ("1.x", 2),
            ("1.0.0", 2),
            ("1_2+3", 3),
        ] {
            assert_eq!(JobSpec::parse(text), Err(JobIdError { position }), "{text}");
        }
    }

    #[test]
    fn lists_split_outside_brackets() {
        let list = JobSpec::parse_list("1,2_[1,3],,4.0").unwrap();
        assert_eq!(list.iter().map(ToString::to_string).collect::<Vec<_>>(), ["1", "2_[1,3]", "4.0"]);
        assert_eq!(JobSpec::parse_list("1,x"), Err(JobIdError { position: 2 }));
        assert_eq!(JobSpec::parse_list("1_[0-4000000],2_[0-4000000]"), Err(JobIdError { position: 14 }));
    }
}
