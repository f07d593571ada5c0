//! Feature levels: what a version carries out, and what a cluster has in force.

/// The newest feature level that this version carries out.
pub const FEATURE_LEVEL_MAX: u32 = 2;
/// From which on time may count as proof, and nodes say which lease they keep.
pub const PROOF_LEVEL: u32 = 2;
