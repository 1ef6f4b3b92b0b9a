//! kill −9 under load: every acknowledgement that left the process is in the log.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;

const DIR: &str = "LOCKBOX_TEST_KILL_DIR";
const MARK: &str = "acknowledged ";

#[test]
fn a_killed_writer_leaves_every_acknowledged_record() {
    let dir = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 1..=3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "decision_log::tests::kill::child_that_writes_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut seen = before;
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines {
            // The very last line may be cut by the kill; the test runner's own lines are not ours.
            let Some(sequence) = line.unwrap().strip_prefix(MARK).and_then(|rest| rest.strip_suffix('.')?.parse().ok())
            else {
                continue;
            };
            seen = seen.max(sequence);
            if seen == before + round * 500 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(seen >= before + round * 500, "the child wrote");
        let (log, recovery) = open(dir.path());
        assert!(recovery.records >= seen, "{seen} were acknowledged, {} are there", recovery.records);
        log.close();
        before = recovery.records;
    }
    for (n, payload) in (1..).zip(read(dir.path())) {
        assert_eq!(payload, super::payload(n));
    }
}

#[test]
#[ignore = "only runs as the child of the test above"]
fn child_that_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let settings = Settings { segment_bytes_max: 64 << 10, ..small() };
    let (log, recovery) = DecisionLog::open(Path::new(&dir), settings, Arc::new(TestClock::default())).unwrap();
    let mut stdout = io::stdout();
    for n in recovery.records + 1.. {
        let appended = log.append_blocking(payload(n), Durability::Process).unwrap();
        assert_eq!(appended.sequence, n);
        stdout.write_all(format!("\n{MARK}{n}.\n").as_bytes()).unwrap();
        stdout.flush().unwrap();
    }
}
