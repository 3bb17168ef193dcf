//! What the tests that see the whole system share.

pub mod openssh;
