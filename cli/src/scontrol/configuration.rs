//! `scontrol reconfigure`.

use muster_proto::wire::{Reconfigure, request};

use super::{Control, change};
use crate::site::block_on;

/// The leader reads its file and makes it the cluster's configuration, everywhere at once.
pub(super) fn reconfigure(control: &Control) -> u8 {
    let reach = match control.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    match block_on(change(&reach, request::Body::Reconfigure(Reconfigure::default()))) {
        Ok(_) => 0,
        Err(refusal) => {
            refusal.before.iter().for_each(|line| control.voice.bare(line));
            control.fail(&format!("slurm_reconfigure error: {}", refusal.text))
        }
    }
}
