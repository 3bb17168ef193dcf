//! The order in which contexts are found, and what is said when there is none.

use super::*;

#[expect(clippy::disallowed_methods, reason = "a test writes its own files")]
fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

fn context_text(server: &str) -> String {
    format!("server = \"{server}\"\nca = \"ca.pem\"\ncert = \"cert.pem\"\nkey = \"key.pem\"\n")
}

fn wish(dir: &tempfile::TempDir) -> Wish {
    Wish { cwd: dir.path().join("work"), config_home: Some(dir.path().join("config")), ..Wish::default() }
}

#[test]
fn flag_wins_over_environment_over_project_over_user() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut wish = wish(&dir);
    for name in ["flag", "env", "project", "default"] {
        write(&user_file(&dir.path().join("config"), name), &context_text(&format!("https://{name}:1")));
    }
    assert_eq!(resolve(&wish).expect("the default").server, "https://default:1");
    write(&wish.cwd.join(".switchyard.toml"), "context = \"project\"");
    assert_eq!(resolve(&wish).expect("the project's").server, "https://project:1");
    wish.context_env = Some("env".into());
    assert_eq!(resolve(&wish).expect("the environment's").server, "https://env:1");
    wish.context_flag = Some("flag".into());
    assert_eq!(resolve(&wish).expect("the flag's").server, "https://flag:1");
    wish.server_env = Some("https://other:2".into());
    let context = resolve(&wish).expect("its credentials for another server");
    assert_eq!(context.server, "https://other:2");
    assert!(context.credentials.is_some());
}

#[test]
fn paths_are_relative_to_the_context_file() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("data/operator/context.toml");
    write(&file, &context_text("https://c:1"));
    for name in ["../data/operator/context.toml", "../data/operator"] {
        let wish = Wish { context_flag: Some(name.into()), ..wish(&dir) };
        write(&wish.cwd.join("x"), "");
        let credentials = resolve(&wish).expect(name).credentials.expect("credentials");
        assert!(credentials.key.ends_with("data/operator/key.pem"), "{credentials:?}");
    }
}

#[test]
fn plaintext_on_loopback_needs_no_context() {
    let wish = Wish { server_flag: Some("http://127.0.0.1:7443".into()), ..Wish::default() };
    assert_eq!(resolve(&wish).expect("no files").credentials, None);
}

#[test]
fn nothing_set_says_how_to_set_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let failure = resolve(&wish(&dir)).expect_err("nothing is set");
    assert_eq!(failure.exit, Exit::Usage);
    assert!(failure.hints[0].contains("--context DIR/operator/context.toml"), "{failure:?}");
    let tls = Wish { server_flag: Some("https://c:1".into()), ..wish(&dir) };
    assert_eq!(resolve(&tls).expect_err("no credentials").exit, Exit::Auth);
}

#[test]
fn a_broken_context_names_file_and_line() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("c.toml");
    write(&file, "server = \"https://c:1\"\nsevrer = 2\n");
    let wish = Wish { context_flag: Some(file.display().to_string()), ..wish(&dir) };
    let failure = resolve(&wish).expect_err("an unknown key");
    assert!(failure.message.contains("c.toml") && failure.causes[0].contains("line 2"), "{failure:?}");
    write(&file, "server = \"https://c:1\"\nca = \"x\"\n");
    assert!(resolve(&wish).expect_err("half the credentials").causes[0].contains("belong together"));
}
