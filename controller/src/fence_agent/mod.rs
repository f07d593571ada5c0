//! The seam to whatever switches nodes off: fence agents.
//!
//! Production starts a site's agents ([`ProcessAgents`]); the simulation has simulated BMCs. An agent is believed in one
//! respect only: what it says when it is asked for the state. That it took an order proves nothing.

mod process;

use std::time::Duration;

use muster_channel::BoxFuture;
use muster_dialect::conf::FenceDevice;

pub use process::ProcessAgents;

/// What an agent is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceAction {
    /// Switch the node off.
    Off,
    /// Switch it on.
    On,
    /// Say whether it is on.
    Status,
}

impl FenceAction {
    /// The word of the agents' interface.
    pub fn word(self) -> &'static str {
        match self {
            FenceAction::Off => "off",
            FenceAction::On => "on",
            FenceAction::Status => "status",
        }
    }
}

/// What an agent said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceSaid {
    /// It took the order.
    Acknowledged,
    /// Asked for the state: the node is on.
    IsOn,
    /// Asked for the state: the node is off.
    IsOff,
}

/// One call of one agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenceCall {
    /// The node's name.
    pub node: String,
    /// Its line of fence.conf.
    pub device: FenceDevice,
    /// What is asked.
    pub action: FenceAction,
}

impl FenceCall {
    /// The device's parameters for this node.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let parameters = self.device.parameters.iter();
        parameters.map(|(name, value)| (name.clone(), value.replace("%n", &self.node))).collect()
    }
}

/// Calls agents.
pub trait FenceAgents: Send + Sync + 'static {
    /// Ends within `limit`, whatever the agent does. When the future is dropped, the agent is ended.
    ///
    /// The error is for operators; it never holds a secret.
    fn call(&self, call: &FenceCall, limit: Duration) -> BoxFuture<'_, Result<FenceSaid, String>>;
}

/// Has no agents: for tests of other things.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAgents;

impl FenceAgents for NoAgents {
    fn call(&self, call: &FenceCall, _: Duration) -> BoxFuture<'_, Result<FenceSaid, String>> {
        let why = format!("{}: no agents here", call.device.agent);
        Box::pin(async { Err(why) })
    }
}
