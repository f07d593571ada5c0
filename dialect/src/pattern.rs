//! `%` patterns in the names of standard files: `slurm-%A_%a.out`, `%x.%j`, `out.%5t`.
//!
//! Two readers: scontrol shows what is known before a node runs the job ([`show`]), the node replaces all of it
//! ([`expand`]). A backslash anywhere switches replacement off on the node, and is taken out.

use crate::step::StepId;

/// The default of a job.
pub const OUTPUT_OF_JOB: &str = "slurm-%j.out";
/// The default of an array.
pub const OUTPUT_OF_ARRAY: &str = "slurm-%A_%a.out";
/// What `%a` is for a job that is no array task: Slurm's "not set", as users see it.
const NO_TASK: u32 = 0xffff_fffe;
/// Longest padding, in digits.
const PADDING_MAX: usize = 10;
/// Longest result, in bytes: PATH_MAX.
pub const PATH_BYTES_MAX: usize = 4_096;

/// What a pattern may speak of.
#[derive(Debug, Clone, Copy)]
pub struct PatternJob<'a> {
    /// The id of this very job: of an array task, its own.
    pub job: u32,
    /// Job id of the array and index of the task. scontrol has it only for tasks that were split off.
    pub array: Option<(u32, u32)>,
    pub user: &'a str,
    pub name: &'a str,
}

/// Where the file is opened.
#[derive(Debug, Clone, Copy)]
pub struct PatternPlace<'a> {
    pub step: StepId,
    /// Short name.
    pub node: &'a str,
    /// Index of the node in the job.
    pub node_index: u32,
    /// Rank of the task in the step.
    pub task: u32,
}

/// How many files a pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Files {
    /// One for all tasks.
    One,
    /// `%N`, `%n`: one a node.
    PerNode,
    /// `%t`: one a task.
    PerTask,
}

/// How many files the pattern stands for.
#[must_use]
pub fn files(pattern: &str) -> Files {
    if pattern.contains('\\') {
        return Files::One;
    }
    let letters = pieces(pattern).filter_map(|piece| match piece {
        Piece::Letter { letter: 't', .. } => Some(Files::PerTask),
        Piece::Letter { letter: 'n' | 'N', .. } => Some(Files::PerNode),
        _ => None,
    });
    letters.max().unwrap_or(Files::One)
}

/// As scontrol's `StdOut=` shows it: below the working directory, with `%A %a %j %u %x` replaced where they have no width.
/// The text of an empty pattern is the directory.
#[must_use]
pub fn show(pattern: &str, work_dir: &str, job: &PatternJob<'_>) -> String {
    let mut out = if pattern.starts_with('/') { String::new() } else { format!("{work_dir}/") };
    for piece in pieces(pattern) {
        match piece {
            Piece::Letter { letter, width: None, text } => match job_value(letter, job) {
                Some(value) => out.push_str(&value),
                None => out.push_str(text),
            },
            Piece::Letter { text, .. } | Piece::Text(text) => out.push_str(text),
        }
    }
    bounded(out)
}

/// As the node opens it; a relative name is relative to the task's directory.
#[must_use]
pub fn expand(pattern: &str, job: &PatternJob<'_>, place: &PatternPlace<'_>) -> String {
    if pattern.contains('\\') {
        return bounded(without_backslashes(pattern));
    }
    let mut out = String::new();
    for piece in pieces(pattern) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Letter { letter, width, text } => match value(letter, job, place) {
                Some(Value::Number(number)) => out.push_str(&padded(number, width)),
                Some(Value::Job(number, rest)) => out.push_str(&(padded(number, width) + &rest)),
                Some(Value::Text(value)) => out.push_str(&value),
                None => out.push_str(text),
            },
        }
    }
    bounded(out)
}

enum Piece<'a> {
    Text(&'a str),
    /// `%5t`: letter, digits in front of it, and the whole as written.
    Letter {
        letter: char,
        width: Option<usize>,
        text: &'a str,
    },
}

/// Cuts a pattern at its `%`. One without a letter is text.
fn pieces(pattern: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = rest.find('%').unwrap_or(rest.len());
        let (piece, bytes) = if at > 0 { (Piece::Text(&rest[..at]), at) } else { letter(rest) };
        rest = &rest[bytes..];
        Some(piece)
    })
}

fn letter(text: &str) -> (Piece<'_>, usize) {
    let digits = text[1..].bytes().take_while(u8::is_ascii_digit).count();
    let Some(letter) = text[1 + digits..].chars().next() else {
        return (Piece::Text(text), text.len());
    };
    let end = 1 + digits + letter.len_utf8();
    let width = text[1..=digits].parse::<usize>().ok().or((digits > 0).then_some(PADDING_MAX));
    (Piece::Letter { letter, width, text: &text[..end] }, end)
}

enum Value {
    Number(u32),
    /// `%J`: only the job id is padded.
    Job(u32, String),
    Text(String),
}

/// What is known without a node.
fn job_value(letter: char, job: &PatternJob<'_>) -> Option<String> {
    Some(match letter {
        'A' => job.array.map_or(job.job, |(array, _)| array).to_string(),
        'a' => job.array.map_or(NO_TASK, |(_, task)| task).to_string(),
        'j' => job.job.to_string(),
        'u' => file_name(job.user),
        'x' => file_name(job.name),
        _ => return None,
    })
}

