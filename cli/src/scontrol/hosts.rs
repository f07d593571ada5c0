//! Verbs and entities that need no cluster: host lists and error numbers.

use muster_dialect::errno::SlurmError;
use muster_dialect::hostlist::{self, HostlistError};

use super::Control;

/// `show hostnames n[1-3]`, or those of `SLURM_JOB_NODELIST`.
pub(super) fn names(control: &Control, text: Option<&str>) -> u8 {
    let list = text.map(str::to_owned).or_else(|| std::env::var("SLURM_JOB_NODELIST").ok());
    let list = list.or_else(|| std::env::var("SLURM_NODELIST").ok()).unwrap_or_default();
    match hostlist::parse(&list) {
        Ok(names) if names.is_empty() => control.fail("scontrol: error: host list is empty"),
        Ok(names) => control.print(&(names.join("\n") + "\n")),
        Err(error) => malformed(control, &list, &error),
    }
}

/// As Slurm: a bad range is told, and no failure of the command. A bracket that is not closed is no list here.
fn malformed(control: &Control, list: &str, error: &HostlistError) -> u8 {
    let told = format!("Invalid hostlist: {list}");
    match error {
        HostlistError::InvalidRange { .. } => {
            control.fail(&format!("scontrol: error: _parse_single_range: {error}\n{told}"));
            0
        }
        _ => control.fail(&told),
    }
}

/// `show hostlist a1,a2`: folded, in the order given or sorted. A path names a file with a list.
pub(super) fn folded(control: &Control, text: Option<&str>, sorted: bool) -> u8 {
    let Some(text) = text else { return control.fail("invalid encode argument") };
    let list = if text.contains('/') {
        match std::fs::read_to_string(text) {
            Ok(list) => list.split_whitespace().collect::<Vec<_>>().join(","),
            Err(error) => return control.fail(&format!("error: cannot read {text}: {error}")),
        }
    } else {
        text.to_owned()
    };
    match hostlist::parse(&list) {
        Ok(names) if sorted => control.print(&(hostlist::fold_sorted(&names) + "\n")),
        Ok(names) => control.print(&(hostlist::fold(&names) + "\n")),
        Err(error) => malformed(control, &list, &error),
    }
}

/// `errnumstr 2000`: the text of a number.
pub(super) fn errnumstr(control: &Control, words: &[String]) -> u8 {
    match words.first().map(|word| word.parse::<u32>()) {
        Some(Ok(number)) => control.print(&format!("{}\n", SlurmError::new(number).text())),
        _ => control.fail("too few arguments for keyword:errnumstr"),
    }
}
