//! Rules about the text of this repository.
#![expect(clippy::disallowed_methods, reason = "it reads the repository")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Longest source file, in lines.
const LINES_MAX: usize = 500;
/// What may stand at the top level.
const TOP: [&str; 11] = [
    "Cargo.toml",
    "Cargo.lock",
    "proto",
    "coordinator",
    "agent",
    "shared",
    "deploy",
    "tests",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
];
/// A library of others with a patch on it: no text of ours.
const COPY: &str = "agent/vendor/russh";
/// The release that the copy is of, and the registry's checksum of it.
const RUSSH: (&str, &str) = ("0.65.1", "94be3d86c71b9ed220a675c405e35c7a02565a009bf8da2e9cc13a700320a5c5");
/// What a lock file calls the registry.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Crates that `shared` must never depend on, directly or not.
const NOT_IN_SHARED: [&str; 8] =
    ["tokio", "tonic", "prost", "rustls", "russh", "rusqlite", "getrandom", "rand"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output =
        Command::new(program).args(arguments).current_dir(root()).output().expect("the program runs");
    let said = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

fn files(ending: &str) -> Vec<String> {
    let listed = run("git", &["ls-files", "--cached", "--others", "--exclude-standard"]);
    let ours = |file: &&str| !Path::new(file).starts_with(COPY) && root().join(file).is_file();
    listed.lines().filter(|file| file.ends_with(ending)).filter(ours).map(str::to_owned).collect()
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n  {}", found.join("\n  "));
}

#[test]
fn every_source_file_says_its_job_first() {
    let silent = files(".rs").into_iter().filter(|file| !read(file).starts_with("//! "));
    assert_none("files that do not open with a line `//! …`", silent.collect());
}

#[test]
fn no_source_file_is_too_long() {
    let long = files(".rs").into_iter().filter(|file| read(file).lines().count() > LINES_MAX);
    assert_none("files over 500 lines", long.collect());
}

#[test]
fn modules_are_named_after_themselves() {
    assert_none("mod.rs files", files("mod.rs"));
}

#[test]
fn the_top_level_stays_small() {
    let mut strange: Vec<String> = files("")
        .iter()
        .filter_map(|file| file.split('/').next())
        .filter(|name| !name.starts_with('.') && !TOP.contains(name))
        .map(str::to_owned)
        .collect();
    strange.dedup();
    assert_none("entries at the top level that do not belong there", strange);
}

#[test]
fn the_lints_reach_every_crate() {
    let unlinted = files("Cargo.toml").into_iter().filter(|file| {
        let text = read(file);
        text.contains("[package]") && !text.contains("[lints]\nworkspace = true")
    });
    assert_none("crates without `[lints] workspace = true`", unlinted.collect());
}

#[test]
fn every_dependency_says_why() {
    let text = read("Cargo.toml");
    let section = text.split("[workspace.dependencies]").nth(1).expect("a section");
    let section = section.split("\n[").next().expect("a section");
    let mute = section
        .lines()
        .filter(|line| line.contains('=') && !line.contains("path = ") && !line.contains(" # "));
    assert_none("dependencies without a reason", mute.map(str::to_owned).collect());
}

#[test]
fn shared_depends_on_no_runtime_no_wire_and_no_chance() {
    let tree = run(
        "cargo",
        &["tree", "--offline", "--locked", "-p", "switchyard-shared", "-e", "normal", "--prefix", "none"],
    );
    let banned =
        tree.lines().filter(|line| NOT_IN_SHARED.contains(&line.split(' ').next().unwrap_or_default()));
    assert_none("crates that shared must not know", banned.map(str::to_owned).collect());
}

#[test]
fn agent_and_coordinator_do_not_know_each_other() {
    for (one, other) in [("agent", "switchyard-coordinator"), ("coordinator", "switchyard-agent")] {
        assert!(!read(&format!("{one}/Cargo.toml")).contains(other), "{one} depends on {other}");
    }
}

#[test]
fn one_crypto_provider() {
    let tree =
        run("cargo", &["tree", "--offline", "--locked", "--workspace", "-e", "normal", "--prefix", "none"]);
    let second = tree
        .lines()
        .filter(|line| ["ring ", "openssl-sys ", "native-tls "].iter().any(|name| line.starts_with(name)));
    assert_none("a second provider of cryptography", second.map(str::to_owned).collect());
}

#[test]
#[ignore = "needs the registry of crates: use tests/run"]
fn the_copy_of_the_ssh_library_is_the_released_one_with_its_patch_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let released = released(folder.path());
    let copy = folder.path().join("copy").display().to_string();
    std::fs::create_dir(&copy).expect("a folder");
    run("cp", &["-r", &format!("{released}/src"), &format!("{released}/Cargo.toml"), &copy]);
    let patch = root().join("agent/vendor/russh.patch").canonicalize().expect("the patch");
    run("git", &["-C", &copy, "init", "--quiet"]);
    run("git", &["-C", &copy, "apply", &patch.display().to_string()]);
    run("diff", &["-r", "--exclude=.git", &copy, COPY]);
}

/// The folder of the released library, fetched from the registry: cargo refuses another checksum.
fn released(folder: &Path) -> String {
    let (version, checksum) = RUSSH;
    let ours = format!("name = \"russh\"\nversion = \"{version}\"\n");
    let theirs = format!("{ours}source = \"{REGISTRY}\"\nchecksum = \"{checksum}\"\n");
    let lock = read("Cargo.lock");
    assert!(lock.contains(&format!("{ours}dependencies")), "the copy is not what is built: see Cargo.lock");
    std::fs::write(folder.join("Cargo.lock"), lock.replace(&ours, &theirs)).expect("a file");
    let needs = format!("russh = {{ version = \"={version}\", default-features = false }}");
    let package = "[workspace]\n[package]\nname = \"released\"\n[lib]\npath = \"lib.rs\"\n[dependencies]\n";
    std::fs::write(folder.join("Cargo.toml"), format!("{package}{needs}\n")).expect("a file");
    std::fs::write(folder.join("lib.rs"), "").expect("a file");
    let path = folder.join("Cargo.toml").display().to_string();
    let told = run("cargo", &["metadata", "--quiet", "--format-version", "1", "--manifest-path", &path]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let mut packages = told["packages"].as_array().expect("packages").iter();
    let russh = packages.find(|package| package["name"] == "russh").expect("russh");
    russh["manifest_path"]
        .as_str()
        .and_then(|path| path.strip_suffix("/Cargo.toml"))
        .expect("a folder")
        .to_owned()
}

#[test]
fn ignored_tests_say_what_they_need() {
    let bare = format!("#[{}]", "ignore");
    let mute = files(".rs").into_iter().filter(|file| read(file).contains(&bare));
    assert_none("files with an ignored test that does not say why", mute.collect());
}

#[test]
fn nothing_is_left_undone() {
    let marks = [["to", "do!("].concat(), ["unimple", "mented!("].concat(), ["FIX", "ME"].concat()];
    let undone = files(".rs").into_iter().filter(|file| marks.iter().any(|mark| read(file).contains(mark)));
    assert_none("files with something left undone", undone.collect());
}
