//! What is accepted, and what is refused with which of Slurm's numbers.

use muster_proto::blob::PART_BYTES_MAX;
use muster_proto::durable::{BlobRef, JobKind, JobSpec, PutBlobChunk, command::Body};

use crate::cluster::blobs::{UNREFERENCED_BLOBS_OF_USER_MAX, UNREFERENCED_MS};
use crate::cluster::testing::*;
use crate::cluster::*;

fn error(spec: JobSpec) -> u32 {
    match Scene::up().try_submit(spec) {
        Outcome::Done(_) => 0,
        Outcome::Rejected(answer) => answer.error,
        other => panic!("{other:?}"),
    }
}

fn with(change: impl FnOnce(&mut JobSpec)) -> JobSpec {
    let mut spec = batch();
    change(&mut spec);
    spec
}

#[test]
fn refusals_have_slurms_numbers() {
    assert_eq!(error(with(|spec| spec.partitions = "nosuch".into())), 2000);
    assert_eq!(error(with(|spec| spec.partitions = "root".into())), 2003);
    assert_eq!(error(with(|spec| spec.request.as_mut().unwrap().required_nodes = "n9".into())), 2018);
    assert_eq!(error(with(|spec| spec.request.as_mut().unwrap().reservation = "nosuch".into())), 2053);
    assert_eq!(error(with(|spec| spec.nice = -100)), 2123);
    assert_eq!(error(array(0, 999_999, 0)), 2081);
    assert_eq!(error(with(|spec| spec.request.as_mut().unwrap().mem_per_node_mib = Some(999 << 10))), 2014);
    assert_eq!(error(with(|spec| spec.request.as_mut().unwrap().tres_per_node = "gres:gpu:9".into())), 2014);
    assert_eq!(error(with(|spec| spec.time_min_s = 60 * 60).clone_with_limit(60)), 2124);
    assert_eq!(
        error(with(|spec| {
            spec.partitions = "down".into();
            spec.immediate = true;
        })),
        2101
    );
    assert_eq!(error(with(|spec| spec.partitions = "down".into())), 0, "it waits");
}

#[test]
fn limits_of_memory_let_wait_refuse_or_take_more_processors() {
    let asking = |change: fn(&mut muster_proto::durable::Request)| with(|spec| change(spec.request.as_mut().unwrap()));
    let much = || asking(|request| request.mem_per_node_mib = Some(1_001));
    let mut lenient = Scene::up_with(&format!("MaxMemPerNode=1000\n{CONF}"));
    assert!(matches!(lenient.try_submit(much()), Outcome::Done(_)), "it waits: PartitionConfig");
    let mut strict = Scene::up_with(&format!("EnforcePartLimits=ALL\nMaxMemPerNode=1000\n{CONF}"));
    assert!(matches!(strict.try_submit(much()), Outcome::Rejected(answer) if answer.error == 2044));
    let mut per_cpu = Scene::up_with(&format!("MaxMemPerCPU=100\n{CONF}"));
    let uid = per_cpu.submit(asking(|request| request.mem_per_cpu_mib = Some(150)));
    let request = per_cpu.job(uid).request().clone();
    assert_eq!((request.cpus_per_task, request.mem_per_cpu_mib), (2, Some(75)));
    let beyond = asking(|request| request.mem_per_cpu_mib = Some(900));
    assert!(matches!(per_cpu.try_submit(beyond), Outcome::Rejected(answer) if answer.error == 2014));
}

trait WithLimit {
    fn clone_with_limit(self, limit_s: u32) -> JobSpec;
}

impl WithLimit for JobSpec {
    fn clone_with_limit(mut self, limit_s: u32) -> JobSpec {
        self.time_limit_s = Some(limit_s);
        self
    }
}

#[test]
fn limits_of_partitions_refuse_only_where_the_site_enforces_them() {
    let too_long = || with(|spec| spec.partitions = "short".into()).clone_with_limit(3_600);
    assert_eq!(error(too_long()), 0);
    let mut strict = Scene::up_with(&format!("EnforcePartLimits=ALL\n{CONF}"));
    assert!(matches!(strict.try_submit(too_long()), Outcome::Rejected(answer) if answer.error == 2051));
}

