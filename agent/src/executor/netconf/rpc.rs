//! Everything that is ever said to a device, as one type; what each word can do is a function of it.

use super::hello::BASE;
use std::time::Duration;
use zeroize::Zeroizing;

/// A configuration that a device keeps, RFC 6241 section 5.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Datastore {
    /// What is in force.
    Running,
    /// What is being prepared.
    Candidate,
}

impl Datastore {
    /// Its element.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Candidate => "candidate",
        }
    }
}

/// An edit of a datastore; the operations of its parts are attributes within it.
pub struct Edit<'a> {
    /// Which one.
    pub target: Datastore,
    /// Elements as [`super::xml::print`] gives them.
    pub config: &'a str,
    /// Whether the device looks before it takes: needs :validate.
    pub test: bool,
    /// Whether it takes all or nothing: needs :rollback-on-error.
    pub all_or_nothing: bool,
}

/// One remote procedure call.
pub enum Rpc<'a> {
    /// The whole running configuration.
    GetConfig,
    /// The whole candidate.
    GetCandidate,
    /// The whole configuration of the next boot.
    GetStartup,
    /// What an XPath expression gives; `names` are the prefixes in it with their namespaces.
    Get {
        /// The expression.
        xpath: &'a str,
        /// Prefixes and namespaces.
        names: Vec<(&'a str, &'a str)>,
    },
    /// The sessions of the device, RFC 6022.
    Sessions,
    /// Nothing at all: only that the device reads on.
    Nothing,
    /// Keeps others from writing.
    Lock(Datastore),
    /// Gives a lock back.
    Unlock(Datastore),
    /// Makes the candidate what the running configuration is.
    Discard,
    /// Changes a datastore.
    Edit(Edit<'a>),
    /// Puts the candidate in force.
    Commit,
    /// Puts the candidate in force until nobody confirms it.
    CommitUntil {
        /// How long the device waits.
        timeout: Duration,
        /// The name by which any session may confirm it.
        persist: &'a str,
    },
    /// Makes the commit of this name last.
    Confirm {
        /// The name.
        persist: &'a str,
    },
    /// Takes the commit of this name back.
    Cancel {
        /// The name.
        persist: &'a str,
    },
    /// Keeps the running configuration for the next boot.
    Save,
    /// Says goodbye.
    Close,
}

/// What a word can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Might {
    /// Nothing to the device.
    Reads,
    /// Keeps others from working on it.
    Locks,
    /// Changes what it has, at once or later.
    Writes,
}

impl Rpc<'_> {
    /// What it can do; the transport goes by this.
    pub fn might(&self) -> Might {
        match self {
            Self::GetConfig
            | Self::GetCandidate
            | Self::GetStartup
            | Self::Get { .. }
            | Self::Sessions
            | Self::Nothing
            | Self::Close => Might::Reads,
            Self::Lock(_) | Self::Unlock(_) => Might::Locks,
            Self::Discard
            | Self::Edit(_)
            | Self::Commit
            | Self::CommitUntil { .. }
            | Self::Confirm { .. }
            | Self::Cancel { .. }
            | Self::Save => Might::Writes,
        }
    }

    /// How messages name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GetConfig | Self::GetCandidate | Self::GetStartup => "get-config",
            Self::Get { .. } | Self::Sessions | Self::Nothing => "get",
            Self::Lock(_) => "lock",
            Self::Unlock(_) => "unlock",
            Self::Discard => "discard-changes",
            Self::Edit(_) => "edit-config",
            Self::Commit | Self::CommitUntil { .. } | Self::Confirm { .. } => "commit",
            Self::Cancel { .. } => "cancel-commit",
            Self::Save => "copy-config",
            Self::Close => "close-session",
        }
    }

    /// The message of this number.
    pub fn message(&self, number: u64) -> Zeroizing<String> {
        let body = self.body();
        let (head, name) = (format!("<rpc message-id=\"{number}\" xmlns=\"{BASE}\">"), self.name());
        // The body may hold secrets: no reallocation leaves a copy behind.
        let mut message =
            Zeroizing::new(String::with_capacity(head.len() + body.len() + 2 * name.len() + 16));
        message.push_str(&head);
        match body.is_empty() {
            true => message.push_str(&format!("<{name}/>")),
            false => {
                message.push('<');
                message.push_str(name);
                message.push('>');
                message.push_str(&body);
                message.push_str("</");
                message.push_str(name);
                message.push('>');
            }
        }
        message.push_str("</rpc>");
        message
    }

    fn body(&self) -> Zeroizing<String> {
        let plain = match self {
            Self::GetConfig => "<source><running/></source>".to_owned(),
            Self::GetCandidate => "<source><candidate/></source>".to_owned(),
            Self::GetStartup => "<source><startup/></source>".to_owned(),
            Self::Get { xpath, names } => {
                let declared: String = names
                    .iter()
                    .map(|(prefix, namespace)| format!(" xmlns:{prefix}=\"{}\"", escaped(namespace)))
                    .collect();
                format!("<filter type=\"xpath\" select=\"{}\"{declared}/>", escaped(xpath))
            }
            Self::Sessions => {
                let monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring";
                format!(
                    "<filter type=\"subtree\"><netconf-state xmlns=\"{monitoring}\"><sessions/></netconf-state></filter>"
                )
            }
            Self::Nothing => "<filter type=\"subtree\"/>".to_owned(),
            Self::Lock(store) | Self::Unlock(store) => format!("<target><{}/></target>", store.name()),
            Self::Edit(edit) => return edit.body(),
            Self::CommitUntil { timeout, persist } => format!(
                "<confirmed/><confirm-timeout>{}</confirm-timeout><persist>{}</persist>",
                timeout.as_millis().div_ceil(1000).max(1),
                escaped(persist),
            ),
            Self::Confirm { persist } | Self::Cancel { persist } => {
                format!("<persist-id>{}</persist-id>", escaped(persist))
            }
            Self::Save => "<target><startup/></target><source><running/></source>".to_owned(),
            Self::Discard | Self::Commit | Self::Close => String::new(),
        };
        Zeroizing::new(plain)
    }
}

