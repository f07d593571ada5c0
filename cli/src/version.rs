//! What `--version` says.

/// The release whose interface this is.
pub(crate) const NUMBER: &str = "26.05.0";
/// Of every Slurm command. Wrappers read the number to learn which options and fields there are: it is the release
/// whose interface this is.
pub(crate) const SLURM: &str = "slurm 26.05.0";
/// Of `muster`: the same, and its own.
pub(crate) const MUSTER: &str = concat!("slurm 26.05.0 (muster ", env!("CARGO_PKG_VERSION"), ")");
