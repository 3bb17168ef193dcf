//! What a device gets of secrets, and what nobody else does.

use super::*;
use crate::executor::played;
use crate::secrets::Secrets;
use std::path::Path;
use switchyard_shared::secret_text::named;

fn task(configuration: &str) -> Task {
    played::task(&Procedure::new(Transport::SshCli, "frr"), configuration)
}

fn put(folder: &Path, name: &str, text: &str) {
    crate::fs::replace(&crate::fs::RealFs, &folder.join(name), text.as_bytes()).unwrap();
}

async fn fill(configuration: &str, files: &[(&str, &str)]) -> Result<Wanted, Failure> {
    fill_over(Procedure::new(Transport::SshCli, "frr"), configuration, files).await
}

async fn fill_xml(configuration: &str, files: &[(&str, &str)]) -> Wanted {
    fill_over(Procedure::new(Transport::Netconf, ""), configuration, files).await.unwrap()
}

async fn fill_over(
    mut procedure: Procedure,
    configuration: &str,
    files: &[(&str, &str)],
) -> Result<Wanted, Failure> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        put(folder.path(), name, text);
        procedure.secrets.insert((*name).to_owned(), format!("file:{name}"));
    }
    Wanted::fill(&task(configuration), &procedure, &Secrets::new(folder.path())).await
}

#[tokio::test]
async fn a_device_gets_the_value_and_every_text_that_leaves_the_name() {
    let text =
        format!("hostname r1\nntp authentication-key 1 md5 {}\nsnmp {} ro\n", named("ntp"), named("snmp"));
    let wanted = fill(&text, &[("ntp", "s3cr3t-new\n"), ("snmp", "s3cr3t")]).await.unwrap();
    assert_eq!(wanted.reveal(), "hostname r1\nntp authentication-key 1 md5 s3cr3t-new\nsnmp s3cr3t ro\n");
    let diff = "--- running\n+++ planned\n@@ -1,3 +1,3 @@\n hostname r1\n\
                -ntp authentication-key 1 md5 the-old-one\n-ntp authentication-key 22 md5 an-older-one 7\n\
                +ntp authentication-key 1 md5 s3cr3t-new\n-  snmp old-community ro\n+  snmp s3cr3t ro\n";
    let expected = "--- running\n+++ planned\n@@ -1,3 +1,3 @@\n hostname r1\n\
                    -ntp authentication-key 1 md5 (secret)\n-ntp authentication-key 22 md5 (secret)\n\
                    +ntp authentication-key 1 md5 (secret)\n-  snmp (secret)\n+  snmp (secret)\n";
    assert_eq!(wanted.redact(diff), expected);
    assert_eq!(wanted.redact("% Invalid key s3cr3t-new at s3cr3t"), "% Invalid key (secret) at (secret)");
    assert!(!format!("{wanted:?}").contains("s3cr3t"), "{wanted:?}");
}

#[tokio::test]
async fn the_old_secret_of_an_xml_element_is_hidden_in_a_text_of_one_line_too() {
    let text = format!("<ntp><key-id>1</key-id><n:key>{}</n:key></ntp>", named("k"));
    let wanted = fill(&text, &[("k", "s3cr3t")]).await.unwrap();
    let running = "<data><ntp><key-id>1</key-id><x:key a=\"b\">old</x:key></ntp><key/><key>\n</key></data>";
    let expected = running.replace("old", "(secret)");
    assert_eq!(wanted.redact(running), expected);
    assert_eq!(wanted.redact("-   <key>old</key>\n"), "-   <key>(secret)</key>\n");
}

