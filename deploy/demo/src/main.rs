//! The main job on simulated devices: a site goes dark in the middle of a rollout, the others go on.

mod programs;
mod story;

use anyhow::Context as _;
use programs::Programs;
use std::process::ExitCode;

const USAGE: &str = "\
A hundred simulated devices at three sites; one site goes dark in the middle of a rollout.

Usage: cargo demo [-- OPTIONS]

Options:
      --keep  Leave everything running at the end, to look around
  -h, --help  Print this
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
enum Wish {
    Help,
    Tell { keep: bool },
}

fn main() -> ExitCode {
    let told = match wish(std::env::args().skip(1)) {
        Ok(Wish::Help) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Ok(Wish::Tell { keep }) => tell(keep),
        Err(unknown) => {
            eprintln!("error: cargo demo does not know {unknown}\nhint: cargo demo -- --help");
            return ExitCode::from(64);
        }
    };
    match told {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", complaint(&error));
            ExitCode::FAILURE
        }
    }
}

fn wish(args: impl Iterator<Item = String>) -> Result<Wish, String> {
    let mut keep = false;
    for arg in args {
        match arg.as_str() {
            "-h" | "--help" | "help" => return Ok(Wish::Help),
            "--" => {}
            "--keep" => keep = true,
            _ => return Err(format!("{arg:?}")),
        }
    }
    Ok(Wish::Tell { keep })
}

/// The error and its causes, one line each; never a backtrace.
fn complaint(error: &anyhow::Error) -> String {
    let mut chain = error.chain();
    let first = chain.next().map(|error| format!("error: {error}"));
    first.into_iter().chain(chain.map(|cause| format!("cause: {cause}"))).collect::<Vec<_>>().join("\n")
}

fn tell(keep: bool) -> anyhow::Result<()> {
    let programs = Programs::build()?;
    let folder = tempfile::Builder::new().prefix("switchyard-demo-").tempdir().context("make a folder")?;
    let mut world = story::World::start(&programs, folder.path())?;
    story::tell(&mut world)?;
    if keep {
        story::keep(&mut world)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(args: &[&str]) -> Result<Wish, String> {
        wish(args.iter().map(|&arg| arg.to_owned()))
    }

    #[test]
    fn help_is_help_and_what_is_unknown_is_named() {
        assert_eq!(of(&[]), Ok(Wish::Tell { keep: false }));
        assert_eq!(of(&["--keep"]), Ok(Wish::Tell { keep: true }));
        assert_eq!(of(&["--keep", "--help"]), Ok(Wish::Help));
        assert_eq!(of(&["--", "--keep"]), Ok(Wish::Tell { keep: true }), "cargo hands the dashes on");
        assert_eq!(of(&["--fast"]), Err("\"--fast\"".to_owned()));
    }

    #[test]
    fn an_error_is_a_line_for_each_cause_and_no_backtrace() {
        let error = anyhow::anyhow!("permission denied").context("make a folder");
        assert_eq!(complaint(&error), "error: make a folder\ncause: permission denied");
    }
}