impl Edit<'_> {
    fn body(&self) -> Zeroizing<String> {
        let test = if self.test { "<test-option>test-then-set</test-option>" } else { "" };
        let error = if self.all_or_nothing { "<error-option>rollback-on-error</error-option>" } else { "" };
        let head = format!(
            "<target><{}/></target><default-operation>merge</default-operation>{test}{error}<config>",
            self.target.name()
        );
        let end = "</config>";
        let mut body = Zeroizing::new(String::with_capacity(head.len() + self.config.len() + end.len()));
        body.push_str(&head);
        body.push_str(self.config);
        body.push_str(end);
        body
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::netconf::xml::parse;

    #[test]
    fn every_word_that_changes_something_is_known_as_one() {
        let edit = Edit { target: Datastore::Running, config: "", test: true, all_or_nothing: true };
        let persist = "p";
        let writes = [
            Rpc::Discard,
            Rpc::Edit(edit),
            Rpc::Commit,
            Rpc::CommitUntil { timeout: Duration::from_secs(1), persist },
            Rpc::Confirm { persist },
            Rpc::Cancel { persist },
            Rpc::Save,
        ];
        assert!(writes.iter().all(|rpc| rpc.might() == Might::Writes));
        for read in [
            Rpc::GetConfig,
            Rpc::GetCandidate,
            Rpc::GetStartup,
            Rpc::Get { xpath: "/", names: vec![] },
            Rpc::Sessions,
            Rpc::Close,
        ] {
            assert_eq!(read.might(), Might::Reads, "{}", read.name());
        }
    }

    #[test]
    fn every_message_is_xml_whatever_is_in_it() {
        let persist = "ntp/<r1>&\"/1";
        let names = vec![("m", "urn:\"x\"")];
        for rpc in [
            Rpc::Get { xpath: "/m:a[b=\"<&>\"]", names },
            Rpc::CommitUntil { timeout: Duration::from_millis(1500), persist },
            Rpc::Commit,
            Rpc::Sessions,
            Rpc::Lock(Datastore::Candidate),
        ] {
            let message = parse(&rpc.message(7)).unwrap();
            assert_eq!(message.attribute("", "message-id"), Some("7"));
            assert_eq!(message.children[0].name, rpc.name());
        }
        let rpc = Rpc::CommitUntil { timeout: Duration::from_millis(1500), persist };
        let commit = parse(&rpc.message(1)).unwrap().children.remove(0);
        assert_eq!((commit.text_of("confirm-timeout"), commit.text_of("persist")), ("2", persist));
    }
}
