//! Where a device's RESTCONF begins, RFC 8040 section 3.1, and whether it lets us in.

use super::{RestconfSession, YANG_JSON};
use crate::executor::Failure;
use crate::executor::http::trouble;
use crate::executor::http::wire::{Ask, Place};
use crate::executor::netconf::xml;
use crate::http_client::Reply;
use switchyard_shared::outcome::{Class, Phase};

/// Where it begins when nobody says: what most devices have, and the RFC's own example.
pub(super) const FALLBACK: &str = "/restconf";
/// Where a device says it, RFC 6415 section 2.
const HOST_META: &str = "/.well-known/host-meta";
const XRD: &str = "application/xrd+xml";
/// Longest root, in bytes.
const ROOT_BYTES_MAX: usize = 512;
/// What a device that takes several changes in one request says of itself, RFC 8072 section 4.1.
const YANG_PATCH: &str = "urn:ietf:params:restconf:capability:yang-patch:1.0";
/// What a device with a startup configuration says of itself, RFC 6241 section 8.7.4.
const STARTUP: &str = "urn:ietf:params:netconf:capability:startup:1.0";
/// Where it says so, RFC 8040 section 9.1.
const CAPABILITIES: &str = "/data/ietf-restconf-monitoring:restconf-state/capabilities";

/// Finds the root and knocks at it; gives whether the device has accepted the login.
pub(super) async fn find(session: &mut RestconfSession) -> Result<bool, Failure> {
    let place = Place { path: HOST_META, accept: XRD, only_if: None };
    let reply = session.wire.send(&Ask::Get, place, None).await;
    let reply = reply.map_err(|error| session.wire.failed(&error, Phase::Connect))?;
    if reply.status == 200 {
        session.root = root(&reply.body).map_err(|why| {
            let message = format!("{}: failed to {why} in its {HOST_META}", session.place());
            Failure::new(Class::Unreachable, Phase::Connect, message).with_hint(
                "nothing was written; correct what the device says of its RESTCONF, RFC 8040 section 3.1",
            )
        })?;
    } else if trouble::ends_everything(reply.status) {
        return Err(session.wire.refused(&reply, Phase::Connect, HOST_META));
    }
    // What many devices answer to anybody says nothing of the login: this does.
    let path = format!("{}{CAPABILITIES}", session.root);
    let reply = knock(session, &path).await?;
    if reply.status != 200 {
        // The one resource that every device has, RFC 8040 section 3.3.
        let path = session.root.clone();
        return Ok(matches!(knock(session, &path).await?.status, 200..=299));
    }
    let said = String::from_utf8_lossy(&reply.body);
    // JSON may write each slash as \/, but these are colons alone.
    session.yang_patch = said.contains(YANG_PATCH);
    session.startup = said.contains(STARTUP);
    Ok(true)
}

async fn knock(session: &mut RestconfSession, path: &str) -> Result<Reply, Failure> {
    let path = if path.is_empty() { "/" } else { path };
    let reply = session.get(path).await.map_err(|error| session.wire.failed(&error, Phase::Connect))?;
    match trouble::ends_a_login(reply.status) {
        true => Err(session.wire.refused(&reply, Phase::Connect, path)),
        false => Ok(reply),
    }
}

/// The root that an XRD document names: a path of this very server.
fn root(body: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "read UTF-8".to_owned())?;
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let text = match text.strip_prefix("<?xml") {
        Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest),
        None => text,
    };
    let document = xml::parse(text).map_err(|error| error.to_string())?;
    let links = document.children.iter().filter(|child| child.name == "Link");
    let mut ours = links.filter(|link| link.attribute("", "rel") == Some("restconf"));
    let Some(root) = ours.find_map(|link| link.attribute("", "href")) else {
        return Err("find a link to RESTCONF".into());
    };
    let root = root.trim_end_matches('/');
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b);
    if root.starts_with("//") || !(root.is_empty() || root.starts_with('/')) || !root.bytes().all(plain) {
        return Err(format!("use {root:?}: it is no path of this device"));
    }
    if root.len() > ROOT_BYTES_MAX {
        return Err(format!("use its root: it is longer than {ROOT_BYTES_MAX} bytes"));
    }
    Ok(root.to_owned())
}

/// What is asked for and sent.
pub(super) fn data_place<'a>(path: &'a str, only_if: Option<&'a str>) -> Place<'a> {
    Place { path, accept: YANG_JSON, only_if }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xrd(href: &str) -> String {
        format!(
            "<?xml version='1.0'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>\
             <Link rel='lrdd' href='/other'/><Link rel='restconf' href='{href}'/></XRD>"
        )
    }

    #[test]
    fn the_root_is_where_the_device_says_and_never_at_another_server() {
        assert_eq!(root(xrd("/restconf").as_bytes()), Ok("/restconf".into()));
        assert_eq!(root(xrd("/api/rc/").as_bytes()), Ok("/api/rc".into()));
        assert_eq!(root(xrd("/").as_bytes()), Ok(String::new()));
        for href in
            ["https://evil.example/restconf", "//evil.example", "restconf", "/a?b", "/a b", "/a\u{7f}"]
        {
            assert!(root(xrd(href).as_bytes()).is_err(), "{href}");
        }
        assert_eq!(root(b"<XRD/>"), Err("find a link to RESTCONF".into()));
        assert!(root(b"{}").is_err() && root(b"\xff").is_err());
    }
}
