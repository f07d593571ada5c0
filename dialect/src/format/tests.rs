use proptest::prelude::*;

use super::tables::{SINFO, SQUEUE_JOBS, SQUEUE_STEPS};
use super::*;

fn job(field: &'static Field) -> String {
    let text = match field.name {
        "JobArrayID" | "JobID" => "420",
        "Partition" => "debug,short",
        "Name" => "abcdefghijklmnop",
        "UserName" => "alice",
        "StateCompact" => "R",
        "State" => "PENDING",
        "TimeUsed" => "0:07",
        "NumNodes" => "2",
        "ReasonList" => "n[1-2]",
        _ => "?",
    };
    text.to_owned()
}

fn node(field: &'static Field) -> String {
    let text = match field.name {
        "Partition" => "debug*",
        "Available" => "up",
        "Time" => "infinite",
        "Nodes" => "1",
        "StateCompact" | "StateLong" => "idle",
        "NodeList" => "n1",
        "CPUs" => "4",
        "SocketCoreThread" => "1:4:1",
        "Memory" => "4000",
        "Disk" => "0",
        "Weight" => "1",
        "Features" => "fast,intel",
        "Reason" => "none",
        _ => "?",
    };
    text.to_owned()
}

/// Header and one line, `|` at their ends.
fn shown(format: &Format, cell: fn(&'static Field) -> String) -> String {
    format!("{}|\n{}|", format.header(), format.row(cell))
}

#[test]
fn squeues_own_format_is_laid_out_as_squeue_does() {
    let format = parse_built_in(&SQUEUE_JOBS, defaults::SQUEUE);
    assert_eq!(
        shown(&format, job),
        "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)|\n               \
         420 debug,sho abcdefgh    alice  R       0:07      2 n[1-2]|"
    );
    let steps = parse_built_in(&SQUEUE_STEPS, defaults::SQUEUE_STEPS);
    assert_eq!(steps.header(), "         STEPID     NAME PARTITION     USER      TIME NODELIST");
    let long = parse_built_in(&SQUEUE_JOBS, defaults::SQUEUE_LONG);
    assert_eq!(
        long.header(),
        "             JOBID PARTITION     NAME     USER    STATE       TIME TIME_LIMI  NODES NODELIST(REASON)"
    );
    let start = parse_built_in(&SQUEUE_JOBS, defaults::SQUEUE_START);
    assert_eq!(
        start.header(),
        "             JOBID PARTITION     NAME     USER ST          START_TIME  NODES SCHEDNODES           \
         NODELIST(REASON)"
    );
}

#[test]
fn sinfos_own_formats_fit_the_longest_partition() {
    let shown = |text: &str, longest| {
        let mut format = parse_built_in(&SINFO, text);
        format.fit("Partition", longest);
        format.fit("NodeList", 2);
        shown(&format, node)
    };
    assert_eq!(
        shown(defaults::SINFO, 6),
        "PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST|\ndebug*       up   infinite      1   idle n1|"
    );
    assert_eq!(
        shown(defaults::SINFO, 11),
        "PARTITION   AVAIL  TIMELIMIT  NODES  STATE NODELIST|\ndebug*         up   infinite      1   idle n1|"
    );
    assert_eq!(
        shown(defaults::SINFO_NODES, 6),
        "NODELIST   NODES PARTITION STATE |\nn1             1    debug* idle  |"
    );
    assert_eq!(
        shown(defaults::SINFO_NODES_LONG, 6),
        "NODELIST   NODES PARTITION       STATE CPUS    S:C:T MEMORY TMP_DISK WEIGHT AVAIL_FE REASON              |\n\
         n1             1    debug*        idle 4       1:4:1   4000        0      1 fast,int none                |"
    );
    let header = |text| parse_built_in(&SINFO, text).header();
    assert_eq!(header(defaults::SINFO_SUMMARY), "PARTITION AVAIL  TIMELIMIT   NODES(A/I/O/T) NODELIST");
    assert_eq!(
        header(defaults::SINFO_LONG),
        "PARTITION AVAIL  TIMELIMIT   JOB_SIZE ROOT OVERSUBS     GROUPS  NODES       STATE NODELIST"
    );
    assert_eq!(header(defaults::SINFO_REASONS), "REASON               USER      TIMESTAMP           NODELIST");
    assert_eq!(
        header(defaults::SINFO_REASONS_LONG),
        "REASON               USER         TIMESTAMP           STATE  NODELIST"
    );
}

#[test]
fn users_formats_are_read_as_squeue_reads_them() {
    for (text, lines) in [
        ("foo %i bar", "foo JOBID bar|\nfoo 420 bar|"),
        ("%5j|%.5j|%05j", "NAME | NAME|NAME |\nabcde|abcde|abcde|"),
        ("%%i %i", "JOBID JOBID|\n420 420|"),
        ("%", "|\n|"),
        ("x", "x|\nx|"),
        ("", "|\n|"),
        ("%i%j", "JOBIDNAME|\n420abcdefghijklmnop|"),
        ("%.20j%i", "                NAMEJOBID|\n    abcdefghijklmnop420|"),
        ("%.j|", "NAME||\nabcdefghijklmnop||"),
        ("%1j%2j", "NNA|\naab|"),
        ("%.3i %j", "JOB NAME|\n420 abcdefghijklmnop|"),
    ] {
        let format = parse_letters(&SQUEUE_JOBS, text);
        assert_eq!(shown(&format, job), lines, "{text}");
        assert!(format.problems.is_empty());
    }
}

#[test]
fn unknown_letters_stay_and_are_told() {
    let format = parse_letters(&SQUEUE_JOBS, "%Q %-5j|%&|%.5.3j|%6");
    assert_eq!(format.header(), "PRIORITY %-5j|%&|%.5.3j|%6");
    assert_eq!(
        format.problems,
        ["-", "&", ".", ""].map(|spec| format!("squeue: error: Invalid job format specification: {spec}"))
    );
    assert_eq!(
        parse_letters(&SQUEUE_STEPS, "%C").problems,
        ["squeue: error: Invalid job step format specification: C"]
    );
    assert_eq!(parse_letters(&SINFO, "%Q %#P").problems[0], "Invalid node format specification: Q");
    assert_eq!(parse_letters(&SINFO, "%#P").header(), "%#P");
}

#[test]
fn names_have_widths_and_separators() {
    for (text, lines) in [
        ("jobid", "JOBID               |\n420                 |"),
        ("jobid:10,name:5,state", "JOBID     NAME STATE               |\n420       abcdePENDING             |"),
        ("JobID:.10,name:.5", "     JOBID NAME|\n       420abcde|"),
        ("jobid:10_,name:5| ,state:x", "JOBID     _NAME | STATEx|\n420       _abcde| PENDINGx|"),
        ("jobid,", "JOBID               |\n420                 |"),
        ("jobid: ,name:5", "JOBID NAME |\n420 abcde|"),
        ("jobid:,name:5", "JOBIDNAME |\n420abcde|"),
        ("jobid:0,name:5", "JOBIDNAME |\n420abcde|"),
        ("jobid:|,name:5", "JOBID|NAME |\n420|abcde|"),
        ("Name:4,JOBID:8", "NAMEJOBID   |\nabcd420     |"),
    ] {
        assert_eq!(shown(&parse_names(&SQUEUE_JOBS, text), job), lines, "{text}");
    }
    assert_eq!(parse_names(&SQUEUE_JOBS, "gres:14,Tres:10").header(), "TRES_PER_NODE TRES_ALLOC");
    let format = parse_names(&SQUEUE_JOBS, "job,jobid ,name:4");
    assert_eq!(format.header(), "NAME");
    assert_eq!(format.problems[0], "squeue: error: Invalid job format specification: job");
    assert_eq!(parse_names(&SINFO, "nosuch").problems, ["sinfo: error: Invalid job format specification: nosuch"]);
}

#[test]
fn all_is_every_letter() {
    assert!(parse_letters(&SQUEUE_JOBS, "%all").header().starts_with("ACCOUNT|TRES_PER_NODE|MIN_CPUS|"));
    assert!(parse_letters(&SQUEUE_STEPS, "%all").header().ends_with("|START_TIME|UID|"));
    assert!(parse_names(&SINFO, "all").header().ends_with("|SOCKETS |CORES |THREADS "));
    for table in [SQUEUE_JOBS, SQUEUE_STEPS, SINFO] {
        assert!(parse_letters(&table, "%all").problems.is_empty());
    }
}

#[test]
fn letters_and_names_are_unique() {
    for table in [SQUEUE_JOBS, SQUEUE_STEPS, SINFO] {
        for (i, field) in table.fields.iter().enumerate() {
            let rest = &table.fields[i + 1..];
            assert!(rest.iter().all(|other| !other.name.eq_ignore_ascii_case(field.name)), "{}", field.name);
            assert!(field.letter.is_none() || rest.iter().all(|other| other.letter != field.letter), "{}", field.name);
        }
    }
}

proptest! {
    #[test]
    fn no_format_panics(text in "[%.#0-9ijPé:, |]{0,30}") {
        let _ = shown(&parse_letters(&SQUEUE_JOBS, &text), job);
        let _ = shown(&parse_names(&SINFO, &text), node);
        let _ = sacct::parse(&text);
    }
}
