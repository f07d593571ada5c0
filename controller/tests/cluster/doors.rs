//! What the doors keep out.
