//! Options → what is asked for.

use muster_dialect::options::{parse, tables::SBATCH};
use muster_proto::durable::{JobSpec, Request, Sharing};

use super::{Bad, Draft, Source, from_environment};
use crate::process::Variables;

const NOW_MS: u64 = 1_800_000_000_000;

fn draft(environment: &[(&str, &str)], script: &[&str], line: &[&str]) -> Result<Draft, Bad> {
    let found = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        parse(&SBATCH, &words).expect("valid options").options
    };
    let mut draft = Draft::new(NOW_MS);
    from_environment(&mut draft, &SBATCH, &Variables::of(environment))?;
    draft.apply_all(&found(script), Source::Script)?;
    draft.apply_all(&found(line), Source::CommandLine)?;
    Ok(draft)
}

fn of(line: &[&str]) -> (JobSpec, Request) {
    let draft = draft(&[], &[], line).expect("valid values");
    (draft.job, draft.request)
}

#[test]
fn the_command_line_is_stronger_than_the_script_and_that_than_the_environment() {
    let variables = [("SBATCH_PARTITION", "env"), ("SBATCH_ACCOUNT", "env"), ("SBATCH_QOS", "env")];
    let draft = draft(&variables, &["-p", "script", "-A", "script"], &["-p", "line"]).expect("valid");
    let job = draft.job;
    assert_eq!((job.partitions.as_str(), job.account.as_str(), job.qos.as_str()), ("line", "script", "env"));
}

#[test]
fn sizes_are_kept_with_whether_they_were_asked_for() {
    let (_, request) = of(&["-N2-4", "-n8", "-c2", "--ntasks-per-node=4", "--mincpus=3", "-O"]);
    let expected = Request {
        min_nodes: 2,
        max_nodes: 4,
        ntasks: 8,
        ntasks_set: true,
        cpus_per_task: 2,
        cpus_per_task_set: true,
        ntasks_per_node: 4,
        min_cpus_per_node: 3,
        overcommit: true,
        ..Request::default()
    };
    assert_eq!(request, expected);
    assert_eq!(of(&[]).1, Request::default());
}

#[test]
fn a_stronger_source_changes_the_kind_of_memory() {
    let stronger = draft(&[("SBATCH_MEM_PER_NODE", "1G")], &["--mem=2G"], &["--mem-per-cpu=500"]).expect("valid");
    assert_eq!((stronger.request.mem_per_node_mib, stronger.request.mem_per_cpu_mib), (None, Some(500)));
    assert!(matches!(draft(&[], &[], &["--mem=1", "--mem-per-gpu=1"]), Err(Bad::Fatal(_))));
    assert_eq!(of(&["--mem=0"]).1.mem_per_node_mib, Some(0));
}

#[test]
fn gpus_become_generic_resources() {
    assert_eq!(of(&["--gres=gpu:a100:2,shard:4"]).1.tres_per_node, "gres:gpu:a100:2,gres:shard:4");
    assert_eq!(of(&["-G", "4"]).1.tres_per_job, "gres:gpu:4");
    assert_eq!(of(&["--gres=shard:1", "--gpus-per-node=2"]).1.tres_per_node, "gres:shard:1,gres:gpu:2");
    assert_eq!(of(&["--gpus-per-task=v100:1"]).1.tres_per_task, "gres:gpu:v100:1");
    assert_eq!(of(&["--gres=none"]).1.tres_per_node, "");
}

#[test]
fn times_are_seconds_and_instants() {
    let (job, _) = of(&["-t", "1:30", "--time-min=1", "-b", "now+1hour", "--deadline=now+2hours"]);
    assert_eq!((job.time_limit_s, job.time_min_s), (Some(120), 60));
    assert_eq!((job.begin_ms, job.deadline_ms), (NOW_MS + 3_600_000, NOW_MS + 7_200_000));
    assert_eq!(of(&["-t", "UNLIMITED"]).0.time_limit_s, Some(u32::MAX));
    assert_eq!(of(&[]).0.time_limit_s, None);
}

#[test]
fn labels_and_rules_are_kept() {
    let (job, request) = of(&[
        "-J",
        "name",
        "--comment=c d",
        "--nice",
        "--hold",
        "--no-requeue",
        "--signal=B:USR1@30",
        "-k",
        "--mail-type=END,FAIL",
        "--exclusive",
        "-C",
        "a&b",
        "-w",
        "n[1-2]",
        "-x",
        "n3",
        "-L",
        "matlab:2",
        "--open-mode=append",
        "-o",
        "out.%j",
    ]);
    assert_eq!((job.name.as_str(), job.comment.as_str(), job.nice), ("name", "c d", 100));
    assert!(job.hold && job.no_kill && job.append);
    assert_eq!((job.requeue, job.mail_types), (Some(false), 6));
    let warn = job.warn.expect("it was asked for");
    assert_eq!((warn.signal, warn.seconds_before, warn.batch_only), (10, 30, true));
    assert_eq!((request.sharing(), request.features.as_str()), (Sharing::Exclusive, "a&b"));
    assert_eq!((request.required_nodes.as_str(), request.excluded_nodes.as_str()), ("n[1-2]", "n3"));
    assert_eq!((request.licenses.as_str(), job.std_out.as_str()), ("matlab:2", "out.%j"));
}

#[test]
fn what_is_not_built_is_refused_by_name_from_every_source() {
    assert_eq!(draft(&[], &["--switches=1"], &[]), Err(Bad::NotBuilt("switches".into())));
    assert_eq!(draft(&[("SBATCH_CONTAINER", "/c")], &[], &[]), Err(Bad::NotBuilt("container".into())));
    assert_eq!(Bad::NotBuilt("x".into()).to_string(), "--x: not supported by this version");
}

#[test]
fn gpus_are_named_as_they_were_asked_for() {
    let named = |words: &[&str]| {
        let mut out = crate::process::Variables::default();
        draft(&[], &[], words).expect("valid").name_gpus(&mut out);
        ["SLURM_GPUS", "SLURM_GPUS_PER_NODE"].map(|name| out.get(name).unwrap_or_default().to_owned())
    };
    assert_eq!(named(&["--gpus=2", "--gpus-per-node=a100:2"]), ["2", "a100:2"]);
    assert_eq!(named(&["--gres=gpu:2"]), ["", ""]);
}

#[test]
fn a_hint_is_named_in_the_jobs_environment() {
    let hinted = |line: &[&str]| draft(&[], &[], line).expect("valid values").client.hint;
    assert_eq!(hinted(&["--hint=nomultithread"]).as_deref(), Some("nomultithread"));
    assert_eq!(hinted(&[]), None);
    let here = crate::process::Here::look(&[]);
    let draft = draft(&[], &[], &["--hint=multithread"]).expect("valid values");
    let environment = draft.environment(&Variables::of(&[]), &here).expect("no file is read");
    assert_eq!(environment.get("SLURM_HINT"), Some("multithread"));
}
