//! The executor against simulated devices, whose ledgers are the witnesses.

mod before_the_write;
mod bench;
mod collecting;
mod crowd;
mod gate;
mod hop;
mod jump;
mod own_trouble;
mod questions;
mod reading;
mod the_write;

pub(super) use bench::task;
