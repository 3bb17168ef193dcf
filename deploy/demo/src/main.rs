//! The main job on simulated devices: a site goes dark in the middle of a rollout, the others go on.

mod programs;
mod story;

use anyhow::Context as _;
use programs::Programs;

fn main() -> anyhow::Result<()> {
    let keep = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--keep") => true,
        Some(other) => anyhow::bail!(
            "cargo demo takes no {other:?}; it takes --keep: leave everything running at the end"
        ),
    };
    let programs = Programs::build()?;
    let folder = tempfile::Builder::new().prefix("switchyard-demo-").tempdir().context("make a folder")?;
    let mut world = story::World::start(&programs, folder.path())?;
    story::tell(&mut world)?;
    if keep {
        story::keep(&mut world)?;
    }
    Ok(())
}
