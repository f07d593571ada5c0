use super::tables::{ALL, SACCT, SBATCH, SCANCEL, SCONTROL, SINFO, SQUEUE, SRUN};
use super::*;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn error(table: &Table, line: &str) -> String {
    parse(table, &words(line)).unwrap_err().to_string()
}

fn read(table: &Table, line: &str) -> String {
    let parsed = parse(table, &words(line)).unwrap();
    let options = parsed.options.iter().map(|f| match &f.value {
        Some(value) => format!("{}={value}", f.means()),
        None => f.means().to_owned(),
    });
    options.chain(std::iter::once(format!("| {}", parsed.operands.join(" ")))).collect::<Vec<_>>().join(" ")
}

#[test]
fn values_stand_in_the_word_or_after_it() {
    assert_eq!(read(&SBATCH, "-n4 -N 2 --time=5 --mem 4G x.sh -n9"), "ntasks=4 nodes=2 time=5 mem=4G | x.sh -n9");
    assert_eq!(read(&SBATCH, "-HQn 3 --exclusive --exclusive=user"), "hold quiet ntasks=3 exclusive exclusive=user | ");
    assert_eq!(read(&SRUN, "-vv -Ioff -K0 --pty -- -l"), "verbose verbose immediate=off kill-on-bad-exit=0 pty | -l");
    assert_eq!(read(&SRUN, "- -n2"), "| - -n2");
    assert_eq!(read(&SBATCH, "--comment= x"), "comment= | x");
}

#[test]
fn options_may_follow_operands_except_where_a_command_is_run() {
    assert_eq!(read(&SCONTROL, "show job 5 -o"), "oneliner | show job 5");
    assert_eq!(read(&SCONTROL, "show -- -o"), "| show -o");
    assert_eq!(read(&SRUN, "ls -l"), "| ls -l");
}

#[test]
fn unambiguous_beginnings_are_enough() {
    assert_eq!(read(&SBATCH, "--part=p --nodel=n1 --ntasks-per-n=2"), "partition=p nodelist=n1 ntasks-per-node=2 | ");
    assert_eq!(read(&SQUEUE, "--user=a --users=b"), "user=a user=b | ");
    assert_eq!(read(&SQUEUE, "--Form=x --stat=PD"), "Format=x states=PD | ");
}

#[test]
fn spellings_of_one_option_are_one() {
    assert_eq!(read(&SRUN, "--cpu_bind=a --tasks-per-node=2"), "cpu-bind=a ntasks-per-node=2 | ");
    assert_eq!(read(&SACCT, "-u a --uid=b --fields=c"), "user=a user=b format=c | ");
    assert_eq!(read(&SCANCEL, "-n a --jobname=b"), "name=a name=b | ");
}

#[test]
fn errors_are_glibcs_to_the_letter() {
    let hint = |c: &str| format!("\nTry \"{c} --help\" for more information");
    for (table, line, text) in [
        (&SBATCH, "--badopt", "sbatch: unrecognized option '--badopt'"),
        (&SBATCH, "--badopt=3", "sbatch: unrecognized option '--badopt=3'"),
        (&SBATCH, "--hold=3 x", "sbatch: option '--hold' doesn't allow an argument"),
        (&SBATCH, "--time", "sbatch: option '--time' requires an argument"),
        (&SBATCH, "-t", "sbatch: option requires an argument -- 't'"),
        (&SBATCH, "-Hy", "sbatch: invalid option -- 'y'"),
        (
            &SBATCH,
            "--node=3",
            "sbatch: option '--node=3' is ambiguous; possibilities: '--nodefile' '--nodelist' '--nodes'",
        ),
        (&SQUEUE, "-j -5", "squeue: invalid option -- '5'"),
        (&SQUEUE, "--form", "squeue: option '--format' requires an argument"),
        (&SINFO, "--f", "sinfo: option '--f' is ambiguous; possibilities: '--federation' '--future' '--format'"),
        (&SCANCEL, "--s=x", "scancel: option '--s=x' is ambiguous; possibilities: '--sibling' '--signal' '--state'"),
        (&SCONTROL, "-u", "scontrol: option requires an argument -- 'u'"),
    ] {
        assert_eq!(error(table, line), text.to_owned() + &hint(table.command), "{line}");
    }
    assert_eq!(error(&SACCT, "--st=1"), "sacct: option '--st=1' is ambiguous; possibilities: '--starttime' '--state'");
    assert_eq!((SBATCH.exit_code_of_errors(), SQUEUE.exit_code_of_errors()), (255, 1));
}

#[test]
fn tables_are_consistent() {
    for table in ALL {
        for opt in table.options.iter().filter(|opt| !opt.long.is_empty()) {
            let named = table.options.iter().filter(|other| other.long == opt.long).count();
            assert_eq!(named, 1, "{} --{} twice", table.command, opt.long);
            let meant = table.find(opt.means).unwrap_or_else(|| panic!("{} --{}", table.command, opt.means));
            assert_eq!(meant.takes == Takes::No, opt.takes == Takes::No, "{} --{}", table.command, opt.long);
        }
        for (i, opt) in table.options.iter().enumerate().filter(|(_, opt)| opt.means == opt.long) {
            let again =
                table.options[..i].iter().any(|o| o.short.is_some() && o.short == opt.short && o.means == o.long);
            assert!(!again, "{} -{:?} twice", table.command, opt.short);
        }
    }
}
