//! Trackable resources (`cpu=1,mem=100M,node=1,billing=1,gres/gpu=2`) and generic ones (`gpu:a100:2`).

mod gres;
mod list;

pub use gres::{GRES_ITEMS_MAX, GresError, GresRequest, NodeGres};
pub use list::{TRES_ITEMS_MAX, TresError, TresList, TresName};