#[test]
fn a_job_takes_the_default_partition_and_its_time_limit() {
    let mut scene = Scene::up();
    let one = scene.submit(batch());
    assert_eq!((scene.job(one).spec().partitions.as_str(), scene.job(one).time_limit_s()), ("debug", None));
    let other = scene.submit(with(|spec| spec.partitions = "short".into()));
    assert_eq!(scene.job(other).time_limit_s(), Some(600));
}

#[test]
fn job_ids_wrap_and_skip_those_in_use() {
    let conf = format!("FirstJobId=10\nMaxJobId=12\n{CONF}");
    let mut scene = Scene::up_with(&conf);
    let label = |scene: &mut Scene| {
        let uid = scene.submit(batch());
        scene.job(uid).row.job_id
    };
    assert_eq!([label(&mut scene), label(&mut scene), label(&mut scene)], [10, 11, 12]);
    scene.cancel(ALICE, 11);
    scene.later(300_001);
    let uids = scene.cluster.purgeable(scene.now_ms, 10);
    scene.lead(Body::PurgeJobs(muster_proto::durable::PurgeJobs { uids }));
    assert_eq!(label(&mut scene), 11);
}

/// The part of `bytes` at `at`, under a name that may be theirs.
fn chunk(name: &BlobRef, at: usize, bytes: &[u8]) -> Body {
    let data = bytes[at..bytes.len().min(at + PART_BYTES_MAX)].to_vec().into();
    Body::PutBlobChunk(PutBlobChunk { hash: name.hash.clone(), size: name.size, offset: at as u64, data })
}

#[test]
fn nobody_leaves_other_bytes_under_the_name_of_somebodys_script() {
    let mut scene = Scene::up();
    let script = b"#!/bin/sh\ntrue\n".to_vec();
    let other = b"#!/bin/sh\nevil\n".to_vec();
    assert!(matches!(scene.client(BOB, chunk(&reference(&script), 0, &other)), Outcome::Rejected(_)));
    let long = |first: u8| [vec![first; PART_BYTES_MAX], b"end".to_vec()].concat();
    let name = reference(&long(b'a'));
    scene.client(BOB, chunk(&name, 0, &long(b'b')));
    assert!(matches!(scene.client(BOB, chunk(&name, PART_BYTES_MAX, &long(b'b'))), Outcome::Rejected(_)));
    assert!(!scene.cluster.has_blob(&name));
    // Its owner begins anew.
    for at in [0, PART_BYTES_MAX] {
        assert!(matches!(scene.client(ALICE, chunk(&name, at, &long(b'a'))), Outcome::Done(_)));
    }
    assert!(scene.cluster.has_blob(&name));
    assert!(matches!(scene.client(BOB, chunk(&BlobRef { size: 9, ..name }, 0, b"different")), Outcome::Rejected(_)));
}

#[test]
fn a_user_has_a_share_of_the_room_for_scripts_that_wait_for_their_jobs() {
    let mut scene = Scene::up();
    let mut send = |user: u32, number: usize| {
        let bytes = number.to_string().into_bytes();
        matches!(scene.client(user, chunk(&reference(&bytes), 0, &bytes)), Outcome::Done(_))
    };
    assert!((0..UNREFERENCED_BLOBS_OF_USER_MAX).all(|number| send(BOB, number)));
    assert!(!send(BOB, 1_000));
    assert!(send(ALICE, 1_000));
    // Nor does he who has no room left take the place of what another began.
    let long = vec![b'x'; PART_BYTES_MAX + 1];
    scene.client(ALICE, chunk(&reference(&long), 0, &long));
    assert!(matches!(scene.client(BOB, chunk(&reference(&long), 0, &long)), Outcome::Rejected(_)));
    assert!(matches!(scene.client(ALICE, chunk(&reference(&long), PART_BYTES_MAX, &long)), Outcome::Done(_)));
}

