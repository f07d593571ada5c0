//! Text → instant.

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use thiserror::Error;

use super::EpochSeconds;

/// Latest year; also of sums.
const YEAR_MAX: i16 = 9998;
/// Longest text: what the forms need, with room.
const TEXT_BYTES_MAX: usize = 128;

/// Displays as Slurm's first line; the command adds its own (`sbatch: error: Invalid --begin specification`).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("Invalid time specification (pos={position}): {text}")]
pub struct DateError {
    pub position: usize,
    pub text: String,
}

/// For `--begin`, `--deadline`, reservations: what names no day is the next one, what names no year the next one.
pub fn parse(text: &str, now: EpochSeconds, zone: &TimeZone) -> Result<EpochSeconds, DateError> {
    Reader::new(text, now, zone, Direction::Ahead).and_then(Reader::read).map_err(|position| error(text, position))
}

/// For `sacct -S` and `-E`: the last such day or year that has begun.
pub fn parse_past(text: &str, now: EpochSeconds, zone: &TimeZone) -> Result<EpochSeconds, DateError> {
    Reader::new(text, now, zone, Direction::Back).and_then(Reader::read).map_err(|position| error(text, position))
}

fn error(text: &str, position: usize) -> DateError {
    let shown: String = text.chars().take(TEXT_BYTES_MAX).collect();
    DateError { position, text: shown }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Ahead,
    Back,
}

/// A day as far as it was written.
enum Day {
    Exact(Date),
    /// Month and day of month: the year is the next or last one.
    Yearly(Date),
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    now: EpochSeconds,
    zone: &'a TimeZone,
    direction: Direction,
    today: Date,
    day: Option<Day>,
    time: Option<Time>,
}

/// The position where reading stopped.
type Failed = usize;

impl<'a> Reader<'a> {
    fn new(text: &'a str, now: EpochSeconds, zone: &'a TimeZone, direction: Direction) -> Result<Self, Failed> {
        let instant = Timestamp::from_second(now).map_err(|_| 0_usize)?;
        if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX {
            return Err(0);
        }
        let today = zone.to_datetime(instant).date();
        Ok(Self { text: text.as_bytes(), at: 0, now, zone, direction, today, day: None, time: None })
    }

    fn read(mut self) -> Result<EpochSeconds, Failed> {
        self.skip(|c| c.is_ascii_whitespace());
        if self.word_ahead("now") {
            return self.read_now();
        }
        while self.at < self.text.len() {
            match self.text[self.at] {
                c if c.is_ascii_whitespace() || c == b'-' || c == b'T' => self.at += 1,
                c if c.is_ascii_digit() => self.read_number()?,
                _ => self.read_word()?,
            }
        }
        self.combine()
    }

    /// `now`, `now+3`, `now + 3 days`.
    fn read_now(mut self) -> Result<EpochSeconds, Failed> {
        self.at += 3;
        let after = self.at;
        self.skip(|c| c.is_ascii_whitespace());
        let sign = match self.peek() {
            None => return Ok(self.now),
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return Err(after),
        };
        self.at += 1;
        self.skip(|c| c.is_ascii_whitespace());
        let number_at = self.at;
        self.skip(|c| c.is_ascii_digit());
        let digits = std::str::from_utf8(&self.text[number_at..self.at]).expect("digits are ASCII");
        let count: i64 = digits.parse().map_err(|_| if digits.is_empty() { after } else { number_at })?;
        self.skip(|c| c.is_ascii_whitespace());
        let unit = self.read_unit().ok_or(number_at)?;
        self.skip(|c| c.is_ascii_whitespace());
        if self.at < self.text.len() {
            return Err(self.at);
        }
        let then = count.checked_mul(unit * sign).and_then(|delta| self.now.checked_add(delta));
        then.filter(|t| (0..=latest()).contains(t)).ok_or(number_at)
    }

