//! Several controllers.
