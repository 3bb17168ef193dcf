//! The operator's program: every command, and the coordinator itself.

mod cli;
mod client;
mod collecting;
mod comparing;
mod context;
mod dial;
mod entropy;
mod exit;
mod failure;
#[cfg(test)]
mod fake;
mod files;
mod follow;
mod json;
mod render;
mod session;
mod text;
mod view;
mod watching;
mod words;

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let exit = cli::run(std::env::args_os(), session::Surroundings::of_process()).await;
    ExitCode::from(exit.code())
}