#[tokio::test]
async fn the_old_secret_within_the_text_of_an_xml_element_is_hidden_however_its_tag_is_written() {
    let diff = |uri: &str| {
        format!(
            " <aaa xmlns=\"urn:x\">\n   <server>\n     <name>s1</name>\n-    <uri>{uri}</uri>\n+    <uri>{}</uri>\n \
             </aaa>\n",
            "radsec://sw:s3cr3t-new@192.0.2.1"
        )
    };
    let k = named("k");
    for inner in [
        format!("<uri>radsec://sw:{k}@192.0.2.1</uri>"),
        format!("\n  <uri>radsec://sw:{k}@192.0.2.1</uri>\n"),
        format!("\n  <x:uri>radsec://sw:{k}</x:uri>"),
        format!("\n  <uri a=\"b>c\">radsec://sw:{k}</uri>"),
        format!("<uri\ta='\"'>{k}</uri>"),
        format!("<uri><![CDATA[{k}]]></uri>"),
        format!("\n<uri>radsec:<![CDATA[//<sw>:{k}]]></uri>"),
        format!("<uri><!-- <old> -->radsec://{k}</uri>"),
        format!("<url/><uri>radsec://{}:{k}@192.0.2.1</uri>", named("user")),
    ] {
        let text = format!("\n<aaa xmlns=\"urn:x\"><server><name>s1</name>{inner}</server></aaa>");
        let wanted = fill_xml(&text, &[("k", "s3cr3t-new"), ("user", "s3cr3t-user")]).await;
        for old in
            ["radsec://sw:0ld@192.0.2.1", "0ld", "0ld\n-0lder", "<![CDATA[0ld]]>", "rad<![CDATA[<0ld>]]>0ld"]
        {
            let shown = wanted.redact(&diff(old));
            let hidden = diff("(secret)").replace("radsec://sw:s3cr3t-new@192.0.2.1", "(secret)");
            assert_eq!(shown, hidden, "{inner} {old}");
        }
    }
}

#[tokio::test]
async fn where_no_element_of_one_line_tells_the_place_of_a_secret_all_that_is_taken_away_is_hidden() {
    let k = named("k");
    for inner in [
        format!("<uri to=\"radsec://sw:{k}\">1</uri>"),
        format!("<uri to=\"radsec://sw:{k}\"/>"),
        format!("<!-- radsec://sw:{k} --><uri>1</uri>"),
        format!("<uri>\n  radsec://sw:{k}\n  or not\n</uri>"),
        format!("<uri\n  to=\"1\">radsec://sw:{k}</uri>"),
    ] {
        let wanted = fill_xml(&format!("<aaa xmlns=\"urn:x\">{inner}</aaa>"), &[("k", "s3cr3t-new")]).await;
        let shown = wanted.redact("--- running\n <aaa>\n-  <uri to=\"0ld\">\n-  radsec:0ld\n+  s3cr3t-new\n");
        assert_eq!(shown, "--- running\n <aaa>\n-(secret)\n-(secret)\n+  (secret)\n", "{inner}");
    }
}

#[tokio::test]
async fn a_file_that_begins_like_xml_hides_the_lines_of_its_secrets_and_no_other() {
    let file = format!("<VirtualHost *:80>\n    AuthLDAPBindPassword {}\n</VirtualHost>\n", named("k"));
    let wanted = fill(&file, &[("k", "s3cr3t-new")]).await.unwrap();
    let diff = "@@ -1,3 +1,4 @@ <VirtualHost *:80>\n-    AuthLDAPBindPassword 0ld\n+    DocumentRoot /srv\n-    Require ip\n";
    assert_eq!(wanted.redact(diff), diff.replace("0ld", "(secret)"));
    let xml =
        fill(&format!("<password><!-- vault -->{}</password>\n", named("k")), &[("k", "s3cr3t-new")]).await;
    let shown = xml.unwrap().redact("-<password><!-- vault -->0ld</password>\n");
    assert!(!shown.contains("0ld"), "{shown}");
}

