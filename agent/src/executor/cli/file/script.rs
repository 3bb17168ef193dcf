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

    #[test]
    fn a_command_with_quotes_is_one_word() {
        assert_eq!(quoted("a 'b' $c"), r"'a '\''b'\'' $c'");
    }
}
