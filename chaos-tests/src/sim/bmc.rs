//! Simulated devices that switch nodes off and on: what stands behind `fence_agents` in the simulation.
//!
//! A device works by itself: an order that it took is carried out although whoever gave it is no more. The run takes the
//! orders that are due, since only it can crash and start hosts. The first level (`bmc`) has manners; the second (`pdu`) works.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use muster_channel::{BoxFuture, Random};
use muster_controller::{FenceAction, FenceAgents, FenceCall, FenceSaid};
use tokio::time::{sleep, timeout};

use super::chance::Dice;
use super::clock::now_ms;
use super::trace::Trace;

/// Longest answer of a device in health, virtual ms.
const ANSWER_MS_MAX: u64 = 40;

/// How a device serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Manner {
    /// At once.
    #[default]
    Well,
    /// Carries an order out so many ms late.
    Slow(u64),
    /// Answers nothing and does nothing.
    Dead,
    /// Acknowledges, and does nothing.
    Lying,
    /// Carries an order out at once, and once more so many ms later.
    Doubled(u64),
}

impl Manner {
    /// One of them.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        match dice.between(0, 8) {
            0 => Manner::Slow(dice.between(200, 3_900)),
            1 => Manner::Dead,
            2 => Manner::Lying,
            3 => Manner::Doubled(dice.between(200, 3_500)),
            _ => Manner::Well,
        }
    }
}

/// One order that a device took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Of this node.
    pub(crate) node: String,
    /// On, or off.
    pub(crate) on: bool,
}

/// Every device. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Bmcs(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    manners: BTreeMap<String, Manner>,
    off: BTreeSet<String>,
    orders: BTreeMap<(u64, u64), Order>,
    serial: u64,
    /// First off that was asked for, and first state.
    called: bool,
    asked: bool,
}

impl Bmcs {
    /// With the manner of each node's BMC.
    pub(crate) fn new(manners: BTreeMap<String, Manner>) -> Self {
        Self(Arc::new(Mutex::new(Inner { manners, ..Inner::default() })))
    }

    /// What `controller` calls.
    pub(crate) fn agents(&self, controller: &str, trace: &Trace, random: Random) -> SimAgents {
        SimAgents { bmcs: self.clone(), controller: controller.to_owned(), trace: trace.clone(), random }
    }

    /// To be carried out at `at_ms`.
    pub(crate) fn order(&self, node: &str, at_ms: u64, on: bool) {
        let mut inner = self.inner();
        inner.serial += 1;
        let key = (at_ms, inner.serial);
        inner.orders.insert(key, Order { node: node.to_owned(), on });
    }

    /// The orders that are due at `now_ms`, in their order; they are the caller's now.
    pub(crate) fn due(&self, now_ms: u64) -> Vec<Order> {
        let mut inner = self.inner();
        let later = inner.orders.split_off(&(now_ms + 1, 0));
        std::mem::replace(&mut inner.orders, later).into_values().collect()
    }

    /// The state of a node's power, after an order was carried out.
    pub(crate) fn set_off(&self, node: &str, off: bool) {
        let mut inner = self.inner();
        if off {
            inner.off.insert(node.to_owned())
        } else {
            inner.off.remove(node)
        };
    }

    /// Whether it has no power.
    pub(crate) fn is_off(&self, node: &str) -> bool {
        self.inner().off.contains(node)
    }

    /// Whether every node has power, and no order waits.
    pub(crate) fn is_at_rest(&self) -> bool {
        let inner = self.inner();
        inner.off.is_empty() && inner.orders.is_empty()
    }

    /// Every device works.
    pub(crate) fn heal(&self) {
        self.inner().manners.clear();
    }

    /// Whether any device was told to switch off.
    pub(crate) fn was_called(&self) -> bool {
        self.inner().called
    }

    /// Whether any device was asked for the state.
    pub(crate) fn was_asked(&self) -> bool {
        self.inner().asked
    }

    fn manner(&self, call: &FenceCall) -> Manner {
        let manners = &self.inner().manners;
        let first = call.device.level == 1;
        manners.get(&call.node).copied().filter(|_| first).unwrap_or_default()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

/// One controller's agents.
pub(crate) struct SimAgents {
    bmcs: Bmcs,
    controller: String,
    trace: Trace,
    random: Random,
}

impl FenceAgents for SimAgents {
    fn call(&self, call: &FenceCall, limit: Duration) -> BoxFuture<'_, Result<FenceSaid, String>> {
        let call = call.clone();
        Box::pin(async move {
            let what =
                format!("{} tells level {} of {}: {:?}", self.controller, call.device.level, call.node, call.action);
            let said = timeout(limit, self.serve(&call)).await.unwrap_or_else(|_| Err("no answer".to_owned()));
            self.trace.event(&format!("{what}: {said:?}"));
            said
        })
    }
}

impl SimAgents {
    async fn serve(&self, call: &FenceCall) -> Result<FenceSaid, String> {
        let manner = self.bmcs.manner(call);
        if call.action == FenceAction::Off {
            self.bmcs.inner().called = true;
        }
        sleep(Duration::from_millis(1 + self.random.below(ANSWER_MS_MAX))).await;
        match (call.action, manner) {
            (_, Manner::Dead) => std::future::pending().await,
            (FenceAction::Status, _) => {
                self.bmcs.inner().asked = true;
                Ok(if self.bmcs.is_off(&call.node) { FenceSaid::IsOff } else { FenceSaid::IsOn })
            }
            (_, Manner::Lying) => Ok(FenceSaid::Acknowledged),
            (FenceAction::On, _) => {
                self.bmcs.order(&call.node, now_ms(), true);
                Ok(FenceSaid::Acknowledged)
            }
            (FenceAction::Off, manner) => {
                self.switch_off(&call.node, manner).await;
                Ok(FenceSaid::Acknowledged)
            }
        }
    }

    async fn switch_off(&self, node: &str, manner: Manner) {
        let late_ms = if let Manner::Slow(ms) = manner { ms } else { 0 };
        self.bmcs.order(node, now_ms() + late_ms, false);
        if let Manner::Doubled(ms) = manner {
            self.bmcs.order(node, now_ms() + ms, false);
        }
        while !self.bmcs.is_off(node) {
            sleep(Duration::from_millis(2)).await;
        }
    }
}