#[tokio::test]
async fn a_secret_that_would_be_more_than_one_line_is_refused_before_any_write() {
    for bad in ["a\nno aaa\n", "a\rb", "a\u{1b}[2Jb", "a\u{2028}b", "a\0b"] {
        let failure = fill(&format!("key {}\n", named("k")), &[("k", bad)]).await.unwrap_err();
        assert_eq!(failure.class, Class::PrecheckFailed, "{}", failure.message);
        assert!(failure.message.contains("secret k (file:k) holds a line break"), "{}", failure.message);
        assert!(!failure.message.contains("aaa"), "{}", failure.message);
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_had_says_which_and_where_and_is_no_fault_of_the_login() {
    let mut procedure = Procedure::new(Transport::SshCli, "frr");
    procedure.secrets.insert("k".into(), "vault:kv/net/ntp#key".into());
    let secrets = Secrets::new("/nowhere");
    let text = format!("key {}\n", named("k"));
    let failure = Wanted::fill(&task(&text), &procedure, &secrets).await.unwrap_err();
    assert_eq!((failure.class, failure.phase), (Class::PrecheckFailed, Phase::Queue));
    assert!(
        failure.message.contains("secret k (vault:kv/net/ntp#key): failed to ask a Vault"),
        "{}",
        failure.message
    );
    assert!(failure.hint.contains("--vault-address"), "{}", failure.hint);
    let unknown = format!("key {}\n", named("other"));
    let failure = Wanted::fill(&task(&unknown), &procedure, &secrets).await.unwrap_err();
    assert_eq!(failure.class, Class::PrecheckFailed, "{}", failure.message);
}

#[tokio::test]
async fn a_secret_that_is_gone_does_not_stand_in_the_way_back_and_hides_what_stands_in_its_place() {
    let mut procedure = Procedure::new(Transport::SshCli, "frr");
    procedure.secrets.insert("k".into(), "file:gone".into());
    let back = Task {
        purpose: Purpose::Restore { attempt: 1, before: None, overwrite: false },
        ..task(&format!("key 7 {}\n", named("k")))
    };
    let wanted = Wanted::fill(&back, &procedure, &Secrets::new("/nowhere")).await.unwrap();
    assert_eq!(
        (wanted.reveal(), wanted.redact("% bad:\n key 9 old").as_str()),
        ("", "% bad:\n key 9 (secret)")
    );
}

#[tokio::test]
async fn without_secrets_a_configuration_goes_as_it_is_and_with_too_many_not_at_all() {
    let text = format!("motd {}\n", named("x"));
    assert_eq!(fill(&text, &[]).await.unwrap().reveal(), text, "nobody named a secret, so it is text");
    let many = named("k").repeat(100);
    let failure = fill(&many, &[("k", &"x".repeat(60_000))]).await.unwrap_err();
    assert!(failure.message.contains("larger than"), "{}", failure.message);
}

#[test]
fn a_secret_is_in_no_text_that_leaves() {
    let secret = |text: &str| Secret::new(text.to_owned());
    let wanted = Wanted::new(secret("key s3cr3t\n"), vec![secret("s3cr3t")], Mode::Merge);
    assert_eq!(wanted.redact("+key s3cr3t\n-key 0ld\n"), "+key (secret)\n-key 0ld\n");
    assert!(!format!("{wanted:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_secret_in_xml_is_never_markup_and_is_hidden_as_it_is_printed() {
    let mut procedure = Procedure::new(Transport::Netconf, "");
    procedure.secrets.insert("k".into(), "file:k".into());
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "k", "a</key><mtu>&9\"");
    let text = format!("<key>{}</key>", named("k"));
    let wanted = Wanted::fill(&task(&text), &procedure, &Secrets::new(folder.path())).await.unwrap();
    assert_eq!(wanted.reveal(), "<key>a&lt;/key&gt;&lt;mtu&gt;&amp;9&quot;</key>");
    assert_eq!(wanted.redact("bad value a&lt;/key&gt;&lt;mtu&gt;&amp;9&quot;"), "bad value (secret)");
    assert_eq!(wanted.redact("bad value a</key><mtu>&9\""), "bad value (secret)");
}

#[tokio::test]
async fn a_secret_in_json_ends_no_text_and_the_old_one_in_its_place_is_hidden() {
    let mut procedure = Procedure::new(Transport::Http, crate::executor::http::RESTCONF);
    procedure.secrets.insert("k".into(), "file:k".into());
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "k", "a\", \"mtu\": \"\\9");
    let text = format!("{{\"x:ntp\":{{\"key\" : \"{}\"}}}}", named("k"));
    let wanted = Wanted::fill(&task(&text), &procedure, &Secrets::new(folder.path())).await.unwrap();
    assert_eq!(wanted.reveal(), r#"{"x:ntp":{"key" : "a\", \"mtu\": \"\\9"}}"#);
    let diff = "   \"x:ntp\": {\n-    \"key\": \"old\",\n+    \"x:key\": \"a\\\", \\\"mtu\\\": \\\"\\\\9\"\n     \"keys\": 1\n";
    let hidden = "   \"x:ntp\": {\n-    \"key\": (secret)\n+    \"x:key\": (secret)\n     \"keys\": 1\n";
    assert_eq!(wanted.redact(diff), hidden);
    procedure.platform = "eos".into();
    let wanted = Wanted::fill(&task(&text), &procedure, &Secrets::new(folder.path())).await.unwrap();
    assert!(wanted.reveal().contains("a\", \"mtu"), "a line is typed as it is");
}

#[tokio::test]
async fn a_secret_too_short_to_be_hidden_is_refused_before_any_write() {
    for short in ["x", "abc", "abc\n"] {
        let failure = fill(&format!("key {}\n", named("k")), &[("k", short)]).await.unwrap_err();
        assert_eq!(failure.class, Class::PrecheckFailed);
        assert!(failure.message.contains("secret k (file:k) is shorter than 4 bytes"), "{}", failure.message);
    }
    let wanted = fill(&format!("key {}\n", named("k")), &[("k", "abcd")]).await.unwrap();
    assert_eq!(wanted.redact("% bad abcd"), "% bad (secret)");
}

#[tokio::test]
async fn the_old_secret_is_hidden_where_nothing_stands_before_it() {
    let diff =
        |old: &str, new: &str| format!("--- running\n+++ planned\n@@ -1 +1 @@\n same\n-{old}\n+{new}\n");
    for (template, old, new) in [
        (format!("same\n{}\n", named("k")), "the-old-one", "s3cr3t-new"),
        (format!("same\n  {} ann\n", named("k")), "  the-old-one ann", "  s3cr3t-new ann"),
        (format!("<key>\n{}\n</key>", named("k")), "the-old-one", "s3cr3t-new"),
        (format!("{{\"x\": [\"{}\"]}}", named("k")), "    \"the-old-one\",", "    \"s3cr3t-new\","),
        (format!("{{\"x\": [\"a\", \"{}\"]}}", named("k")), "    \"the-old-one\",", "    \"s3cr3t-new\","),
        (format!("{{\"x\": [\n    \"{}\"]}}", named("k")), "    \"the-old-one\",", "    \"s3cr3t-new\","),
    ] {
        let wanted = fill(&template, &[("k", "s3cr3t-new")]).await.unwrap();
        let shown = wanted.redact(&diff(old, new));
        assert_eq!(shown, diff("(secret)", &new.replace("s3cr3t-new", "(secret)")), "{template}");
    }
    let placed = fill(&format!("ntp key {}\n", named("k")), &[("k", "s3cr3t-new")]).await.unwrap();
    let other = "-ntp server 192.0.2.1\n";
    assert_eq!(placed.redact(other), other, "where its place is known nothing else is hidden");
}

#[tokio::test]
async fn each_secret_of_one_line_is_hidden_where_a_device_prints_them_in_lines_of_their_own() {
    let files = [("a", "s3cr3t-a"), ("b", "s3cr3t-b")];
    let text = format!("{{\"a\": \"{}\", \"b\": \"{}\"}}", named("a"), named("b"));
    let wanted = fill(&text, &files).await.unwrap();
    assert_eq!(
        wanted.redact("-  \"a\": \"old\",\n-  \"b\": \"older\"\n"),
        "-  \"a\": (secret)\n-  \"b\": (secret)\n"
    );
    let text = format!("<n><a>{}</a><b>{}</b></n>", named("a"), named("b"));
    let wanted = fill(&text, &files).await.unwrap();
    assert_eq!(wanted.redact("-<a>old</a>\n-<b>older</b>\n"), "-<a>(secret)</a>\n-<b>(secret)</b>\n");
}
