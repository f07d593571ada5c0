//! When a certificate ends: four fields into its DER, read here because the verifier tells only whether it has.

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const DAY_S: u64 = 86_400;

/// Seconds since the epoch at which `certificate` (DER) ends; nothing if it cannot be read.
pub(super) fn ends_at_s(certificate: &[u8]) -> Option<u64> {
    let mut rest = certificate;
    let mut outer = expect(&mut rest, SEQUENCE)?;
    let mut signed = expect(&mut outer, SEQUENCE)?;
    if signed.first() == Some(&VERSION) {
        expect(&mut signed, VERSION)?;
    }
    for field in [INTEGER, SEQUENCE, SEQUENCE] {
        expect(&mut signed, field)?; // serial number, algorithm, issuer
    }
    let mut validity = expect(&mut signed, SEQUENCE)?;
    let _begins = field(&mut validity)?;
    let (tag, text) = field(&mut validity)?;
    instant(tag, text)
}

fn expect<'a>(from: &mut &'a [u8], wanted: u8) -> Option<&'a [u8]> {
    field(from).and_then(|(tag, value)| (tag == wanted).then_some(value))
}

/// The next tag and value, taken off.
fn field<'a>(from: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&tag, rest) = from.split_first()?;
    let (&short, mut rest) = rest.split_first()?;
    let length = match short {
        0..=0x7f => usize::from(short),
        0x81..=0x84 => {
            let (bytes, after) = rest.split_at_checked(usize::from(short & 0x7f))?;
            rest = after;
            bytes.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte))
        }
        _ => return None,
    };
    let (value, after) = rest.split_at_checked(length)?;
    *from = after;
    Some((tag, value))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn instant(tag: u8, text: &[u8]) -> Option<u64> {
    let digits = text.strip_suffix(b"Z")?;
    let pair = |at: usize| match digits.get(at..at + 2)? {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => Some(u64::from(tens - b'0') * 10 + u64::from(ones - b'0')),
        _ => None,
    };
    let (year, at) = match tag {
        UTC_TIME => (pair(0).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        GENERALIZED_TIME => (pair(0)? * 100 + pair(2)?, 4),
        _ => return None,
    };
    let (month, day) = (pair(at)?, pair(at + 2)?);
    let (hour, minute, second) = (pair(at + 4)?, pair(at + 6)?, pair(at + 8)?);
    if !(1..=12).contains(&month) || digits.len() != at + 10 {
        return None;
    }
    (days_since_epoch(year, month, day)? * DAY_S + hour * 3600 + minute * 60 + second).into()
}

fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    // Years that begin with March: the leap day is their last.
    let (years, months) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = years * 365 + years / 4 - years / 100 + years / 400 + (months * 153 + 2) / 5 + day;
    days.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_those_of_the_calendar() {
        assert_eq!(instant(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(instant(GENERALIZED_TIME, b"20000229235959Z"), Some(951_868_799));
        assert_eq!(instant(UTC_TIME, b"261122031500Z"), Some(1_795_317_300));
        assert_eq!(instant(GENERALIZED_TIME, b"20501231000000Z"), Some(2_556_057_600));
        for bad in [&b"2611220315Z"[..], b"26112203150Z", b"269922031500Z", b"Z", b"", b"2611220315xxZ"] {
            assert_eq!(instant(UTC_TIME, bad), None);
        }
    }

    #[test]
    fn any_bytes_are_survived() {
        let whole = [SEQUENCE, 0x82, 0x01, 0x00, SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff];
        for end in 0..whole.len() {
            assert_eq!(ends_at_s(&whole[..end]), None);
        }
    }
}
