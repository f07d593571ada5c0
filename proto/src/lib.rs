//! The two contracts of Muster, in protobuf.
//!
//! [`durable`] is what replicas keep: log commands and rows. Its bytes outlive a version, so fields are only ever added.
//! [`wire`] is what programs say to each other: clients, nodes and replicas. Version skew of one release is allowed.
//!
//! This crate decides nothing. The pure crates take the messages; with the feature `service` come the gRPC stubs.

pub mod blob;
pub mod golden;

/// What is stored: commands in log entries, and the rows that they change.
pub mod durable {
    #![allow(missing_docs, clippy::all, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/muster.durable.rs"));
}

/// What is said: requests and replies, node sessions, replica frames.
pub mod wire {
    #![allow(missing_docs, clippy::all, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/muster.wire.rs"));
}
