//! Memory sizes. Kept in MiB, which is Slurm's unit everywhere.

use thiserror::Error;

/// Largest size that is accepted: 2^40 MiB, an exbibyte. Sums of many nodes still fit 64 bits.
pub const MIB_MAX: u64 = 1 << 40;

/// Not `N`, `NK`, `NM`, `NG` or `NT`, or more than [`MIB_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("Invalid memory size")]
pub struct MemoryError;

/// `4000`, `512K`, `100M`, `4G`, `4GB`, `1T` → MiB. KiB round up to a whole MiB; 0 stands (for all memory of a node).
pub fn parse_mib(text: &str) -> Result<u64, MemoryError> {
    let text = text.trim_start();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| MemoryError)?;
    let mib = match suffix.to_ascii_uppercase().as_str() {
        "" | "M" | "MB" => Some(number),
        "K" | "KB" => Some(number.div_ceil(1024)),
        "G" | "GB" => number.checked_mul(1 << 10),
        "T" | "TB" => number.checked_mul(1 << 20),
        _ => None,
    };
    mib.filter(|mib| *mib <= MIB_MAX).ok_or(MemoryError)
}

const UNITS: [char; 6] = ['K', 'M', 'G', 'T', 'P', 'E'];

/// MiB as scontrol and squeue print them: `0`, `100M`, `1G`, `1.50G`, `16000M`. See [`exact`].
#[must_use]
pub fn print_mib(mib: u64) -> String {
    exact(mib, 1)
}

/// MiB without conversion, as `--noconvert` asks: `0`, `4096M`.
#[must_use]
pub fn print_mib_unconverted(mib: u64) -> String {
    if mib == 0 { "0".to_owned() } else { format!("{mib}M") }
}

/// KiB, as sacct and sstat print resident sizes: `132K`, `1500K`, `2M`. See [`exact`].
#[must_use]
pub fn print_kib(kib: u64) -> String {
    exact(kib, 0)
}

/// Climbs to a bigger unit only while the number is a multiple of half of it, so that little but a half is rounded:
/// 1536M is `1.50G`, 1537M stays. `unit` is an index into K, M, G, ….
fn exact(number: u64, mut unit: usize) -> String {
    if number == 0 {
        return "0".to_owned();
    }
    let mut shift = 0;
    while number >> shift >= 1024 && (number >> shift).is_multiple_of(512) && unit + 1 < UNITS.len() {
        shift += 10;
        unit += 1;
    }
    let whole = number >> shift;
    let fraction = u128::from(number - (whole << shift));
    if fraction == 0 {
        return format!("{whole}{}", UNITS[unit]);
    }
    let hundredths = (fraction * 100 + (1 << (shift - 1))) >> shift;
    format!("{whole}.{hundredths:02}{}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_parse_to_mib() {
        for (text, mib) in [
            ("4000", 4000),
            ("4G", 4096),
            ("4g", 4096),
            ("4GB", 4096),
            ("100M", 100),
            ("4MB", 4),
            ("1T", 1_048_576),
            ("512K", 1),
            ("1500K", 2),
            ("10k", 1),
            ("0", 0),
            (" 5", 5),
        ] {
            assert_eq!(parse_mib(text), Ok(mib), "{text}");
        }
        for bad in ["", "abc", "1P", "4.5G", "4G5", "-1", "+1", "M", "99999999999999999999", "18446744073709551615T"] {
            assert_eq!(parse_mib(bad), Err(MemoryError), "{bad}");
        }
    }

    #[test]
    fn sizes_print_as_scontrol_prints_them() {
        for (mib, text) in [
            (0, "0"),
            (100, "100M"),
            (512, "512M"),
            (1024, "1G"),
            (1536, "1.50G"),
            (1537, "1537M"),
            (2560, "2.50G"),
            (15_974, "15974M"),
            (16_000, "16000M"),
            (1_049_600, "1025G"),
            (1_048_576, "1T"),
            (1_049_088, "1.00T"),
            (1_572_864, "1.50T"),
            (1_048_832, "1048832M"),
            (1 << 30, "1P"),
        ] {
            assert_eq!(print_mib(mib), text, "{mib}");
        }
        assert_eq!(print_mib_unconverted(4096), "4096M");
        assert_eq!(print_kib(221_236), "221236K");
        assert_eq!(print_kib(2048), "2M");
    }
}
