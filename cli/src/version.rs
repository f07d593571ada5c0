//! What `--version` says.

/// The release whose interface this is.
pub(crate) const NUMBER: &str = muster_dialect::SLURM_VERSION;
/// Of every Slurm command. Wrappers read the number to learn which options and fields there are: it is the release
/// whose interface this is.
pub(crate) const SLURM: &str = "slurm 26.05.0";
/// Of `muster`: the same, and its own.
pub(crate) const MUSTER: &str = concat!("slurm 26.05.0 (muster ", env!("CARGO_PKG_VERSION"), ")");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_daemons_say_the_same_number() {
        assert_eq!(SLURM, format!("slurm {NUMBER}"));
        assert!(MUSTER.starts_with(SLURM));
    }
}
