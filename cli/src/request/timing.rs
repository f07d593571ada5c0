//! When: limits, begin, deadline, dependencies, priority, and the signal before the end.

use muster_dialect::signal::Warning;
use muster_dialect::time::TimeLimit;
use muster_proto::durable::WarnSignal;

use super::bad::{Bad, number};
use super::draft::{Draft, Given};
use super::{date, dependency};

/// The bounds of `--nice`.
const NICE_MAX: i64 = 2_147_483_645;

/// Takes the option if it is one of these.
pub(super) fn apply(draft: &mut Draft, given: Given<'_>) -> Result<bool, Bad> {
    let text = given.text();
    let now_ms = draft.now_ms();
    let job = &mut draft.job;
    match given.name {
        "time" => job.time_limit_s = Some(limit_s("time", text)?),
        "time-min" => job.time_min_s = limit_s("time-min", text)?,
        "begin" => job.begin_ms = date::parse("begin", text, now_ms)?,
        "deadline" => job.deadline_ms = date::parse("deadline", text, now_ms)?,
        "delay-boot" => {
            let minutes = limit_s("delay-boot", text)?;
            job.delay_boot_s = minutes;
        }
        "hold" => job.hold = true,
        "priority" => job.priority = priority(text)?,
        "nice" => job.nice = nice(given.value)?,
        "dependency" => {
            (job.dependency, job.dependency_text) = (dependency::parse(text)?, text.to_owned());
        }
        "kill-on-invalid-dep" => {
            job.kill_on_invalid_dependency = match text.to_ascii_lowercase().as_str() {
                "yes" => true,
                "no" => false,
                _ => return Err(Bad::Specification("kill-on-invalid-dep")),
            };
        }
        "signal" => {
            let warn = warning(text)?;
            draft.step.warn = Some(warn);
            job.warn = Some(warn);
        }
        "requeue" => match given.value {
            None | Some("" | "1") => job.requeue = Some(true),
            Some(other) => return Err(Bad::NotBuilt(format!("requeue={other}"))),
        },
        "no-requeue" => job.requeue = Some(false),
        "immediate" => {
            let seconds = given.value.filter(|seconds| !seconds.is_empty());
            let bad = |_| Bad::Number { option: "immediate".into(), value: text.to_owned() };
            let seconds = seconds.map_or(Ok(0), |s| number("immediate", s).map_err(bad))?;
            // The cluster knows "now" only; a longer patience is the command's own.
            job.immediate = seconds == 0;
            draft.step.immediate = true;
            draft.client.immediate_s = Some(seconds);
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// Seconds; `u32::MAX` is no limit.
fn limit_s(option: &'static str, text: &str) -> Result<u32, Bad> {
    let limit = TimeLimit::parse_request(text).map_err(|_| Bad::Specification(option))?;
    let seconds = limit.seconds().map_or(Ok(u32::MAX), u32::try_from);
    // A limit beyond 136 years is no limit.
    Ok(seconds.unwrap_or(u32::MAX))
}

/// `TOP` and words that are no number stand for "as the site decides", as in Slurm.
fn priority(text: &str) -> Result<Option<u32>, Bad> {
    if text.eq_ignore_ascii_case("TOP") {
        return Ok(None);
    }
    match text.parse::<i64>() {
        Ok(value) if value < 0 => Err(Bad::Usage("Priority must be >= 0".into())),
        Ok(value) if value >= i64::from(u32::MAX) => Err(Bad::Usage(format!("Priority must be < {}", u32::MAX))),
        Ok(value) => Ok(u32::try_from(value).ok()),
        Err(_) => Err(Bad::Specification("priority")),
    }
}

fn nice(value: Option<&str>) -> Result<i32, Bad> {
    let Some(text) = value else { return Ok(100) };
    let range = || Bad::Usage(format!("Invalid --nice value, out of range (+/- {NICE_MAX})"));
    let number = text.parse::<i64>().map_err(|_| Bad::Specification("nice"))?;
    i32::try_from(number).ok().filter(|n| i64::from(*n).abs() <= NICE_MAX).ok_or_else(range)
}

fn warning(text: &str) -> Result<WarnSignal, Bad> {
    let warning = Warning::parse(text).map_err(|_| Bad::Specification("signal"))?;
    Ok(WarnSignal {
        signal: u32::from(warning.signal),
        seconds_before: warning.seconds,
        batch_only: warning.batch_only,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_minutes_is_no_limit() {
        assert_eq!(limit_s("time", "0"), Ok(u32::MAX));
        assert_eq!(limit_s("time", "1-0"), Ok(86_400));
        assert_eq!(limit_s("time", "1:2:3:4"), Err(Bad::Specification("time")));
    }

    #[test]
    fn priorities_and_niceness_are_bounded() {
        assert_eq!(priority("100"), Ok(Some(100)));
        assert_eq!(priority("-1"), Err(Bad::Usage("Priority must be >= 0".into())));
        assert_eq!(nice(None), Ok(100));
        assert_eq!(nice(Some("-20")), Ok(-20));
        assert!(nice(Some("99999999999")).is_err());
    }
}
