//! A server of a few lines: what is asked, and what its answers mean for a check.

use super::*;
use crate::fs::{Fs as _, RealFs};
use crate::secrets::Secret;
use crate::simulator::http::{HttpDevice, Store};
use std::sync::{Arc, LazyLock, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// Long enough for a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Answers everything with `answer` as it stands; gives its address and what it was asked.
async fn server(answer: String) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut lines = BufReader::new(stream);
            let mut question = String::new();
            while lines.read_line(&mut question).await.unwrap() > 2 {}
            seen.lock().unwrap().push(question.lines().next().unwrap_or_default().to_owned());
            let _ = lines.get_mut().write_all(answer.as_bytes()).await;
        }
    });
    (address, asked)
}

/// Asks with no CA of its own and nothing to hide.
fn plain() -> Asking<'static> {
    static NOTHING: LazyLock<(Redactor, Secrets)> =
        LazyLock::new(|| (Redactor::of(Vec::new()), Secrets::new("/nowhere")));
    Asking { redactor: &NOTHING.0, secrets: &NOTHING.1, ca_ref: None, limit: LIMIT }
}

fn with(redactor: &Redactor) -> Asking<'_> {
    Asking { redactor, ..plain() }
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn vector(series: &[&str]) -> String {
    let series: Vec<String> =
        series.iter().map(|value| format!(r#"{{"metric":{{}},"value":[1.5,"{value}"]}}"#)).collect();
    format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{}]}}}}"#, series.join(","))
}

#[tokio::test]
async fn a_page_is_seen_when_its_status_is_the_expected_one() {
    let (address, asked) = server(answer(200, "healthy\n")).await;
    let url = format!("{address}/health?deep=1");
    assert_eq!(http(&url, 200, &plain()).await.unwrap(), "healthy\n");
    assert_eq!(*asked.lock().unwrap(), ["GET /health?deep=1 HTTP/1.1"]);
    let failure = http(&url, 204, &plain()).await.unwrap_err();
    assert!(failure.message.ends_with("answers with status 200, not 204: healthy"), "{}", failure.message);
    let (address, _) = server(answer(503, "<p>down")).await;
    assert_eq!(http(&address, 503, &plain()).await.unwrap(), "<p>down");
    assert!(
        http(&address, 200, &plain()).await.unwrap_err().message.contains("status 503, not 200: <p>down")
    );
}

#[tokio::test]
async fn answers_that_are_none_fail_the_look_and_say_why() {
    let long = answer(200, &"x".repeat(ANSWER_BYTES_MAX + 1));
    let huge_head = format!("HTTP/1.1 200 x\r\na: {}\r\n\r\n", "x".repeat(400_000));
    for (answer, why) in [
        ("HTTP/1.1 200 x\r\ncontent-length: 99\r\n\r\nhalf".to_owned(), "broke off"),
        (long, "larger than 262144 bytes"),
        (huge_head, "failed to GET"),
        ("SSH-2.0-x\r\n".to_owned(), "failed to GET"),
        (answer(301, ""), "status 301, not 200"),
    ] {
        let (address, _) = server(answer).await;
        let failure = http(&address, 200, &plain()).await.unwrap_err();
        assert!(failure.message.contains(why) && !failure.hint.is_empty(), "{}", failure.message);
    }
    let failure = http("http://127.0.0.1:1/", 200, &plain()).await.unwrap_err();
    assert!(failure.message.contains("refused"), "{}", failure.message);
    let failure = http("nonsense", 200, &plain()).await.unwrap_err();
    assert!(failure.message.contains("no address"), "{}", failure.message);
}

