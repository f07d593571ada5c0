//! P2: exactly once.

use muster_proto::durable::{Channel, Command, command::Body};

use crate::cluster::testing::*;
use crate::cluster::*;

fn submit_with(scene: &mut Scene, key: muster_proto::durable::RequestKey) -> Outcome {
    let body = Some(Body::SubmitJob(submission(batch())));
    scene.apply(Command { origin: Some(origin(ALICE, Channel::Client)), request: Some(key), body })
}

#[test]
fn a_repeated_submit_answers_the_first_job_id_and_makes_no_second_job() {
    let mut scene = Scene::up();
    let key = scene.key(1, "a");
    let first = submit_with(&mut scene, key.clone());
    scene.later(5_000);
    let again = submit_with(&mut scene, key);
    match (first, again) {
        (Outcome::Done(first), Outcome::Repeated(again)) => assert_eq!(first, again),
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.cluster.job_count(), 1);
}

#[test]
fn a_refusal_is_repeated_too() {
    let mut scene = Scene::up();
    let mut spec = batch();
    spec.partitions = "nosuch".to_owned();
    let key = scene.key(1, "a");
    let command = Command {
        origin: Some(origin(ALICE, Channel::Client)),
        request: Some(key),
        body: Some(Body::SubmitJob(submission(spec))),
    };
    assert!(matches!(scene.apply(command.clone()), Outcome::Rejected(answer) if answer.error == 2000));
    assert!(matches!(scene.apply(command), Outcome::Repeated(answer) if answer.error == 2000));
}

#[test]
fn the_same_id_with_other_content_is_refused() {
    let mut scene = Scene::up();
    let (one, other) = (scene.key(1, "a"), scene.key(1, "b"));
    submit_with(&mut scene, one);
    assert_eq!(submit_with(&mut scene, other), Outcome::RequestMismatch);
    assert_eq!(scene.cluster.job_count(), 1);
}

#[test]
fn outside_of_its_validity_a_request_is_never_carried_out() {
    let mut scene = Scene::up();
    let mut late = scene.key(1, "a");
    late.valid_until_ms = scene.now_ms - 1;
    assert_eq!(submit_with(&mut scene, late), Outcome::Expired);
    let mut far = scene.key(2, "a");
    far.valid_until_ms = scene.now_ms + VALIDITY_MS_MAX + 1;
    assert_eq!(submit_with(&mut scene, far), Outcome::Expired);
    assert_eq!(scene.cluster.job_count(), 0);
}

#[test]
fn a_request_is_forgotten_only_when_it_could_no_longer_be_carried_out() {
    let mut scene = Scene::up();
    let key = scene.key(1, "a");
    submit_with(&mut scene, key.clone());
    scene.later(60_000);
    scene.lead(Body::PurgeRequests(muster_proto::durable::PurgeRequests { max_rows: 100 }));
    assert_eq!(scene.cluster.remembered_requests(), 1);
    assert!(matches!(submit_with(&mut scene, key.clone()), Outcome::Repeated(_)));
    scene.later(RETENTION_MS + 1);
    scene.lead(Body::PurgeRequests(muster_proto::durable::PurgeRequests { max_rows: 100 }));
    assert_eq!(scene.cluster.remembered_requests(), 0);
    assert_eq!(submit_with(&mut scene, key), Outcome::Expired);
}

#[test]
fn two_users_may_mint_the_same_id() {
    let mut scene = Scene::up();
    let key = scene.key(1, "a");
    submit_with(&mut scene, key.clone());
    let mut spec = batch();
    spec.uid = BOB;
    let body = Some(Body::SubmitJob(submission(spec)));
    let outcome = scene.apply(Command { origin: Some(origin(BOB, Channel::Client)), request: Some(key), body });
    assert!(matches!(outcome, Outcome::Done(_)));
}
