//! What two copies of slurm.conf are compared by. Not for security: whoever wants equal numbers can have them.

/// Files of their own that stand beside slurm.conf: hosts have different ones.
const SISTERS: [&str; 4] = ["gres.conf", "cgroup.conf", "topology.conf", "fence.conf"];

/// Of slurm.conf and what it includes, in the order in which they were read; never 0. Comments, empty lines and where
/// the files are do not count.
pub fn fingerprint<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> u64 {
    let is_sister = |path: &str| SISTERS.contains(&path.rsplit('/').next().unwrap_or(path));
    let texts = files.into_iter().filter(|(path, _)| !is_sister(path)).map(|(_, text)| text);
    let lines = texts.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let bytes = lines.flat_map(|line| line.bytes().chain([b'\n']));
    // FNV-1a.
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_the_same_is_the_same_and_a_changed_value_is_not() {
        let one = fingerprint([("/etc/slurm/slurm.conf", "A=1\nB=2\n")]);
        let same =
            [("/other/slurm.conf", "# a copy\n\n  A=1  \n"), ("/other/b.conf", "B=2"), ("/other/gres.conf", "C=3")];
        assert_eq!(fingerprint(same), one);
        assert_ne!(fingerprint([("/etc/slurm/slurm.conf", "A=1\nB=3\n")]), one);
        assert_eq!(one, 0x435c_e698_856e_ba45, "it is the same on every machine");
    }
}
