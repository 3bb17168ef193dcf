//! Throws bytes at what reads devices and people's files: seeded mutations of a corpus, for so many seconds.
#![expect(clippy::disallowed_methods, reason = "it reads its corpus and keeps what it finds")]

mod mutate;

use clap::Parser;
use mutate::Mutator;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use switchyard_agent::clock::SystemClock;
use switchyard_agent::fuzz;

/// One input may take so long; a longer one is a find.
const SLOW: Duration = Duration::from_secs(5);

/// An input that takes longer has no end: it is kept, and the program ends.
const ENDLESS: Duration = Duration::from_secs(60);

/// Fuzzes what reads devices and files.
#[derive(Parser)]
struct Options {
    /// One of them alone: cli, netconf, platform.
    #[arg(long)]
    only: Option<String>,
    /// How long each of them.
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// What the mutations follow from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// A name, and what takes the bytes.
type Target = (&'static str, fn(&[u8]) -> usize);

const TARGETS: [Target; 3] = [("cli", fuzz::cli), ("netconf", fuzz::netconf), ("platform", fuzz::platform)];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let mut finds = 0;
    for target in
        TARGETS.into_iter().filter(|(name, _)| options.only.as_deref().is_none_or(|only| only == *name))
    {
        finds += run(target, &folder, &options)?;
    }
    anyhow::ensure!(
        finds == 0,
        "{finds} inputs were not taken as they should: see {}",
        folder.join("finds").display()
    );
    Ok(())
}

/// Runs one of them; gives the number of its finds.
fn run((name, target): Target, folder: &Path, options: &Options) -> anyhow::Result<usize> {
    let corpus = corpus(&folder.join("corpus").join(name))?;
    let mut mutator = Mutator::new(options.seed, corpus.clone());
    let clock = SystemClock::shared();
    let end = clock.now().plus(Duration::from_secs(options.seconds));
    let (mut executions, mut found, mut deepest) = (0_u64, 0, 0);
    let mut seeds = corpus.into_iter();
    let begun = watch(name, folder.join("finds"));
    loop {
        let started = clock.now();
        if started >= end {
            break;
        }
        let input = seeds.next().unwrap_or_else(|| mutator.next());
        executions += 1;
        begun.send(input.clone())?;
        let result = catch_unwind(|| target(&input));
        match result {
            Ok(reached) if clock.now().since(started) < SLOW => {
                // What is read further than anything before is worth a mutation of its own.
                if reached > deepest {
                    deepest = reached;
                    mutator.keep(input);
                }
            }
            Ok(_) | Err(_) => {
                found += 1;
                keep(&folder.join("finds"), name, &input)?;
            }
        }
    }
    println!("{name}: {executions} inputs in {} s, {found} finds", options.seconds);
    Ok(found)
}

/// Is told each input before it is taken; keeps one that is not taken at all, and ends the program.
fn watch(name: &'static str, finds: PathBuf) -> SyncSender<Vec<u8>> {
    let (begun, inputs) = sync_channel(1);
    std::thread::spawn(move || {
        let mut input: Vec<u8> = Vec::new();
        loop {
            match inputs.recv_timeout(ENDLESS) {
                Ok(next) => input = next,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        eprintln!("{name}: an input is not taken within {} s", ENDLESS.as_secs());
        if let Err(error) = keep(&finds, name, &input) {
            eprintln!("{name}: failed to keep it: {error:#}");
        }
        std::process::exit(1);
    });
    begun
}

fn corpus(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    files.sort();
    files.iter().map(|file| Ok(std::fs::read(file)?)).collect()
}

fn keep(folder: &Path, name: &str, input: &[u8]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let digest = switchyard_shared::digest::of_bytes(input);
    let file = folder.join(format!("{name}-{}", &digest["sha256:".len()..][..12]));
    std::fs::write(&file, input)?;
    eprintln!("{name}: kept as {}", file.display());
    Ok(())
}
