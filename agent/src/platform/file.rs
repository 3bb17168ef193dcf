//! A platform whose configuration is the exact text of one file, worked on with commands over a shell.

use super::looks::Looks;
use super::sections::{self, Reader};
use super::{hidden, sections::one_line};
use regex::Regex;

/// The word in a check that stands for the file with the new text.
pub const NEW: &str = "{new}";
/// The word that stands for the file itself.
pub const PATH: &str = "{path}";
/// The mode of a file that was not there when its definition says none.
const MODE: &str = "0644";

/// One file of a device.
#[derive(Debug)]
pub struct FilePlatform {
    /// Its name, as an inventory says it.
    pub name: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// Where the file is: absolute, of characters that mean nothing to a shell.
    pub path: String,
    /// What goes before every command, for users without rights; may be empty.
    pub becomes: String,
    /// Refuses a text by its exit status: before it is in place where it names [`NEW`], else after.
    pub check: Option<String>,
    /// The mode of a file that was not there, in octal digits.
    pub mode: String,
    /// Makes the service read the file.
    pub reload: Option<String>,
    /// What only looks, for checks.
    pub looks: Looks,
    /// Where lines hold a secret: each match of the group `secret`, or of the whole.
    pub secrets: Vec<Regex>,
}

impl FilePlatform {
    /// `text` without what its lines say in secret.
    pub fn redact(&self, text: &str) -> String {
        hidden(&self.secrets, text)
    }
}

/// The rest of a definition with a section `file`.
pub(super) fn file(
    mut root: Reader<'_>,
    (name, aliases): (Option<String>, Vec<String>),
    mut section: Reader<'_>,
) -> Option<FilePlatform> {
    let path = section.required("path", "path: /etc/chrony/chrony.conf");
    if let Some(path) = &path
        && !is_plain(path)
    {
        section.0.problem(
            "path must be absolute, end in a name, and hold only letters, digits and . _ - + @ /",
            "for example /etc/chrony/chrony.conf",
        );
    }
    let becomes = section.text("become").unwrap_or_default();
    if !becomes.chars().all(|c| c.is_ascii_alphanumeric() || " ._-/=".contains(c)) {
        section.0.problem("become must be plain words", "for example become: sudo -n");
    }
    let check = one_line(&mut section, "check");
    let reload = one_line(&mut section, "reload");
    if reload.as_ref().is_some_and(|reload| reload.contains(NEW)) {
        section.0.problem("reload must not name {new}", "the text is in place by then: name {path}");
    }
    let mode = section.text("mode").unwrap_or_else(|| MODE.into());
    if !is_mode(&mode) {
        section
            .0
            .problem("mode must be three octal digits, with or without a 0 before", "for example mode: 0640");
    }
    drop(section);
    let looks = root.section("looks").map(sections::looks).unwrap_or_default();
    let secrets = root.patterns("secrets");
    drop(root);
    Some(FilePlatform { name: name?, aliases, path: path?, becomes, check, mode, reload, looks, secrets })
}

fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-+@/".contains(c);
    let name = path.rsplit('/').next().unwrap_or_default();
    path.starts_with('/') && path.chars().all(plain) && ![".", "..", ""].contains(&name)
}

fn is_mode(text: &str) -> bool {
    let digits = text.strip_prefix('0').filter(|rest| rest.len() == 3).unwrap_or(text);
    digits.len() == 3 && digits.chars().all(|digit| ('0'..='7').contains(&digit))
}
