//! Which server is asked, and whose token it is shown.

use super::*;

fn connect(dir: &Path, who: Option<&str>) -> Connect {
    Connect {
        authority: None,
        sidecar: None,
        token_file: None,
        ca_file: None,
        who: who.map(str::to_owned),
        demo_dir: dir.to_owned(),
    }
}

const DEMO: &str = r#"{"authority": "http://127.0.0.1:41", "sidecar": "http://127.0.0.1:42",
    "people": {"ana": {"id": "ana@provider.example", "token": "secret-of-ana"}},
    "callers": {"exchange-frontend": {"workload": "exchange", "token": "secret-of-exchange"}}}"#;

#[test]
fn a_demo_in_the_folder_gives_address_and_person() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("demo.json"), DEMO).unwrap();
    let ana = connect(dir.path(), Some("ana"));
    let demo = ana.demo().unwrap();
    assert_eq!(ana.token(demo.as_ref(), None).unwrap().as_deref(), Some("secret-of-ana"));
    let stranger = connect(dir.path(), Some("eve"));
    let error = stranger.token(demo.as_ref(), None).unwrap_err().to_string();
    assert!(error.contains("`eve`") && error.contains("ana, exchange-frontend"), "{error}");
}

#[test]
fn without_a_demo_nobody_can_be_named() {
    let dir = tempfile::tempdir().unwrap();
    assert!(connect(dir.path(), None).demo().unwrap().is_none());
    let error = connect(dir.path(), Some("ana")).demo().unwrap_err().to_string();
    assert!(error.contains("lockbox serve --demo"), "{error}");
}

#[test]
fn a_token_file_holds_one_token() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "lbx_abc\n").unwrap();
    assert_eq!(read_token(&path).unwrap(), "lbx_abc");
    for wrong in ["", "a b", "a\nb"] {
        std::fs::write(&path, wrong).unwrap();
        assert!(read_token(&path).is_err(), "{wrong:?}");
    }
    assert!(read_token(&dir.path().join("gone")).is_err());
}

#[test]
fn a_token_never_goes_unprotected_to_another_host() {
    assert!(client("http://authority.example", Some("t".to_owned()), "authority", None).is_err());
    assert!(client("http://127.0.0.1.evil.example", Some("t".to_owned()), "authority", None).is_err());
    assert!(client("https://authority.example/", Some("t".to_owned()), "authority", None).is_ok());
    assert!(client("http://127.0.0.1:8180", Some("t".to_owned()), "authority", None).is_ok());
    assert!(client("authority.example", None, "authority", None).is_err());
}
