//! Slurm's words for rate limits, in `SlurmctldParameters`.

use muster_dialect::conf::Config;

/// How much a user may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// Tokens that a bucket holds.
    pub(super) bucket_size: u64,
    /// Tokens that come back every `refill_period_s`.
    pub(super) refill_rate: u64,
    pub(super) refill_period_s: u64,
    /// Users with a bucket of their own.
    pub(super) table_size: usize,
    /// Rows of an answer that cost one token more; 0: rows cost nothing.
    pub(super) rows_a_token: usize,
}

/// Without `rl_enable`: nobody who works is ever told to wait, and nobody alone can fill a controller. A listing of 100,000
/// jobs costs a thousand tokens.
const GENEROUS: Words =
    Words { bucket_size: 10_000, refill_rate: 1_000, refill_period_s: 1, table_size: 8_192, rows_a_token: 100 };
/// Slurm's own defaults, with `rl_enable`.
const SLURMS: Words = Words { bucket_size: 30, refill_rate: 2, refill_period_s: 1, table_size: 8_192, rows_a_token: 0 };
/// Users with a bucket, whatever the configuration says.
const TABLE_SIZE_MAX: u64 = 100_000;

impl Words {
    pub(crate) fn of(config: &Config) -> Self {
        let words = &config.slurmctld_parameters;
        if !words.contains_key("rl_enable") {
            return GENEROUS;
        }
        let number = |word: &str, otherwise: u64| {
            let set = words.get(word).and_then(|text| text.parse().ok()).filter(|number| *number > 0);
            set.unwrap_or(otherwise)
        };
        Self {
            bucket_size: number("rl_bucket_size", SLURMS.bucket_size),
            refill_rate: number("rl_refill_rate", SLURMS.refill_rate),
            refill_period_s: number("rl_refill_period", SLURMS.refill_period_s),
            table_size: number("rl_table_size", SLURMS.table_size as u64).min(TABLE_SIZE_MAX) as usize,
            ..SLURMS
        }
    }
}

#[cfg(test)]
mod tests {
    use muster_dialect::conf::{Stored, parse};

    use super::*;

    fn of(parameters: &str) -> Words {
        let text = format!(
            "ClusterName=c\nSlurmctldHost=a\nAuthType=auth/none\nSlurmctldParameters={parameters}\nNodeName=n1\n\
             PartitionName=p Nodes=ALL\n"
        );
        let parsed = parse(&Stored(&[("slurm.conf".to_owned(), text)]), "slurm.conf");
        Words::of(&parsed.config.expect("a configuration"))
    }

    #[test]
    fn limits_are_generous_until_slurms_words_ask_for_others() {
        assert_eq!(of("enable_configless"), GENEROUS);
        assert_eq!(of("rl_bucket_size=5"), GENEROUS, "as Slurm: nothing without rl_enable");
        assert_eq!(of("rl_enable"), SLURMS);
        let asked = of("rl_enable,rl_bucket_size=7,rl_refill_rate=3,rl_refill_period=2,rl_table_size=9");
        assert_eq!(asked, Words { bucket_size: 7, refill_rate: 3, refill_period_s: 2, table_size: 9, rows_a_token: 0 });
    }
}
