//! A CA that lasts, refuses to be half there, and signs only what it means to sign.

use super::*;
use rcgen::{CertificateParams, IsCa};
use std::os::unix::fs::PermissionsExt;
use switchyard_proto::tls::{certificate, files};
use tempfile::TempDir;

const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
const YEAR: Duration = DAY.saturating_mul(365);

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn open(dir: &TempDir, now: Timestamp) -> Result<Pki, PkiError> {
    Pki::open_or_create(dir.path(), &[], now)
}

fn refused(dir: &TempDir) -> String {
    match open(dir, NOW) {
        Ok(_) => panic!("the CA was opened"),
        Err(error) => error.to_string(),
    }
}

fn read(dir: &TempDir, path: &str) -> Vec<u8> {
    files::read(&dir.path().join(path)).unwrap()
}

fn put(dir: &TempDir, path: &str, bytes: &[u8]) {
    files::write(&dir.path().join(path), bytes).unwrap();
}

fn site() -> SiteName {
    SiteName::new("lon").unwrap()
}

fn agent() -> AgentName {
    AgentName::new("lon-1").unwrap()
}

fn request(params: &CertificateParams, key: &KeyPair) -> String {
    params.serialize_request(key).unwrap().pem().unwrap()
}

#[test]
fn the_first_start_makes_everything_and_the_next_ones_keep_it() {
    let dir = folder();
    let first = open(&dir, NOW).unwrap().fingerprint().to_owned();
    let names = ["ca/cert.pem", "ca/key.pem", "operator/ca.pem", "operator/cert.pem", "operator/key.pem"];
    let before = names.map(|name| read(&dir, name));
    assert_eq!(open(&dir, NOW.plus(DAY)).unwrap().fingerprint(), first);
    assert_eq!(names.map(|name| read(&dir, name)), before);
    let leaf = certificate::from_pem(&before[3]).unwrap();
    assert_eq!(Identity::from_certificate(&leaf).unwrap().uri(), "spiffe://switchyard/operator/admin");
}

#[test]
fn credentials_are_for_the_owner_of_the_data_folder_alone() {
    let dir = folder();
    open(&dir, NOW).unwrap().write_context("https://127.0.0.1:7443").unwrap();
    for folder in ["ca", "operator"] {
        let path = dir.path().join(folder);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700, "{folder}");
        for name in files::names_in(&path).unwrap() {
            let mode = path.join(&name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{folder}/{name}");
        }
    }
}

#[test]
fn a_ca_that_is_half_there_is_refused_and_not_replaced() {
    for gone in ["ca/cert.pem", "ca/key.pem", "ca"] {
        let dir = folder();
        open(&dir, NOW).unwrap();
        let path = dir.path().join(gone);
        if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) }.unwrap();
        let problem = refused(&dir);
        assert!(problem.contains("backup") && problem.contains("no "), "{problem}");
        assert!(!path.exists(), "{gone} was made anew");
    }
}

#[test]
fn a_ca_that_is_damaged_is_refused_and_not_replaced() {
    let (other, cases) = (folder(), ["ca/cert.pem", "ca/key.pem"]);
    open(&other, NOW).unwrap();
    for damaged in cases {
        for content in [b"junk".to_vec(), Vec::new(), read(&other, damaged)] {
            let dir = folder();
            open(&dir, NOW).unwrap();
            put(&dir, damaged, &content);
            let problem = refused(&dir);
            assert!(problem.contains("backup") && problem.contains(".pem"), "{problem}");
            assert_eq!(read(&dir, damaged), content);
        }
    }
}

#[test]
fn a_ca_past_its_end_is_refused() {
    let dir = folder();
    open(&dir, NOW).unwrap();
    let error = open(&dir, NOW.plus(YEAR * 11)).err().map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("expired") && error.contains("clock"), "{error}");
}

#[test]
fn operator_credentials_that_do_not_work_or_end_soon_are_written_anew() {
    let other = folder();
    open(&other, NOW).unwrap();
    for (path, content, later) in [
        ("operator/cert.pem", b"junk".to_vec(), DAY),
        ("operator/cert.pem", read(&other, "operator/cert.pem"), DAY),
        ("operator/key.pem", read(&other, "operator/key.pem"), DAY),
        ("operator/ca.pem", read(&other, "operator/ca.pem"), DAY),
        ("operator/unrelated", Vec::new(), YEAR - DAY * 20),
    ] {
        let dir = folder();
        open(&dir, NOW).unwrap();
        let before = read(&dir, "operator/cert.pem");
        put(&dir, path, &content);
        let pki = open(&dir, NOW.plus(later)).unwrap();
        assert_ne!(read(&dir, "operator/cert.pem"), before, "{path}");
        assert_eq!(read(&dir, "operator/ca.pem"), pki.authority.pem.as_bytes());
    }
}

