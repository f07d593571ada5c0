//! One round with the agents of one level: each is told to switch the node off, then each is asked whether it is.

use std::time::Duration;

use muster_dialect::conf::FenceDevice;
use muster_proto::durable::FenceRow;
use tokio::time::Instant;

use super::Term;
use crate::fence_agent::{FenceAction, FenceCall, FenceSaid};

/// A machine takes a moment to go off: asked again after so long, until the device's time is up.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// What came of it.
pub(super) struct Struck {
    /// Every device says that the node is off.
    pub(super) off: bool,
    /// For operators.
    pub(super) word: String,
}

/// Ends by `until`, whatever the agents do.
pub(super) async fn strike(term: &Term, row: &FenceRow, until: Instant) -> Struck {
    let devices = devices(term, row);
    let mut words = Vec::new();
    for device in &devices {
        // Asked all the same: an order whose answer was lost may have been carried out.
        if let Err(why) = ask(term, row, device, FenceAction::Off, until).await {
            words.push(why);
        }
    }
    let mut off = !devices.is_empty();
    for device in &devices {
        match state(term, row, device, until).await {
            Ok(FenceSaid::IsOff) => words.push(format!("{}: off", device.agent)),
            Ok(FenceSaid::IsOn | FenceSaid::Acknowledged) => {
                off = false;
                words.push(format!("{}: still on", device.agent));
            }
            Err(why) => {
                off = false;
                words.push(why);
            }
        }
    }
    Struck { off, word: words.join("; ") }
}

/// Tells every device of the level that confirmed to switch the node on. For operators, what they said.
pub(super) async fn power_on(term: &Term, row: &FenceRow) -> String {
    let mut words = Vec::new();
    for device in devices(term, row) {
        let until = Instant::now() + Duration::from_secs(u64::from(device.timeout_s));
        match ask(term, row, &device, FenceAction::On, until).await {
            Ok(_) => words.push(format!("{}: told to switch on", device.agent)),
            Err(why) => words.push(why),
        }
    }
    words.join("; ")
}

fn devices(term: &Term, row: &FenceRow) -> Vec<FenceDevice> {
    let config = term.member.config();
    let conf = config.iter().map(|config| &config.conf.fence);
    conf.flat_map(|conf| conf.devices_of(&row.node_name, row.level)).cloned().collect()
}

/// Asks until it says off, for the device's time at most.
async fn state(term: &Term, row: &FenceRow, device: &FenceDevice, until: Instant) -> Result<FenceSaid, String> {
    let until = until.min(Instant::now() + Duration::from_secs(u64::from(device.timeout_s)));
    loop {
        let said = ask(term, row, device, FenceAction::Status, until).await;
        if said == Ok(FenceSaid::IsOff) || Instant::now() + ASK_AGAIN >= until {
            return said;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

async fn ask(
    term: &Term,
    row: &FenceRow,
    device: &FenceDevice,
    action: FenceAction,
    until: Instant,
) -> Result<FenceSaid, String> {
    let left = until.saturating_duration_since(Instant::now());
    let limit = left.min(Duration::from_secs(u64::from(device.timeout_s)));
    if limit.is_zero() {
        return Err(format!("{} {}: no time was left", device.agent, action.word()));
    }
    let call = FenceCall { node: row.node_name.clone(), device: device.clone(), action };
    term.seat.settings.fence_agents.call(&call, limit).await
}
