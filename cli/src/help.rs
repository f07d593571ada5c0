//! `--help` and `--usage`, from the tables of options: each option with its value and what it does, in Slurm's layout.

use muster_dialect::options::{Opt, Table, Takes};

/// Column in which the explanations stand.
const TEXT_COLUMN: usize = 30;
/// Longest line, where words allow it.
const COLUMNS: usize = 80;
/// What is not of the table: an honest end.
const FOOTNOTE: &str = "Options that this version does not have say so when they are used.\n";

/// What stands on the command line besides options.
fn operands(command: &str) -> &'static str {
    match command {
        "sbatch" => "[SCRIPT [ARGS...]]",
        "srun" => "COMMAND [ARGS...]",
        "salloc" => "[COMMAND [ARGS...]]",
        "scancel" => "[JOB_ID[_ARRAY_ID][.STEP_ID]...]",
        "sbcast" => "SOURCE DEST",
        "scontrol" => "[COMMAND]",
        _ => "",
    }
}

/// `--help`.
pub(crate) fn help(table: &Table) -> String {
    let mut out = format!("Usage: {} [OPTIONS...] {}", table.command, operands(table.command)).trim_end().to_owned();
    let of = |names: &'static [&str]| listed(table).filter(move |opt| names.contains(&opt.long));
    let own = listed(table).filter(|opt| !["help", "usage", "version"].contains(&opt.long));
    out.push_str("\n\nOptions:\n");
    own.for_each(|opt| line(opt, &mut out));
    out.push_str("\nHelp options:\n");
    of(&["help", "usage"]).for_each(|opt| line(opt, &mut out));
    out.push_str("\nOther options:\n");
    of(&["version"]).for_each(|opt| line(opt, &mut out));
    out.push('\n');
    out.push_str(FOOTNOTE);
    if table.command == "scontrol" {
        out.push_str("Commands are listed by \"scontrol help\".\n");
    }
    out
}

/// `--usage`: letters without a value first, then each option that has one.
pub(crate) fn usage(table: &Table) -> String {
    let letters: String = listed(table).filter(|opt| opt.takes == Takes::No).filter_map(|opt| opt.short).collect();
    let mut words = Vec::new();
    if !letters.is_empty() {
        words.push(format!("[-{letters}]"));
    }
    words.extend(listed(table).filter_map(brief));
    words.extend(Some(operands(table.command)).filter(|text| !text.is_empty()).map(str::to_owned));
    let start = format!("Usage: {}", table.command);
    let indent = start.len() + 1;
    let mut out = String::new();
    fill(&start, &words, indent, &mut out);
    out
}

/// Other spellings of an option are not shown.
fn listed(table: &Table) -> impl Iterator<Item = &'static Opt> {
    table.options.iter().filter(|opt| opt.means == opt.long)
}

fn brief(opt: &Opt) -> Option<String> {
    match (opt.short, opt.takes) {
        (Some(_), Takes::No) => None,
        (None, Takes::No) => Some(format!("[--{}]", opt.long)),
        (Some(letter), Takes::Required) => Some(format!("[-{letter} {}]", opt.value)),
        (None, Takes::Required) => Some(format!("[--{}={}]", opt.long, opt.value)),
        (_, Takes::Optional) => Some(format!("[--{}[={}]]", opt.long, opt.value)),
    }
}

fn line(opt: &Opt, out: &mut String) {
    let short = opt.short.map_or_else(|| "    ".to_owned(), |letter| format!("-{letter}, "));
    let value = match opt.takes {
        Takes::No => String::new(),
        Takes::Required => format!("={}", opt.value),
        Takes::Optional => format!("[={}]", opt.value),
    };
    let head = format!("  {short}--{}{value}", opt.long);
    let head = format!("{head:<width$}", width = TEXT_COLUMN - 1);
    let words: Vec<String> = opt.about.split(' ').map(str::to_owned).collect();
    fill(&head, &words, TEXT_COLUMN, out);
}

/// Words after `head`, on as many lines as they need.
fn fill(head: &str, words: &[String], indent: usize, out: &mut String) {
    let mut current = head.to_owned();
    for word in words {
        if current.len() + 1 + word.len() > COLUMNS && !current.trim().is_empty() && current.len() >= indent {
            out.push_str(&current);
            out.push('\n');
            current = " ".repeat(indent - 1);
        }
        current.push(' ');
        current.push_str(word);
    }
    out.push_str(current.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use muster_dialect::options::tables::{
        SACCT, SALLOC, SBATCH, SBCAST, SCANCEL, SCONTROL, SDIAG, SINFO, SQUEUE, SRUN,
    };

    use super::*;

    #[test]
    fn every_option_of_the_built_commands_is_explained() {
        for table in [SACCT, SALLOC, SBATCH, SBCAST, SCANCEL, SCONTROL, SDIAG, SINFO, SQUEUE, SRUN] {
            for opt in listed(&table) {
                let name = format!("{} --{}", table.command, opt.long);
                assert!(!opt.about.is_empty(), "{name}");
                assert_eq!(opt.value.is_empty(), opt.takes == Takes::No, "{name}");
            }
        }
    }

    #[test]
    fn help_has_slurms_columns() {
        let text = help(&SBATCH);
        assert!(text.starts_with("Usage: sbatch [OPTIONS...] [SCRIPT [ARGS...]]\n\nOptions:\n"));
        assert!(text.contains("\n  -A, --account=name          charge the job to this account\n"), "{text}");
        assert!(text.contains("\n      --wrap=command          a command instead of a script\n"));
        assert!(text.contains("\nHelp options:\n  -h, --help "));
        for table in [SBATCH, SRUN, SQUEUE, SCANCEL] {
            assert!(help(&table).lines().all(|line| line.len() <= COLUMNS + 8), "{}", table.command);
        }
    }

    #[test]
    fn usage_is_brief_and_wrapped() {
        let text = usage(&SINFO);
        assert!(text.starts_with("Usage: sinfo [-a"), "{text}");
        assert!(text.contains("[-p names]") && !text.contains("\n  -"));
        assert!(usage(&SRUN).trim_end().ends_with("COMMAND [ARGS...]"));
        assert!(usage(&SBATCH).lines().all(|line| line.len() <= COLUMNS));
    }
}
