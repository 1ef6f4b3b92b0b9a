//! The record in PostgreSQL, and what is done to a record from its host: backup, recovery and move, as an operator
//! does it.

use crate::app::{Settings, TestApp};
use crate::postgres::{Database, USER, program};
use crate::process::lockbox;
use crate::restarts::interrupted;
use crate::steps::{ana_reads, wish};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

fn on(database: &Database) -> Settings {
    Settings::of(&[("LOCKBOX_AUTHORITY__DATABASE", &database.url())])
}

/// `lockbox authority …` with the configuration of a folder.
fn authority(config: &Path, args: &[&str]) -> Output {
    lockbox().arg("authority").args(args).arg("--config").arg(config).output().unwrap()
}

#[track_caller]
fn told(output: &Output, code: i32) -> String {
    let said = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned()).concat();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

#[track_caller]
fn json(output: &Output) -> Value {
    told(output, 0);
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The settings of a folder with another database.
fn with_database(app: &TestApp, url: &str) -> std::path::PathBuf {
    let text = std::fs::read_to_string(app.dir().join("lockbox.toml")).unwrap();
    let text: Vec<_> = text
        .lines()
        .map(|line| if line.starts_with("database = ") { format!("database = \"{url}\"") } else { line.to_owned() })
        .collect();
    let path = app.dir().join("server.toml");
    std::fs::write(&path, text.join("\n")).unwrap();
    path
}

#[test]
fn the_story_is_the_same_in_postgresql_after_kill_9() {
    let database = Database::new();
    interrupted(TestApp::start_process(on(&database)), TestApp::kill_and_restart);
}

/// Makes a backup, revokes, restores with `restore`, recovers, and starts again.
fn restored(mut app: TestApp, config: &Path, backup: impl Fn(), restore: impl Fn()) {
    let granted = app.granted(&wish());
    let pending = app.pending(&wish());
    app.becomes(&ana_reads(), "grant_active");
    backup();
    // What the backup does not know of.
    app.end("csilla", &granted, "revoke").is(200);
    let running = authority(config, &["recover", "--yes"]);
    assert!(told(&running, 1).contains("first"), "an authority runs");
    app.kill();
    restore();
    let asked = told(&authority(config, &["recover"]), 2);
    assert!(asked.contains("all active Grants (1)") && asked.contains("--yes"), "{asked}");
    let recovered =
        json(&authority(config, &["recover", "--yes", "--operator", "otto@provider.example", "--output", "json"]));
    assert_eq!((&recovered["before"]["epoch"], &recovered["after"]["epoch"]), (&1.into(), &2.into()));
    assert_eq!((&recovered["revoked"], &recovered["ended"]), (&1.into(), &0.into()));
    app.start_again();
    assert_eq!(app.show("csilla", &granted).is(200).state(), "revoked");
    assert_eq!(app.show("csilla", &pending).is(200).state(), "notified");
    let denied = app.ask(&ana_reads());
    assert_eq!(denied.json()["decision"], "deny");
    app.end("ana", &pending, "withdraw").is(200);
    app.becomes(&ana_reads(), "grant_revoked");
    let events = app.authority("csilla").get(&format!("/v1/access-requests/{granted}/events")).is(200).json();
    let last = events["items"].as_array().unwrap().iter().rfind(|event| event["kind"] == "revoked").unwrap();
    assert!(last.to_string().contains("restored from a backup"), "{last}");
    assert!(last.to_string().contains("otto@provider.example"), "{last}");
}

#[test]
fn a_restored_file_is_recovered_before_anybody_is_let_in() {
    let app = TestApp::start_process(Settings::default());
    let (config, file) = (app.dir().join("lockbox.toml"), app.dir().join("lockbox.db"));
    let copy = app.dir().join("copy.db");
    let backup = || {
        let said = told(&authority(&config, &["backup", copy.to_str().unwrap()]), 0);
        assert!(said.contains("add up to the state hash"), "{said}");
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    };
    let restore = || {
        std::fs::copy(&copy, &file).unwrap();
        for beside in ["lockbox.db-wal", "lockbox.db-shm"] {
            let _not_there = std::fs::remove_file(file.with_file_name(beside));
        }
    };
    restored(app, &config, backup, restore);
}

/// The blocks of the page for operators that are marked `sh postgres`, by a word in them.
fn commands(word: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut blocks = page.split("```sh postgres\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.find(|block| block.contains(word)).unwrap_or_else(|| panic!("no block of the page has `{word}`")).to_owned()
}

#[test]
fn a_restored_database_is_recovered_by_the_commands_of_the_page() {
    let database = Database::named("lockbox");
    let app = TestApp::start_process(on(&database));
    let config = with_database(&app, &database.url());
    let files = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(files.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let run = |word: &str| {
        let script = commands(word).replace("/backup", files.path().to_str().unwrap());
        // PostgreSQL's programs, as the user who owns the database.
        let bin = Path::new(program("psql").get_program()).parent().unwrap().display().to_string();
        let mut bash = Command::new("bash");
        bash.args(["-euc", &script]).env("PATH", format!("{bin}:{}", std::env::var("PATH").unwrap()));
        bash.env("PGHOST", &database.socket).env("PGUSER", USER);
        told(&bash.output().unwrap(), 0);
    };
    // What the program says to do is what the page says.
    let said = told(&authority(&config, &["backup", "/backup/lockbox.dump"]), 1);
    assert!(said.contains(commands("pg_dump").trim()), "{said}");
    restored(app, &config, || run("pg_dump"), || run("pg_restore"));
}

#[test]
fn a_record_is_moved_to_a_server_and_the_story_goes_on_there() {
    let database = Database::new();
    let mut app = TestApp::start_process(Settings::default());
    let (granted, pending) = (app.granted(&wish()), app.pending(&wish()));
    let file = app.dir().join("lockbox.db");
    let config = with_database(&app, &database.url());
    let moving = |extra: &[&str]| authority(&config, &[&["move", "--from", file.to_str().unwrap()], extra].concat());
    assert!(told(&moving(&[]), 1).contains("stop the authority first"));
    app.kill();
    let wrong = authority(&app.dir().join("lockbox.toml"), &["move", "--from", file.to_str().unwrap()]);
    assert!(told(&wrong, 2).contains("postgres://"));
    let moved = json(&moving(&["--output", "json"]));
    assert_eq!((&moved["rows"]["access_request"], &moved["found_there"]), (&2.into(), &false.into()));
    assert!(told(&moving(&[]), 1).contains("was moved"));
    // The file is no place to start from any more.
    let old = lockbox().args(["serve", "--config"]).arg(app.dir().join("lockbox.toml")).output().unwrap();
    assert!(told(&old, 1).contains("was moved to a database server"));
    app.set("LOCKBOX_AUTHORITY__DATABASE", &database.url());
    app.start_again();
    app.becomes(&ana_reads(), "grant_active");
    app.approve("csilla", &pending, &serde_json::json!({})).is(200);
    app.end("csilla", &granted, "revoke").is(200);
    assert_ne!(app.submit("ana", &wish()), pending);
}
