//! What is said to a shell about one file, each of it one `sh -c`: no content ever stands in a command.

use crate::executor::WritePass;
use crate::platform::{FilePlatform, NEW, PATH};

/// The file itself where it is a link, and what lies beside it: the new text, the mark of a change that is not carried
/// to its end, and what a command of the definition said.
pub const PLACES: &str = concat!(
    r#"p=$(readlink -f -- "$1") && [ -n "$p" ] || p=$1; "#,
    r#"t=${p%/*}/.${p##*/}.switchyard; m=$t-pending; o=$t-said; "#,
);
/// Tells whether the file is there, prints it, and tells whether there is the mark: all of it between two words, for
/// what a login prints stands outside. The mark is looked for before and after, for a change may be on its way.
/// Arguments: file, word.
pub const READ: &str = concat!(
    r#"s=0; [ -e "$m" ] && s=1; "#,
    r#"if [ -e "$1" ] || [ -L "$1" ]; then printf %s+ "$2" && cat -- "$1" || exit 1; else printf %s- "$2"; fi; "#,
    r#"[ -e "$m" ] && s=1; printf %s "$s$2""#,
);
/// Puts standard input beside the file, with its owner and mode, and has it checked there; what did not arrive whole,
/// would not keep them, or is refused is thrown away. Arguments: file, bytes, mode of a new file, check or nothing.
pub const STAGE: &str = concat!(
    r#"umask 077; trap 'rm -f -- "$t"' 0; trap 'exit 1' HUP INT TERM; "#,
    r#"rights() { ls -ldn -- "$1" | { read -r mode links user group rest; echo "$mode $user $group"; }; }; "#,
    r#"rm -f -- "$t" || exit 1; if [ -e "$p" ]; then cp -p -- "$p" "$t" || exit 1; fi; cat > "$t" || exit 1; "#,
    r#"n=$(wc -c < "$t"); [ "$n" -eq "$2" ] || { echo "$n of $2 bytes arrived" >&2; exit 1; }; "#,
    r#"if [ ! -e "$p" ]; then chmod "$3" "$t" || exit 1; elif [ "$(rights "$p")" != "$(rights "$t")" ]; then "#,
    r#"echo "its owner and mode would not stay: $(rights "$p"), and then $(rights "$t")" >&2; exit 1; fi; "#,
    r#"[ -z "$4" ] || sh -c "$4" sh "$p" "$t" < /dev/null >&2 || exit 76; trap - 0"#,
);
/// Begins a change that goes on to its end though the session is lost, unless the file is not as it was read. The mark
/// holds the process, so that of two changes the later one takes it away. Arguments: file, its checksum when it was
/// read, check or nothing, reload or nothing.
pub const BEGIN: &str = concat!(
    r#"trap '' HUP; trap 'rm -f -- "$t" "$o"' 0; "#,
    r#"s=-; if [ -e "$p" ]; then s=$(cksum < "$p") || exit 74; fi; [ "$s" = "$2" ] || exit 75; "#,
    r#"w=; [ -e "$m" ] && w=1; (umask 077; echo $$ > "$m" && : > "$o") && "#,
);
/// Puts the new text in the place of the old, at once.
pub const INSTALL: &str = r#"mv -f -- "$t" "$p""#;
/// Takes a file away that was not there before.
pub const REMOVE: &str = r#"rm -f -- "$p""#;
/// What comes once the change is in place, and then the mark goes.
pub const END: &str = concat!(
    r#" || { [ -n "$w" ] || rm -f -- "$m"; exit 74; }; "#,
    r#"own() { [ -z "$1" ] || sh -c "$1" sh "$p" "$t" < /dev/null > "$o" 2>&1 || { cat -- "$o" >&2; return 1; }; }; "#,
    r#"own "$3" || exit 76; own "$4" || exit 77; [ "$(cat -- "$m")" != $$ ] || rm -f -- "$m""#,
);

/// Exit status of a change of which nothing was made.
pub(super) const UNTOUCHED: u32 = 74;
/// Exit status of a change of a file that is not as it was read: nothing was made of it.
pub(super) const CHANGED_SINCE: u32 = 75;
/// Exit status when the check of the definition refuses.
pub(super) const REFUSED_BY_CHECK: u32 = 76;
/// Exit status when the reload of the definition fails.
pub(super) const NOT_RELOADED: u32 = 77;

/// One thing to say. What can change the device needs the pass of the gate.
pub(super) enum Say<'a> {
    /// Prints the file between this mark.
    Read { mark: &'a str },
    /// A command that only looks.
    Look(&'a str),
    /// The new text, of so many bytes, goes beside the file and is checked there; no check is empty.
    Stage { _pass: &'a WritePass, bytes: usize, check: &'a str },
    /// The new text takes the place of the one with this checksum, and is checked there; no check is empty.
    Install { _pass: &'a WritePass, sum: &'a str, check: &'a str },
    /// The file with this checksum goes.
    Remove { _pass: &'a WritePass, sum: &'a str },
}

impl Say<'_> {
    /// Whether it only looks.
    pub(super) fn only_looks(&self) -> bool {
        match self {
            Self::Read { .. } | Self::Look(_) => true,
            Self::Stage { .. } | Self::Install { .. } | Self::Remove { .. } => false,
        }
    }

    /// How many commands come one after the other, ours and those of the definition.
    pub(super) fn commands(&self, platform: &FilePlatform) -> u32 {
        let (check, reloads) = match self {
            Self::Read { .. } | Self::Look(_) => ("", false),
            Self::Stage { check, .. } => (*check, false),
            Self::Install { check, .. } => (*check, platform.reload.is_some()),
            Self::Remove { .. } => ("", platform.reload.is_some()),
        };
        1 + u32::from(!check.is_empty()) + u32::from(reloads)
    }

    /// As the device's login shell gets it.
    pub(super) fn line(&self, platform: &FilePlatform) -> String {
        let reload = own(platform.reload.as_deref().unwrap_or_default());
        let change = |what: &str| format!("{PLACES}{BEGIN}{what}{END}");
        let (script, arguments) = match self {
            Self::Read { mark } => (format!("{PLACES}{READ}"), vec![(*mark).to_owned()]),
            Self::Look(command) => ((*command).to_owned(), Vec::new()),
            Self::Stage { _pass: _, bytes, check } => {
                (format!("{PLACES}{STAGE}"), vec![bytes.to_string(), platform.mode.clone(), own(check)])
            }
            Self::Install { _pass: _, sum, check } => {
                (change(INSTALL), vec![(*sum).to_owned(), own(check), reload])
            }
            Self::Remove { _pass: _, sum } => {
                (change(REMOVE), vec![(*sum).to_owned(), String::new(), reload])
            }
        };
        let becomes = if platform.becomes.is_empty() { "" } else { " " };
        let words: String = arguments.iter().map(|word| format!(" {}", quoted(word))).collect();
        format!("{}{becomes}sh -c {} sh {}{words}", platform.becomes, quoted(&script), platform.path)
    }
}

/// A command of the definition as a shell gets it, with the file and the new text as its arguments.
fn own(command: &str) -> String {
    command.replace(PATH, "\"$1\"").replace(NEW, "\"$2\"")
}

/// `text` as one word of any shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
#[path = "script/tests.rs"]
mod tests;