    /// Seconds of the unit at hand; 1 at the end of the text.
    fn read_unit(&mut self) -> Option<i64> {
        if self.at == self.text.len() {
            return Some(1);
        }
        let units = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400), ("week", 604_800)];
        let (name, seconds) = units.into_iter().find(|(name, _)| self.word_ahead(name))?;
        self.at += name.len();
        if matches!(self.peek(), Some(b's' | b'S')) {
            self.at += 1;
        }
        Some(seconds)
    }

    fn read_word(&mut self) -> Result<(), Failed> {
        let hour = |h| Some(Time::constant(h, 0, 0, 0));
        let words = [
            ("today", Some(0), None),
            ("tomorrow", Some(1), None),
            ("midnight", None, hour(0)),
            ("elevenses", None, hour(11)),
            ("noon", None, hour(12)),
            ("fika", None, hour(15)),
            ("teatime", None, hour(16)),
        ];
        let found = words.into_iter().find(|(word, _, _)| self.text[self.at..].starts_with(word.as_bytes()));
        let (word, day, time) = found.ok_or(self.at)?;
        if let Some(days) = day {
            self.day = Some(Day::Exact(self.today.checked_add(Span::new().days(days)).map_err(|_| self.at)?));
        }
        self.time = time.or(self.time);
        self.at += word.len();
        Ok(())
    }

    fn read_number(&mut self) -> Result<(), Failed> {
        let ahead = |i: usize| self.text.get(self.at + i).copied();
        if ahead(1) == Some(b':') || ahead(2) == Some(b':') {
            return self.read_time();
        }
        let shape = b"dddd-dd-dd";
        let is_iso = shape.iter().enumerate().all(|(i, s)| match (s, ahead(i)) {
            (b'd', Some(c)) => c.is_ascii_digit(),
            (s, c) => c == Some(*s),
        });
        if is_iso { self.read_iso_date() } else { self.read_us_date() }
    }

    /// `H:MM`, `HH:MM:SS`, `4:30 PM`.
    fn read_time(&mut self) -> Result<(), Failed> {
        let start = self.at;
        let mut hour = self.one_or_two_digits()?;
        if hour > 23 {
            return Err(start);
        }
        self.at += 1;
        let minute = self.two_digits_below(60)?;
        let mut second = 0;
        if self.peek() == Some(b':') {
            self.at += 1;
            second = self.two_digits_below(60)?;
        }
        let end = self.at;
        self.skip(|c| c.is_ascii_whitespace());
        let half = if self.word_ahead("am") {
            Some(0)
        } else if self.word_ahead("pm") {
            Some(12)
        } else {
            None
        };
        match half {
            Some(_) if !(1..=12).contains(&hour) => return Err(self.at),
            Some(half) => {
                hour = hour % 12 + half;
                self.at += 2;
            }
            None => self.at = end,
        }
        self.time = Some(Time::constant(hour, minute, second, 0));
        Ok(())
    }

    fn read_iso_date(&mut self) -> Result<(), Failed> {
        let year = i16::from(self.two_digits()?) * 100 + i16::from(self.two_digits()?);
        self.at += 1;
        let month = self.two_digits_in(1, 12)?;
        self.at += 1;
        let day = self.two_digits_in(1, 31)?;
        self.day = Some(Day::Exact(overflowing(year, month, day).ok_or(0_usize)?));
        Ok(())
    }

    /// `MMDD[YY]`, `MM/DD[/YY]`, `MM.DD[.YY]`; one digit is enough between separators.
    fn read_us_date(&mut self) -> Result<(), Failed> {
        let start = self.at;
        let month = self.one_or_two_digits()?;
        if !(1..=12).contains(&month) {
            return Err(start);
        }
        let separator = self.peek().filter(|c| matches!(c, b'/' | b'.'));
        self.at += usize::from(separator.is_some());
        let day_at = self.at;
        let day = if separator.is_some() { self.one_or_two_digits()? } else { self.two_digits()? };
        if !(1..=31).contains(&day) {
            return Err(day_at);
        }
        let has_year = match separator {
            Some(separator) => self.peek() == Some(separator),
            None => self.peek().is_some_and(|c| c.is_ascii_digit()),
        };
        if has_year {
            self.at += usize::from(separator.is_some());
            let year = 2000 + i16::from(self.two_digits()?);
            self.day = Some(Day::Exact(overflowing(year, month, day).ok_or(start)?));
        } else {
            self.day = Some(Day::Yearly(overflowing(self.today.year(), month, day).ok_or(start)?));
        }
        Ok(())
    }

    fn combine(self) -> Result<EpochSeconds, Failed> {
        let time = self.time.unwrap_or(Time::midnight());
        let (day, step) = match self.day {
            Some(Day::Exact(day)) => return self.instant(day, time).ok_or(0),
            Some(Day::Yearly(day)) => (day, Span::new().years(1)),
            None if self.time.is_some() => (self.today, Span::new().days(1)),
            None => return Err(0),
        };
        let instant = self.instant(day, time).ok_or(0_usize)?;
        let shifted = match self.direction {
            Direction::Ahead if instant < self.now => day.checked_add(step),
            Direction::Back if instant > self.now => day.checked_sub(step),
            _ => return Ok(instant),
        };
        shifted.ok().and_then(|day| self.instant(day, time)).ok_or(0)
    }

    /// An hour that a zone skips is taken after the gap, one that it repeats the first time.
    fn instant(&self, day: Date, time: Time) -> Option<EpochSeconds> {
        let zoned = day.to_datetime(time).to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp().as_second()).filter(|t| (0..=latest()).contains(t))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip(&mut self, wanted: impl Fn(&u8) -> bool) {
        while self.peek().is_some_and(|c| wanted(&c)) {
            self.at += 1;
        }
    }

    /// In any case.
    fn word_ahead(&self, word: &str) -> bool {
        self.text.get(self.at..self.at + word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word.as_bytes()))
    }

    fn digit(&mut self) -> Result<i8, Failed> {
        let digit = self.peek().filter(u8::is_ascii_digit).ok_or(self.at)?;
        self.at += 1;
        Ok((digit - b'0') as i8)
    }

    fn two_digits(&mut self) -> Result<i8, Failed> {
        Ok(self.digit()? * 10 + self.digit()?)
    }

    fn one_or_two_digits(&mut self) -> Result<i8, Failed> {
        let first = self.digit()?;
        Ok(if self.peek().is_some_and(|c| c.is_ascii_digit()) { first * 10 + self.digit()? } else { first })
    }

    fn two_digits_in(&mut self, low: i8, high: i8) -> Result<i8, Failed> {
        let start = self.at;
        Some(self.two_digits()?).filter(|n| (low..=high).contains(n)).ok_or(start)
    }

    fn two_digits_below(&mut self, bound: i8) -> Result<i8, Failed> {
        self.two_digits_in(0, bound - 1)
    }
}

/// February 30th is March 1st or 2nd, as mktime(3) has it.
fn overflowing(year: i16, month: i8, day: i8) -> Option<Date> {
    if !(1970..=YEAR_MAX).contains(&year) {
        return None;
    }
    date(year, month, 1).checked_add(Span::new().days(i64::from(day) - 1)).ok()
}

/// End of [`YEAR_MAX`], so that a zone cannot push a date out of range.
fn latest() -> EpochSeconds {
    date(YEAR_MAX, 12, 31).at(0, 0, 0, 0).to_zoned(TimeZone::UTC).map_or(0, |z| z.timestamp().as_second())
}
