//! Somebody else's session: OpenSSH's own client, and NETCONF 1.0 by hand.

use crate::openssh::setup::write;
use crate::wait;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Ends every message.
const END: &str = "]]>]]>";

/// An open session; it ends when this is dropped.
pub struct Other {
    input: ChildStdin,
    output: ChildStdout,
    heard: String,
    /// How the server names it.
    pub session: String,
    _ssh: Child,
}

impl Other {
    pub(super) async fn open(dir: &Path, port: u16, user: &str) -> Self {
        let config = format!(
            "IdentityFile {0}/netops_ed25519\nIdentitiesOnly yes\nBatchMode yes\nUserKnownHostsFile /dev/null\n\
             GlobalKnownHostsFile none\nStrictHostKeyChecking no\nLogLevel ERROR\n",
            dir.display()
        );
        write(&dir.join("ssh_config"), &config, 0o644).expect("a file");
        let mut ssh = Command::new("ssh")
            .arg("-F")
            .arg(dir.join("ssh_config"))
            .args(["-p", &port.to_string(), &format!("{user}@127.0.0.1"), "-s", "netconf"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("ssh");
        let (input, output) = (ssh.stdin.take().expect("a pipe"), ssh.stdout.take().expect("a pipe"));
        let mut other = Self { input, output, heard: String::new(), session: String::new(), _ssh: ssh };
        let hello = other.hear().await;
        let session = hello.split_once("<session-id>").and_then(|(_, rest)| rest.split_once('<'));
        other.session = session.expect("a session").0.to_owned();
        other
            .say(
                "<hello xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\"><capabilities>\
                 <capability>urn:ietf:params:netconf:base:1.0</capability></capabilities></hello>",
            )
            .await;
        // The server sleeps over what it reads together with a hello.
        let greeted = format!("Session {} for ", other.session);
        wait::until("netconfd has read the hello", || {
            let log = std::fs::read_to_string(dir.join("netconfd.log")).unwrap_or_default();
            log.contains(&greeted).then_some(())
        });
        other
    }

    /// Says one call and gives the answer.
    pub async fn call(&mut self, body: &str) -> String {
        self.say(&format!(
            "<rpc message-id=\"1\" xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{body}</rpc>"
        ))
        .await;
        self.hear().await
    }

    /// What a datastore has, from `<data>` to its end.
    pub async fn data(&mut self, datastore: &str) -> String {
        let reply = self.call(&format!("<get-config><source><{datastore}/></source></get-config>")).await;
        let data = reply.split_once("<data>").and_then(|(_, rest)| rest.rsplit_once("</data>"));
        data.unwrap_or_else(|| panic!("no data: {reply}")).0.to_owned()
    }

    async fn say(&mut self, message: &str) {
        self.input.write_all(format!("{message}{END}").as_bytes()).await.expect("the session is open");
        self.input.flush().await.expect("the session is open");
    }

    async fn hear(&mut self) -> String {
        loop {
            if let Some(at) = self.heard.find(END) {
                let message = self.heard[..at].to_owned();
                self.heard.drain(..at + END.len());
                return message;
            }
            let mut bytes = [0; 4096];
            let read = self.output.read(&mut bytes).await.expect("the session is open");
            assert!(read > 0, "netconfd ended the session of somebody else");
            self.heard.push_str(std::str::from_utf8(&bytes[..read]).expect("text"));
        }
    }
}
