//! The node's machine.
