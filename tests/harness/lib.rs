//! What the tests that see the whole system share.

pub mod checkers;
pub mod frr;
pub mod measured;
pub mod netconfd;
pub mod openbao;
pub mod openssh;
pub mod place;
pub mod programs;
pub mod rehearsal;
pub mod tmpfs;
pub mod wait;
pub mod world;