#[test]
fn the_context_leads_to_its_neighbours() {
    let dir = folder();
    open(&dir, NOW).unwrap().write_context("https://127.0.0.1:7443").unwrap();
    let text = String::from_utf8(read(&dir, "operator/context.toml")).unwrap();
    let expected =
        "server = \"https://127.0.0.1:7443\"\nca = \"ca.pem\"\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    assert_eq!(text, expected);
}

#[test]
fn the_server_answers_to_the_names_it_was_given() {
    let dir = folder();
    let names = ["Switch.example.net", "192.0.2.7", "2001:db8::7", "localhost"].map(str::to_owned);
    let shown = format!("{:?}", server_names::all(&names).unwrap());
    for name in ["switch.example.net", "192.0.2.7", "2001:db8::7", "localhost", "127.0.0.1", "::1"] {
        assert!(shown.contains(name), "{name} in {shown}");
    }
    Pki::open_or_create(dir.path(), &names, NOW).unwrap();
    for bad in ["", "a b", "http://x", "x:1", "é"] {
        let error = Pki::open_or_create(dir.path(), &[bad.to_owned()], NOW).err();
        assert!(matches!(&error, Some(PkiError::Name(name)) if name == bad), "{bad}: {error:?}");
    }
}

#[test]
fn a_certificate_says_what_the_coordinator_says_whatever_the_request_asks_for() {
    let dir = folder();
    let pki = open(&dir, NOW).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut greedy = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let operator = "spiffe://switchyard/operator/admin";
    greedy.subject_alt_names.push(SanType::URI(operator.try_into().unwrap()));
    greedy.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    greedy.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (leaf, ca) = pki.sign_agent(&request(&greedy, &key), &site(), &agent(), NOW).unwrap();

    let leaf = certificate::from_pem(leaf.as_bytes()).unwrap();
    assert_eq!(Identity::from_certificate(&leaf), Ok(Identity::Agent { site: site(), agent: agent() }));
    assert_eq!(certificate::public_key(&leaf).unwrap(), key.subject_public_key_info());
    assert_eq!(certificate::valid_until(&leaf).unwrap(), NOW.plus(YEAR));
    assert_eq!(ca.as_bytes(), read(&dir, "operator/ca.pem"));
    for asked_for in ["localhost", "operator/admin"] {
        let found = leaf.windows(asked_for.len()).any(|bytes| bytes == asked_for.as_bytes());
        assert!(!found, "{asked_for} is in the certificate");
    }
    // id-kp-serverAuth and the basic constraint `cA` set, in DER.
    for forbidden in [&[0x2b, 6, 1, 5, 5, 7, 3, 1][..], &[0x30, 0x03, 0x01, 0x01, 0xff]] {
        assert!(!leaf.windows(forbidden.len()).any(|bytes| bytes == forbidden), "{forbidden:x?}");
    }
}

#[test]
fn a_request_that_does_not_prove_its_key_is_not_signed() {
    let pki = open(&folder(), NOW).unwrap();
    let sign = |csr: &str| pki.sign_agent(csr, &site(), &agent(), NOW);
    let key = KeyPair::generate().unwrap();
    let good = request(&CertificateParams::default(), &key);
    assert!(sign(&good).is_ok());

    let der = CertificateParams::default().serialize_request(&key).unwrap().der().to_vec();
    let mine = der.windows(65).position(|bytes| bytes == key.der_bytes()).unwrap();
    let mut stolen = der.clone();
    stolen[mine..mine + 65].copy_from_slice(KeyPair::generate().unwrap().der_bytes());
    let stolen = CertificateSigningRequestParams::from_der(&stolen.as_slice().into());
    assert!(matches!(stolen, Err(rcgen::Error::InvalidCertificationRequestSignature)), "{stolen:?}");

    assert!(matches!(sign("junk"), Err(CsrRefused::Invalid(_))));
    assert!(matches!(sign(&"x".repeat(CSR_BYTES_MAX + 1)), Err(CsrRefused::TooLarge(_))));
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let other = request(&CertificateParams::default(), &KeyPair::generate_for(algorithm).unwrap());
        assert!(matches!(sign(&other), Err(CsrRefused::Key)), "{algorithm:?}");
    }
}
