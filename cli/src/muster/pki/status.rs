//! What there is, and when it ends.

use std::path::PathBuf;

use muster_channel::tls::{Certificate, WARN_DAYS};
use serde_json::json;

use super::super::print;
use super::super::table::aligned;
use super::authority::DAY_S;
use super::error::PkiError;
use super::place::{Pair, members};
use super::{Pki, now_s};

struct Row {
    of: String,
    ends_s: u64,
    file: PathBuf,
}

impl Pki<'_> {
    /// Exit code 1 when something has ended or ends soon: for a monitor.
    pub(super) fn status(&self, json: bool) -> Result<u8, PkiError> {
        let (now_s, owners) = (now_s(), self.all_owners());
        let mut rows = Vec::new();
        for file in std::iter::once(Pair::authority(&self.dir).cert).chain(members(&self.dir)) {
            let certificate = Certificate::read(&file, &owners)?;
            let of = certificate.identity.map_or_else(|| "authority".to_owned(), |identity| identity.to_string());
            rows.push(Row { of, ends_s: certificate.ends_s, file });
        }
        let told = print(&if json { as_json(&rows, now_s) } else { as_text(&rows, now_s) });
        let soon = rows.iter().any(|row| row.ends_s < now_s + WARN_DAYS * DAY_S);
        Ok(told.max(u8::from(soon)))
    }
}

/// Whole days until then; less than nothing once it has ended.
fn days(ends_s: u64, now_s: u64) -> i64 {
    let left = i64::try_from(ends_s).unwrap_or(i64::MAX).saturating_sub(i64::try_from(now_s).unwrap_or(i64::MAX));
    left.div_euclid(i64::try_from(DAY_S).expect("a day is short"))
}

fn date(ends_s: u64) -> String {
    let instant = jiff::Timestamp::from_second(i64::try_from(ends_s).unwrap_or(i64::MAX));
    instant.map_or_else(|_| "-".to_owned(), |instant| instant.to_string())
}

fn as_text(rows: &[Row], now_s: u64) -> String {
    let mut table = vec![["CERTIFICATE OF", "ENDS", "DAYS", "FILE"].map(str::to_owned).to_vec()];
    for row in rows {
        let days = days(row.ends_s, now_s).to_string();
        table.push(vec![row.of.clone(), date(row.ends_s), days, row.file.display().to_string()]);
    }
    aligned(&table)
}

fn as_json(rows: &[Row], now_s: u64) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let days = days(row.ends_s, now_s);
            json!({ "of": row.of, "ends": date(row.ends_s), "days": days, "file": row.file.to_string_lossy() })
        })
        .collect();
    format!("{:#}\n", json!(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_that_has_ended_has_less_than_no_days() {
        assert_eq!((days(10 * DAY_S, 9 * DAY_S), days(10, 11), days(DAY_S - 1, 0)), (1, -1, 0));
        let row = Row { of: "muster://c/node/n1".into(), ends_s: 1_795_317_300, file: "/x".into() };
        assert_eq!(
            as_text(&[row], 1_795_317_300 + 1),
            "CERTIFICATE OF       ENDS                  DAYS  FILE\nmuster://c/node/n1  2026-11-22T03:15:00Z  -1    /x\n"
                .replace("CERTIFICATE OF       ENDS", "CERTIFICATE OF      ENDS")
        );
    }
}
