//! The shell of a device with one file: a driver's scripts are run by a real `sh` on a real file. Only they are: what a
//! definition checks and reloads with is played, and nothing else of what is said is ever run.

use crate::executor::cli::file::{BEGIN, END, INSTALL, PLACES, READ, REMOVE, STAGE, quoted};
use crate::simulator::device::Device;
use crate::simulator::{Mode, SERVED_FILE, Trick, files};
use std::io;
use std::process::{Output, Stdio};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// What was said to programs of the definition, in the device's folder, until it is in the ledger.
const SAID_FILE: &str = "said";
/// Most bytes that are said to programs by one script.
const SAID_BYTES_MAX: u64 = 64 * 1024;

/// What makes a shell do more than take words apart.
const ACTS: [char; 8] = [';', '&', '|', '<', '>', '$', '`', '\n'];

/// What a script does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    Read,
    Stage,
    Install,
    Remove,
}

/// A script of the driver with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) does: Does,
    script: String,
    /// After the file.
    pub(super) arguments: Vec<String>,
}

impl Said {
    /// The script in `command`, if it is one of the driver's.
    pub(super) fn of(command: &str) -> Option<Self> {
        let (becomes, rest) = command.split_once("sh -c ")?;
        if becomes.contains(ACTS) {
            return None;
        }
        let mut words = words(rest)?.into_iter();
        let script = words.next()?;
        let known = [
            (Does::Read, READ.to_owned()),
            (Does::Stage, STAGE.to_owned()),
            (Does::Install, [BEGIN, INSTALL, END].concat()),
            (Does::Remove, [BEGIN, REMOVE, END].concat()),
        ];
        let body = script.strip_prefix(PLACES)?;
        let (does, _) = known.into_iter().find(|(_, text)| text == body)?;
        Some(Self { does, script, arguments: words.skip(2).collect() })
    }

    /// Runs it on the file of `device`; gives what was said to programs of the definition as well.
    pub(super) async fn run(mut self, device: &Device, input: &[u8]) -> io::Result<(Output, Vec<String>)> {
        let (check, reload) = match self.does {
            Does::Read => (None, None),
            Does::Stage => (Some(2), None),
            Does::Install | Does::Remove => (Some(1), Some(2)),
        };
        for (at, plays) in [(check, checks as fn(&Device) -> String), (reload, reloads)] {
            let own = at.and_then(|at| self.arguments.get_mut(at)).filter(|own| !own.is_empty());
            if let Some(own) = own {
                let line = quoted(own);
                *own = format!("printf '%s\\n' {line} >> {}; {}", place(device, SAID_FILE), plays(device));
            }
        }
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(&self.script).arg("sh").arg(device.running_path()).args(&self.arguments);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A script may end before it has read everything: its status tells.
            let _ = stdin.write_all(input).await;
        }
        let output = child.wait_with_output().await?;
        let said = device.folder().join(SAID_FILE);
        let lines = files::read(&said, SAID_BYTES_MAX)?.unwrap_or_default();
        let _ = std::fs::remove_file(said);
        Ok((output, String::from_utf8_lossy(&lines).lines().map(str::to_owned).collect()))
    }
}

/// A check that refuses a line of nonsense, in the new text where there is one.
fn checks(_: &Device) -> String {
    r#"f=$1; [ -e "$2" ] && f=$2; line=$(grep -n nonsense "$f") || exit 0; echo "line $line" >&2; exit 1"#
        .into()
}

/// A reload after which the service serves the text of the file.
fn reloads(device: &Device) -> String {
    let served = place(device, SERVED_FILE);
    let mode = device.mode();
    if mode == Mode::Trick(Trick::ReloadFails) {
        return "echo 'Job for the service failed.' >&2; exit 1".into();
    }
    if mode == Mode::Trick(Trick::DropBeforeReload) {
        return "kill -9 $PPID".into();
    }
    format!(r#"rm -f {served}; [ ! -e "$1" ] || cp -- "$1" {served}"#)
}

fn place(device: &Device, name: &str) -> String {
    quoted(&device.folder().join(name).to_string_lossy())
}

/// Words as a shell takes them apart that knows single quotes and backslashes alone; there are none where it would act.
fn words(text: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let (mut letters, mut is_word) = (text.chars(), false);
    while let Some(letter) = letters.next() {
        if letter == ' ' {
            is_word = false;
            continue;
        }
        if !is_word {
            words.push(String::new());
            is_word = true;
        }
        let word = words.last_mut()?;
        match letter {
            '\\' => word.push(letters.next()?),
            '\'' => loop {
                match letters.next()? {
                    '\'' => break,
                    quoted => word.push(quoted),
                }
            },
            plain if ACTS.contains(&plain) => return None,
            plain => word.push(plain),
        }
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_taken_apart_as_a_shell_does() {
        let words = |text: &str| words(text).map(|words| words.join("|"));
        assert_eq!(
            words(r"'a '\''b'\'' $t' sh /etc/x '12 3' ''").as_deref(),
            Some("a 'b' $t|sh|/etc/x|12 3|")
        );
        assert_eq!(words("'a"), None);
    }

    #[test]
    fn nothing_is_run_that_is_no_script_of_the_driver() {
        for command in ["reload", "sh -c 'reload' sh /etc/x", &format!("sh -c '{PLACES}rm' sh /etc/x")] {
            assert_eq!(Said::of(command), None);
        }
        let reads = format!("sh -c {} sh /etc/x M", quoted(&[PLACES, READ].concat()));
        for more in [format!("reload; {reads}"), format!("{reads}; reload"), format!("{reads} > /etc/x")] {
            assert_eq!(Said::of(&more), None, "{more}");
        }
        let said = Said::of(&format!("sudo -n sh -c {} sh /etc/x 'a b'", quoted(&[PLACES, READ].concat())));
        let said = said.expect("a script of the driver");
        assert_eq!((said.does, said.arguments), (Does::Read, vec!["a b".to_owned()]));
    }
}
