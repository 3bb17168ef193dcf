//! What is said to a shell about one file, each of it one `sh -c`: no content ever stands in a command.

use crate::executor::WritePass;
use crate::platform::{FilePlatform, NEW, PATH};

/// Tells whether the file is there, and prints it between two marks: what a login prints beside it stands outside.
pub const READ: &str = r#"if [ -e "$1" ] || [ -L "$1" ]; then printf %s+ "$2" && cat -- "$1" && printf %s "$2"; else printf %s- "$2" && printf %s "$2"; fi"#;
/// The file itself where it is a link, and the file with the new text beside it.
pub const PLACES: &str =
    r#"p=$(readlink -f -- "$1") && [ -n "$p" ] || p=$1; t=${p%/*}/.${p##*/}.switchyard; "#;
/// Puts standard input beside the file, with its owner and mode; what did not arrive whole is thrown away.
pub const STAGE: &str = r#"rm -f -- "$t"; if [ -e "$p" ]; then cp -p -- "$p" "$t" || exit 1; fi; cat > "$t" || exit 1; n=$(wc -c < "$t"); if [ "$n" -ne "$2" ]; then rm -f -- "$t"; echo "$n of $2 bytes arrived" >&2; exit 1; fi"#;
/// Throws the new text away.
pub const DROP: &str = r#"rm -f -- "$t""#;
/// Puts the new text in the place of the old, at once.
pub const INSTALL: &str = r#"mv -f -- "$t" "$p""#;
/// Takes a file away that was not there before.
pub const REMOVE: &str = r#"rm -f -- "$p""#;

/// Before a command of the definition: what it prints is told apart from what a login prints.
pub const OWN: &str = "exec >&2; ";

/// One thing to say. What can change the device needs the pass of the gate.
pub(super) enum Say<'a> {
    /// Prints the file between this mark.
    Read { mark: &'a str },
    /// A command that only looks.
    Look(&'a str),
    /// The new text, of so many bytes, goes beside the file.
    Stage(&'a WritePass, usize),
    /// The new text is thrown away.
    Drop(&'a WritePass),
    /// The new text takes the place of the old.
    Install(&'a WritePass),
    /// The file goes.
    Remove(&'a WritePass),
    /// A command of the definition.
    Own(&'a WritePass, &'a str),
}

impl Say<'_> {
    /// Whether it only looks.
    pub(super) fn only_looks(&self) -> bool {
        match self {
            Self::Read { .. } | Self::Look(_) => true,
            Self::Stage(_, _) | Self::Drop(_) | Self::Install(_) | Self::Remove(_) | Self::Own(_, _) => false,
        }
    }

    /// As the device's login shell gets it.
    pub(super) fn line(&self, platform: &FilePlatform) -> String {
        let ours = |script: &str| format!("{PLACES}{script}");
        let (script, second) = match self {
            Self::Read { mark } => (READ.to_owned(), (*mark).to_owned()),
            Self::Look(command) => ((*command).to_owned(), String::new()),
            Self::Stage(_pass, bytes) => (ours(STAGE), bytes.to_string()),
            Self::Drop(_pass) => (ours(DROP), String::new()),
            Self::Install(_pass) => (ours(INSTALL), String::new()),
            Self::Remove(_pass) => (ours(REMOVE), String::new()),
            Self::Own(_pass, command) => {
                let command = command.replace(NEW, "\"$t\"").replace(PATH, "\"$p\"");
                (ours(&format!("{OWN}{command}")), String::new())
            }
        };
        let becomes = if platform.becomes.is_empty() { "" } else { " " };
        let (script, path) = (quoted(&script), &platform.path);
        format!("{}{becomes}sh -c {script} sh {path} {second}", platform.becomes).trim_end().to_owned()
    }
}

/// `text` as one word of any shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{Definition, decode};

    struct OpenGate;

    impl crate::executor::AttemptContext for OpenGate {
        fn progress(&self, _: switchyard_shared::outcome::Phase) {}

        fn open_write_gate(
            &self,
            _: Option<String>,
        ) -> futures_util::future::BoxFuture<'_, Result<(), crate::executor::GateRefused>> {
            Box::pin(async { Ok(()) })
        }
    }

    /// Runs what is said in the shell of this machine; its status, and what it prints and complains of.
    fn run(say: &Say<'_>, platform: &FilePlatform, input: &[u8]) -> (Option<i32>, String) {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(say.line(platform)).stdin(Stdio::piped());
        let mut child = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a shell");
        child.stdin.take().expect("its input").write_all(input).expect("a reader");
        let output = child.wait_with_output().expect("an end");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a test's own folder")]
    async fn a_text_that_does_not_arrive_whole_never_takes_the_place_of_the_old_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("conf");
        let definition = format!(
            "api_version: switchyard/v1\nkind: Platform\nname: mine\nfile: {{path: {}}}\n",
            path.display()
        );
        let Ok(Definition::File(platform)) = decode("mine.yaml", &definition) else { panic!("a file") };
        let pass = WritePass::ask(&OpenGate, None).await.expect("an open gate");
        std::fs::write(&path, "old\n").expect("a file");
        let (status, said) = run(&Say::Stage(&pass, 8), &platform, b"half");
        assert_eq!((status, said.as_str()), (Some(1), "4 of 8 bytes arrived\n"));
        assert_ne!(run(&Say::Install(&pass), &platform, b"").0, Some(0), "nothing is left to install");
        assert_eq!(run(&Say::Read { mark: "M" }, &platform, b""), (Some(0), "M+old\nM".into()));
        assert_eq!(run(&Say::Stage(&pass, 4), &platform, b"new\n").0, Some(0));
        assert_eq!(run(&Say::Read { mark: "M" }, &platform, b"").1, "M+old\nM", "it only lies beside");
        assert_eq!(run(&Say::Install(&pass), &platform, b"").0, Some(0));
        assert_eq!(run(&Say::Read { mark: "M" }, &platform, b"").1, "M+new\nM");
        assert_eq!(run(&Say::Remove(&pass), &platform, b"").0, Some(0));
        assert_eq!(run(&Say::Read { mark: "M" }, &platform, b"").1, "M-M");
    }

    #[test]
    fn a_command_with_quotes_is_one_word() {
        assert_eq!(quoted("a 'b' $c"), r"'a '\''b'\'' $c'");
    }
}
