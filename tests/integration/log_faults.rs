//! What is not recorded is not answered: the disk of the decision log full and free again, and `kill -9`
//! under load, each through the whole program.

use crate::app::{Settings, TestApp};
use crate::steps::{ana_reads, eventually, question, wish};
use lockbox::decision_log::Records;
use lockbox::evaluate_access::Recorded;
use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// A file system of its own, small enough to be full.
struct TinyDisk(TempDir);

impl TinyDisk {
    /// Where mounting is not permitted there is none; said loudly, because the test then shows nothing.
    fn mount(kib: u32) -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let size = format!("size={kib}k,mode=0755");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(dir)),
            failed => {
                eprintln!("SKIPPED: a full disk could not be tried, mounting is not permitted here: {failed:?}");
                None
            }
        }
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Takes every byte that is left.
    fn fill(&self) {
        let mut file = std::fs::File::create(self.ballast()).unwrap();
        for size in [65536, 4096, 512, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let _told_by_the_system = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn recorded(dir: &Path) -> Vec<Recorded> {
    let records = Records::open(dir).unwrap();
    records.map(|record| Recorded::parse(&record.unwrap().payload).unwrap()).collect()
}

#[track_caller]
fn all_are_in_the_log(seen: &BTreeSet<String>, dir: &Path) {
    let log = recorded(dir);
    let ids: BTreeSet<&str> = log.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(ids.len(), log.len(), "an id was given twice");
    let missing: Vec<_> = seen.iter().filter(|id| !ids.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "{} of {} answers are not in the log: {missing:?}", missing.len(), seen.len());
}

#[test]
fn a_full_disk_denies_everything_until_there_is_room() {
    let Some(disk) = TinyDisk::mount(2048) else { return };
    let dir = disk.0.path().join("decisions");
    let app = TestApp::start_with(Settings::of(&[
        ("LOCKBOX_LOG__DIR", dir.to_str().unwrap()),
        ("LOCKBOX_LOG__SEGMENT_BYTES_MAX", "65536"),
    ]));
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    app.operations().get("/readyz").is(200);
    let mut seen = BTreeSet::new();
    let mut ask = || {
        let reply = app.ask(&ana_reads());
        if reply.status == 200 {
            seen.insert(reply.json()["decision_id"].as_str().unwrap().to_owned());
        }
        reply
    };
    for round in 0..2 {
        disk.fill();
        // What was set aside before may still be used up, with records that are really there.
        let refused = eventually("the log is full", &mut ask, |reply| reply.status != 200);
        let problem = refused.refused(503, "decision log");
        assert_eq!(
            (problem["decision"].as_str(), problem["reason"].as_str()),
            (Some("deny"), Some("audit_unavailable"))
        );
        let beside = app.ask(&question("ben", "read", "contoso", "exchange", ""));
        assert!(beside.status == 503 || beside.json()["decision"] == "deny", "{}", beside.text());
        let readiness = app.operations().get("/readyz").is(503).json();
        let reasons = readiness["reasons"].to_string();
        assert!(readiness["ready"] == false && reasons.contains("decision_log"), "{round}: {readiness}");
        app.operations().get("/livez").is(200);
        disk.free();
        eventually("it is allowed again", &mut ask, |reply| reply.status == 200 && reply.reason() == "grant_active");
        eventually("it says so", || app.operations().get("/readyz").status, |status| *status == 200);
    }
    drop(app);
    all_are_in_the_log(&seen, &dir);
}

#[test]
fn every_answer_that_was_seen_before_kill_9_is_in_the_log() {
    let mut app = TestApp::start_process(Settings::default());
    app.granted(&wish());
    app.becomes(&ana_reads(), "grant_active");
    let dir = app.dir().join("decisions");
    let mut all = BTreeSet::new();
    for _round in 0..2 {
        let counted = AtomicUsize::new(0);
        let client = app.sidecar("exchange-frontend");
        let seen: Vec<BTreeSet<String>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6)
                .map(|number| {
                    let (client, counted) = (&client, &counted);
                    scope.spawn(move || {
                        let asked = if number % 2 == 0 {
                            ana_reads()
                        } else {
                            question("ben", "read", "contoso", "exchange", "")
                        };
                        let mut seen = BTreeSet::new();
                        // Until nobody answers any more.
                        while let Ok(reply) = client.try_post("/v1/authorize", &asked) {
                            seen.insert(reply.is(200).json()["decision_id"].as_str().unwrap().to_owned());
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                        seen
                    })
                })
                .collect();
            eventually("there is load", || counted.load(Ordering::Relaxed), |count| *count >= 300);
            app.kill();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        all.extend(seen.into_iter().flatten());
        app.restart();
        app.becomes(&ana_reads(), "grant_active");
    }
    assert!(all.len() >= 600);
    all_are_in_the_log(&all, &dir);
}
