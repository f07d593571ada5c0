//! Named stories about fencing, each with its faults; and how far the fence of a run has come.

use super::bmc::Manner;
use super::faults::{Fault, What};
use super::site::Shape;

/// The node that every story is about, by its place.
const NODE: usize = 0;

/// What happens in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// Faults of the seed.
    #[default]
    Storm,
    /// A node is lost; whoever leads dies as soon as its fence has come so far.
    LeaderDies(Step),
    /// A node is lost whose BMC has this manner.
    Device(Manner),
    /// The leader is cut off while its slow device works: the strike falls on a node that has booted anew.
    LateStrike,
    /// Nodes come back just when they are given up.
    NodeReturns,
    /// The controllers lose every node at once.
    NetworkFault,
}

/// How far a fence has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// It is asked for.
    Requested,
    /// An agent was told to switch off.
    Called,
    /// The node is off.
    Struck,
    /// An agent was asked for the state.
    Asked,
    /// It is known to be off.
    Confirmed,
}

impl Scenario {
    /// All, by name.
    pub const ALL: [(&'static str, Scenario); 12] = [
        ("leader-dies-requested", Scenario::LeaderDies(Step::Requested)),
        ("leader-dies-called", Scenario::LeaderDies(Step::Called)),
        ("leader-dies-struck", Scenario::LeaderDies(Step::Struck)),
        ("leader-dies-asked", Scenario::LeaderDies(Step::Asked)),
        ("leader-dies-confirmed", Scenario::LeaderDies(Step::Confirmed)),
        ("slow-device", Scenario::Device(Manner::Slow(3_500))),
        ("dead-device", Scenario::Device(Manner::Dead)),
        ("lying-device", Scenario::Device(Manner::Lying)),
        ("doubled-device", Scenario::Device(Manner::Doubled(2_500))),
        ("late-strike", Scenario::LateStrike),
        ("node-returns", Scenario::NodeReturns),
        ("network-fault", Scenario::NetworkFault),
    ];

    /// Of its name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, scenario)| *scenario)
    }

    /// `MaxFences` of its site.
    pub(crate) fn max_fences(self) -> u32 {
        if self == Scenario::NetworkFault { 1 } else { 3 }
    }

    /// The manner of every BMC, where the story says.
    pub(crate) fn manner(self) -> Option<Manner> {
        match self {
            Scenario::Storm => None,
            Scenario::Device(manner) => Some(manner),
            Scenario::LateStrike => Some(Manner::Slow(3_500)),
            Scenario::LeaderDies(_) | Scenario::NodeReturns | Scenario::NetworkFault => Some(Manner::Well),
        }
    }

    /// Its faults, in the order of their beginning; `None`: those of the seed.
    pub(crate) fn faults(self, shape: &Shape) -> Option<Vec<Fault>> {
        let fault = |at_ms, for_ms, what| Fault { at_ms, for_ms, what };
        let faults = match self {
            Scenario::Storm => return None,
            Scenario::LeaderDies(_) | Scenario::Device(_) | Scenario::LateStrike => {
                vec![fault(1_500, 12_000, What::CutNode(NODE))]
            }
            Scenario::NodeReturns => (0..6)
                .map(|turn| {
                    let what = if turn % 2 == 0 { What::RebootNode(NODE) } else { What::MuteNode(NODE) };
                    fault(1_000 + turn * 2_500, 1_850 + turn * 60, what)
                })
                .collect(),
            Scenario::NetworkFault => (0..shape.nodes).map(|node| fault(1_500, 8_000, What::CutNode(node))).collect(),
        };
        Some(faults)
    }

    /// When the fence has come so far, once: these faults begin.
    pub(crate) fn at_step(self) -> Option<(Step, Vec<Fault>)> {
        let fault = |for_ms, what| Fault { at_ms: 0, for_ms, what };
        match self {
            Scenario::LeaderDies(step) => Some((step, vec![fault(700, What::CrashLeader)])),
            Scenario::LateStrike => {
                let faults = vec![fault(3_000, What::IsolateLeader), fault(300, What::RebootNode(NODE))];
                Some((Step::Called, faults))
            }
            Scenario::Storm | Scenario::Device(_) | Scenario::NodeReturns | Scenario::NetworkFault => None,
        }
    }
}
