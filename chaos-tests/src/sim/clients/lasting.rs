//! A job that runs from before the first fault of a story until long after its last: what is fenced has work.

use muster_proto::wire::Submit as Asked;

use super::submitter::submit;
use super::{patient, wishes};
use crate::sim::machine::Work;
use crate::sim::script;
use crate::sim::site::FIRST_UID;
use crate::sim::world::World;

/// Longer than any story's slowest device works, ms.
const RUN_MS: u64 = 14_000;
const NAME: &str = "lasting";

/// In a story that asks for it. One core of the first node, since it comes before everybody else.
pub(super) async fn run(world: World) {
    let client = patient(&world, FIRST_UID, NAME);
    let spec = wishes::waiting(NAME.to_owned(), FIRST_UID, 0);
    let text = script::text(Work { run_ms: RUN_MS, status: 0, stubborn: false });
    let asked = Asked { spec: Some(spec), script: text.into(), environment: "A=b\0".into(), test_only: false };
    submit(&world, &client, NAME, asked).await;
}