#[test]
fn no_short_script_takes_the_place_of_a_long_one_of_a_job() {
    let mut scene = Scene::up();
    let long = [vec![b'x'; PART_BYTES_MAX], b"end".to_vec()].concat();
    for at in [0, PART_BYTES_MAX] {
        scene.client(ALICE, chunk(&reference(&long), at, &long));
    }
    let mut command = submission(batch());
    command.spec.as_mut().unwrap().script = Some(reference(&long));
    command.script = Vec::new().into();
    assert!(matches!(scene.client(ALICE, Body::SubmitJob(command)), Outcome::Done(_)));
    // The chain before the last part, and the last part: what the name was made of.
    let posing = [&reference(&long[..PART_BYTES_MAX]).hash[..], b"end"].concat();
    let mut command = submission(with(|spec| spec.uid = BOB));
    command.spec.as_mut().unwrap().script = Some(BlobRef { size: posing.len() as u64, ..reference(&long) });
    command.script = posing.into();
    assert!(matches!(scene.client(BOB, Body::SubmitJob(command)), Outcome::Rejected(_)));
    assert!(scene.cluster.has_blob(&reference(&long)));
}

#[test]
fn a_script_that_is_sent_again_waits_as_long_again() {
    let mut scene = Scene::up();
    let script = b"#!/bin/sh\n".to_vec();
    for wait in [UNREFERENCED_MS - 1, 2] {
        assert!(matches!(scene.client(ALICE, chunk(&reference(&script), 0, &script)), Outcome::Done(_)));
        scene.later(wait);
    }
    scene.client(BOB, chunk(&reference(b"other"), 0, b"other"));
    assert!(scene.cluster.has_blob(&reference(&script)));
    scene.later(UNREFERENCED_MS);
    scene.client(BOB, chunk(&reference(b"another"), 0, b"another"));
    assert!(!scene.cluster.has_blob(&reference(&script)));
}

#[test]
fn a_large_script_goes_ahead_and_is_refused_while_a_part_is_missing() {
    let mut scene = Scene::up();
    let script = vec![b'x'; PART_BYTES_MAX + 10];
    let chunk = |at: usize| chunk(&reference(&script), at, &script);
    let submit = |scene: &mut Scene| {
        let mut command = submission(batch());
        command.spec.as_mut().unwrap().script = Some(reference(&script));
        command.script = Vec::new().into();
        scene.client(ALICE, Body::SubmitJob(command))
    };
    assert!(matches!(submit(&mut scene), Outcome::Rejected(answer) if answer.error == 2009));
    assert!(matches!(scene.client(ALICE, chunk(PART_BYTES_MAX)), Outcome::Rejected(_)));
    scene.client(ALICE, chunk(0));
    scene.client(ALICE, chunk(0));
    assert!(matches!(submit(&mut scene), Outcome::Rejected(_)));
    scene.client(ALICE, chunk(PART_BYTES_MAX));
    assert!(matches!(submit(&mut scene), Outcome::Done(_)));
    assert_eq!(
        scene.disk.keys().filter(|(table, _)| *table == Table::BlobBytes).count(),
        3,
        "two of it, one environment"
    );
}

#[test]
fn inline_bytes_must_be_those_that_are_named() {
    let mut scene = Scene::up();
    let mut command = submission(batch());
    command.script = "#!/bin/sh\nrm -rf /\n".into();
    assert!(matches!(scene.client(ALICE, Body::SubmitJob(command)), Outcome::Rejected(_)));
    assert_eq!(scene.cluster.job_count(), 0);
}

#[test]
fn basic_priorities_descend() {
    let mut scene = Scene::up();
    let one = scene.submit(batch());
    let other = scene.submit(batch());
    assert!(scene.job(one).row.priority > scene.job(other).row.priority);
}

#[test]
fn an_allocation_needs_no_script() {
    assert_eq!(error(salloc(1)), 0);
    let unspecified = JobSpec { kind: JobKind::Unspecified.into(), ..salloc(1) };
    assert_ne!(error(unspecified), 0);
}