#[tokio::test]
async fn a_query_gives_its_one_value() {
    for (body, seen) in [
        (vector(&["0.25"]), "0.25"),
        (r#"{"status":"success","data":{"resultType":"scalar","result":[1,"7"]}}"#.to_owned(), "7"),
    ] {
        let (address, asked) = server(answer(200, &body)).await;
        assert_eq!(prometheus(&format!("{address}/"), "max(up{a=\"b c\"})", &plain()).await.unwrap(), seen);
        assert_eq!(
            *asked.lock().unwrap(),
            ["GET /api/v1/query?query=max%28up%7Ba%3D%22b%20c%22%7D%29 HTTP/1.1"]
        );
    }
}

#[tokio::test]
async fn a_query_without_one_value_is_told_why() {
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#;
    for (status, body, why) in [
        (200, vector(&[]), "gives nothing: no series matches"),
        (200, vector(&["1", "2"]), "gives 2 series"),
        (200, matrix.to_owned(), "gives a matrix"),
        (
            400,
            r#"{"status":"error","error":"parse error at char 3"}"#.to_owned(),
            "refused: parse error at char 3",
        ),
        (404, "<html>".to_owned(), "is no Prometheus: it answers with status 404: <html>"),
        (
            200,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"value":7}]}}"#.to_owned(),
            "no text",
        ),
        (200, "[]".to_owned(), "was refused: no reason"),
    ] {
        let (address, _) = server(answer(status, &body)).await;
        let failure = prometheus(&address, "up", &plain()).await.unwrap_err();
        assert!(failure.message.contains(why), "{}", failure.message);
    }
}

#[tokio::test]
async fn what_a_server_says_is_quoted_without_secrets_also_where_the_quotation_ends_within_one() {
    let redactor = Redactor::of(vec![Secret::new("canary-canary".into())]);
    let long = format!("{}canary-canary", "x".repeat(QUOTED_CHARS_MAX - 4));
    for body in [long.clone(), r#"{"api": {"password": "canary-two"}}"#.to_owned()] {
        let (address, _) = server(answer(500, &body)).await;
        let failure = http(&address, 200, &with(&redactor)).await.unwrap_err();
        assert!(!failure.message.contains("cana"), "{}", failure.message);
        assert!(failure.message.contains("(sec"), "{}", failure.message);
        let failure = prometheus(&address, "up", &with(&redactor)).await.unwrap_err();
        assert!(!failure.message.contains("cana"), "{}", failure.message);
    }
    let (address, _) = server(answer(400, &format!(r#"{{"status":"error","error":"{long}"}}"#))).await;
    let failure = prometheus(&address, "up", &with(&redactor)).await.unwrap_err();
    assert!(failure.message.contains("xxxx(sec") && !failure.message.contains("cana"), "{}", failure.message);
}

#[tokio::test]
async fn a_page_behind_a_private_ca_is_seen_with_its_ca_and_by_no_other() {
    let served = HttpDevice::start(Store::new(&Value::Null), ("a", "b"), Some("127.0.0.1")).await.unwrap();
    let data = tempfile::tempdir().unwrap();
    for (name, text) in [("ca.pem", served.ca().unwrap()), ("other.pem", "none")] {
        RealFs.create(&data.path().join(name)).unwrap().append(text.as_bytes()).unwrap();
    }
    let secrets = Secrets::new(data.path());
    let (url, redactor) = (format!("https://{}", served.address()), Redactor::of(Vec::new()));
    let asking = |ca_ref| Asking { redactor: &redactor, secrets: &secrets, ca_ref, limit: LIMIT };
    // It wants a login, which no check has: that it says so shows that it was asked.
    http(&url, 401, &asking(Some("file:ca.pem"))).await.unwrap();
    let failure = prometheus(&url, "up", &asking(Some("file:ca.pem"))).await.unwrap_err();
    assert!(failure.message.contains("status 401"), "{}", failure.message);
    for (ca_ref, why) in [
        (None, "none of the trusted CAs"),
        (Some("file:other.pem"), "file:other.pem holds no certificate"),
        (Some("file:gone.pem"), "file:gone.pem: failed to"),
    ] {
        let failure = http(&url, 401, &asking(ca_ref)).await.unwrap_err();
        assert!(failure.message.contains(why), "{}", failure.message);
    }
}