fn value(letter: char, job: &PatternJob<'_>, place: &PatternPlace<'_>) -> Option<Value> {
    Some(match letter {
        '%' => Value::Text("%".to_owned()),
        'A' => Value::Number(job.array.map_or(job.job, |(array, _)| array)),
        'a' => Value::Number(job.array.map_or(NO_TASK, |(_, task)| task)),
        'b' => Value::Number(job.array?.1 % 10),
        'J' if place.step == StepId::BATCH => Value::Number(job.job),
        'J' => Value::Job(job.job, format!(".{}", place.step)),
        'j' => Value::Number(job.job),
        'N' => Value::Text(file_name(place.node)),
        'n' => Value::Number(place.node_index),
        's' if place.step.is_normal() => Value::Number(place.step.0),
        's' => Value::Text(place.step.to_string()),
        't' => Value::Number(place.task),
        'u' => Value::Text(file_name(job.user)),
        'x' => Value::Text(file_name(job.name)),
        _ => return None,
    })
}

/// A name that others chose must not lead out of the directory.
fn file_name(name: &str) -> String {
    name.replace('/', "_")
}

fn padded(number: u32, width: Option<usize>) -> String {
    format!("{number:0width$}", width = width.unwrap_or(0).min(PADDING_MAX))
}

/// Each backslash goes, and keeps the character after it.
fn without_backslashes(pattern: &str) -> String {
    let mut out = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

fn bounded(mut text: String) -> String {
    let end = (0..=PATH_BYTES_MAX.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    text.truncate(end);
    text
}

/// What srun's `-o`, `-e` and `-i` may be besides a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stdio {
    /// Passed between srun and every task.
    All,
    /// `/dev/null`.
    None,
    /// Passed between srun and one task only.
    Task(u32),
    File(String),
}

impl Stdio {
    /// `all`, `none`, a rank, or a pattern.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "all" => Self::All,
            "none" => Self::None,
            rank if !rank.is_empty() && rank.bytes().all(|b| b.is_ascii_digit()) => {
                rank.parse().map_or_else(|_| Self::File(text.to_owned()), Self::Task)
            }
            file => Self::File(file.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: PatternJob<'_> = PatternJob { job: 231, array: None, user: "root", name: "nm" };
    const TASK: PatternJob<'_> = PatternJob { job: 235, array: Some((231, 13)), user: "root", name: "arr" };
    const BATCH: PatternPlace<'_> = PatternPlace { step: StepId::BATCH, node: "vm", node_index: 0, task: 0 };
    const STEP: PatternPlace<'_> = PatternPlace { step: StepId(0), node: "vm", node_index: 1, task: 1 };

    #[test]
    fn batch_files_are_named_on_the_node_as_slurm_names_them() {
        for (pattern, name) in [
            ("j%j", "j231"),
            ("J%J", "J231"),
            ("A%A_%a", "A231_4294967294"),
            ("N%N", "Nvm"),
            ("n%n_s%s_t%t", "n0_sbatch_t0"),
            ("u%u_x%x", "uroot_xnm"),
            ("p%%_q%q_%", "p%_q%q_%"),
            ("w%5j_%5t_%12j_%0j", "w00231_00000_0000000231_231"),
            ("%5u%5x%4s", "rootnmbatch"),
            ("%10J", "0000000231"),
            ("e\\%j", "e%j"),
            ("E\\\\%j", "E\\%j"),
            ("bs%j\\", "bs%j"),
            ("c\\b", "cb"),
            ("%b", "%b"),
        ] {
            assert_eq!(expand(pattern, &JOB, &BATCH), name, "{pattern}");
        }
        assert_eq!(expand("ar%A_%a_%4a_b%b_j%j_J%J", &TASK, &BATCH), "ar231_13_0013_b3_j235_J235");
    }

    #[test]
    fn step_files_know_their_place() {
        let pattern = "t%t_n%n_N%N_s%s_j%j_J%J_a%a_w%3t_%9J";
        let name = "t1_n1_Nvm_s0_j231_J231.0_a4294967294_w001_000000231.0";
        assert_eq!(expand(pattern, &JOB, &STEP), name);
        assert_eq!(files(pattern), Files::PerTask);
        assert_eq!(files("%N"), Files::PerNode);
        assert_eq!(files("\\%t"), Files::One);
        assert_eq!(files("%j%%t"), Files::One);
    }

    #[test]
    fn scontrol_shows_what_is_known_before() {
        let shown = |pattern| show(pattern, "/w", &JOB);
        for (pattern, name) in [
            ("%j", "/w/231"),
            ("%J%N%n%s%t%b%%%q%", "/w/%J%N%n%s%t%b%%%q%"),
            ("%A_%a", "/w/231_4294967294"),
            ("%u.%x", "/w/root.nm"),
            ("%5j", "/w/%5j"),
            ("a\\%j", "/w/a\\231"),
            ("/abs/%x.%j", "/abs/nm.231"),
            ("", "/w/"),
        ] {
            assert_eq!(shown(pattern), name, "{pattern}");
        }
        assert_eq!(show(OUTPUT_OF_ARRAY, "/w", &TASK), "/w/slurm-231_13.out");
    }

    #[test]
    fn names_cannot_leave_the_directory_and_are_bounded() {
        let job = PatternJob { name: "../x", ..JOB };
        assert_eq!(expand("%x", &job, &BATCH), ".._x");
        assert_eq!(expand(&"é".repeat(5_000), &JOB, &BATCH).len(), PATH_BYTES_MAX);
    }

    #[test]
    fn srun_may_pass_streams_on() {
        assert_eq!(Stdio::parse("all"), Stdio::All);
        assert_eq!(Stdio::parse("none"), Stdio::None);
        assert_eq!(Stdio::parse("3"), Stdio::Task(3));
        assert_eq!(Stdio::parse("3.out"), Stdio::File("3.out".to_owned()));
    }
}
