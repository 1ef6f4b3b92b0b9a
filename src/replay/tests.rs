//! Replaying logs that the real data path wrote: by the same policies nothing changes; by others exactly
//! what they change; and nothing is passed over.

use super::*;
use crate::decision_log::{DecisionLog, Durability, LogClock};
use crate::evaluate_access::testing::{write_log, write_varied_log};
use crate::evaluate_access::{Recorded, Skimmed};
use crate::policy::{SourceFile, Sources};
use std::path::Path;

const SMALL: u64 = 1 << 16;
const FEW: Settings = Settings { workers: 2, changes_max: 5 };

fn shipped() -> Sources {
    Sources::shipped()
}

fn set(sources: &Sources) -> PolicySet {
    PolicySet::from_sources(sources).unwrap()
}

fn run(dir: &Path, policies: &PolicySet, settings: Settings) -> Report {
    replay(&mut Records::open(dir).unwrap(), policies, settings, &mut |_| {}).unwrap()
}

/// A log of `count` questions of eight kinds in turn.
fn log(count: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), count, SMALL, true);
    dir
}

/// The shipped set without the policy of that id.
fn without(id: &str) -> Sources {
    let mut sources = shipped();
    for file in &mut sources.policies {
        let Some((before, policy)) = file.text.split_once(&format!("@id(\"{id}\")")) else { continue };
        let (_, after) = policy.split_once("};").unwrap();
        file.text = format!("{before}{after}").into();
        return sources;
    }
    panic!("there is no policy `{id}`");
}

#[test]
fn by_the_same_policies_nothing_changes() {
    let dir = log(2000);
    let report = run(dir.path(), &set(&shipped()), FEW);
    assert_eq!(report.read, 2000);
    assert_eq!((report.decided, report.unchanged), (1750, 1750), "{report:#?}");
    assert_eq!(report.not_replayable, [("stated_only", 250)].into());
    assert!(report.is_good() && report.changes.is_empty());
}

#[test]
fn what_a_policy_forbade_is_newly_allowed_without_it() {
    let dir = log(800);
    let report = run(dir.path(), &set(&without("refuse-unmanaged-device")), FEW);
    assert_eq!(report.changed, Counts { newly_allowed: 100, newly_denied: 0, reason_changed: 0 }, "{report:#?}");
    assert_eq!(report.by_reason.keys().collect::<Vec<_>>(), ["policy_denied → grant_active"]);
    assert_eq!(report.by_tenant.get("contoso").map(|counts| counts.newly_allowed), Some(100));
    assert!(!report.is_good());
    // The first of them in the order of the log, whichever worker had them.
    let sequences: Vec<u64> = report.changes.iter().map(|changed| changed.sequence).collect();
    assert_eq!(sequences, [6, 14, 22, 30, 38]);
}

#[test]
fn what_a_new_policy_forbids_is_newly_denied() {
    let dir = log(80);
    let mut sources = shipped();
    let text = "@id(\"nobody-reads\") forbid (principal is Lockbox::Engineer, action == Lockbox::Action::\"read\", \
                resource is Lockbox::Content) when { resource.tenant == Lockbox::Tenant::\"contoso\" };";
    sources.policies.push(SourceFile { name: "policies/more.cedar".to_owned(), text: text.into() });
    let report = run(dir.path(), &set(&sources), FEW);
    assert_eq!((report.changed.newly_allowed, report.changed.newly_denied), (0, 10), "{report:#?}");
    assert_eq!(report.by_policy.get("nobody-reads").map(|counts| counts.newly_denied), Some(10));
    assert!(report.is_good());
}

#[test]
fn questions_that_are_asked_once_are_decided_as_they_were() {
    let dir = tempfile::tempdir().unwrap();
    write_varied_log(dir.path(), 800, SMALL);
    let report = run(dir.path(), &set(&shipped()), FEW);
    assert_eq!((report.decided, report.unchanged), (700, 700), "{report:#?}");
    let report = run(dir.path(), &set(&without("refuse-unmanaged-device")), FEW);
    assert_eq!(report.changed, Counts { newly_allowed: 100, newly_denied: 0, reason_changed: 0 }, "{report:#?}");
}

#[test]
fn without_a_lease_there_is_nothing_to_decide_by() {
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), 16, SMALL, false);
    let report = run(dir.path(), &set(&shipped()), FEW);
    assert_eq!(report.not_replayable, [("no_lease", 14), ("stated_only", 2)].into());
    assert_eq!(report.decided, 0);
}

struct Still;

impl LogClock for Still {
    fn wall_ms(&self) -> u64 {
        1
    }
    fn boot_ms(&self) -> u64 {
        1
    }
}

#[test]
fn a_record_of_another_version_is_counted_and_the_first_is_named() {
    let dir = log(8);
    let (log, _) = DecisionLog::open(dir.path(), crate::decision_log::Settings::default(), Arc::new(Still)).unwrap();
    for text in [r#"{"v":2}"#, "no JSON"] {
        log.append_blocking(text.into(), Durability::Process).unwrap();
    }
    log.close();
    let report = run(dir.path(), &set(&shipped()), FEW);
    assert_eq!((report.read, report.unreadable), (10, 2));
    let first = report.first_unreadable.clone().unwrap();
    assert_eq!(first.sequence, 9);
    assert!(first.why.contains("record version 2") && first.offset > 0, "{first:?}");
    assert!(!report.is_good());
}

/// A log of `payloads` as they are.
fn log_of(payloads: Vec<Vec<u8>>) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = DecisionLog::open(dir.path(), crate::decision_log::Settings::default(), Arc::new(Still)).unwrap();
    for payload in payloads {
        log.append_blocking(payload, Durability::Process).unwrap();
    }
    log.close();
    dir
}

fn payloads(dir: &Path) -> Vec<Vec<u8>> {
    Records::open(dir).unwrap().map(|record| record.unwrap().payload).collect()
}

#[test]
fn what_was_said_before_is_not_said_again_when_time_has_changed_it() {
    // The first of eight kinds: allowed for two hours from ten minutes ago.
    let written = log(1);
    let text = String::from_utf8(payloads(written.path()).remove(0)).unwrap();
    let (before, rest) = text.split_once("\"now_ms\":[").unwrap();
    let (_, after) = rest.split_once(']').unwrap();
    let at = |minutes: i64| {
        let now = crate::evaluate_access::testing::NOW_MS + minutes * 60_000;
        format!("{before}\"now_ms\":[{now},{}]{after}", now + 5).into_bytes()
    };
    let minutes = [0, 1, 119, 120, 121, 119, -9, -11, 0];
    let dir = log_of(minutes.map(at).to_vec());
    let report = run(dir.path(), &set(&shipped()), Settings { workers: 1, changes_max: 9 });
    let denied: Vec<u64> = report.changes.iter().map(|changed| changed.sequence).collect();
    assert_eq!(denied, [4, 5, 8], "{report:#?}");
    assert_eq!((report.unchanged, report.changed.newly_denied), (6, 3));
}

#[test]
fn a_skimmed_record_says_what_the_whole_one_says() {
    let written = log(16);
    for payload in payloads(written.path()) {
        let (skimmed, whole) = (Skimmed::parse(&payload).unwrap(), Recorded::parse(&payload).unwrap());
        assert_eq!((&*skimmed.id, &*skimmed.at), (&*whole.id, &*whole.at.to_string()));
        assert_eq!((skimmed.allowed(), &*skimmed.reason), (whole.allowed, &*whole.reason));
        assert_eq!((skimmed.now(), skimmed.policies().unwrap()), (whole.now, whole.policies));
        let question = skimmed.question().unwrap();
        assert_eq!(question, whole.question);
        assert_eq!(
            (question.is_some(), skimmed.facts_bytes().is_some()),
            (whole.question.is_some(), whole.known.is_some())
        );
        if let (Some(question), Some(known)) = (question, whole.known) {
            assert_eq!(skimmed.known(&question).unwrap().unwrap().accesses, known.accesses);
        }
    }
}

#[test]
fn damage_ends_it_and_what_came_before_counts() {
    let dir = log(400);
    let mut segments: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|end| end == "log"));
    segments.sort();
    let mut bytes = std::fs::read(&segments[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segments[1], bytes).unwrap();
    let report = run(dir.path(), &set(&shipped()), FEW);
    let damaged = report.damaged.clone().unwrap();
    assert!(damaged.contains("is corrupt at byte") && damaged.contains("lockbox-decisions-"), "{damaged}");
    assert!(report.read > 0 && report.read < 400 && !report.is_good());
}

#[test]
fn any_number_of_workers_finds_the_same() {
    let dir = log(600);
    let policies = set(&without("refuse-unmanaged-device"));
    let one = run(dir.path(), &policies, Settings { workers: 1, ..FEW });
    for workers in [2, 8] {
        assert_eq!(run(dir.path(), &policies, Settings { workers, ..FEW }), one);
    }
}

/// For measuring with `lockbox replay --threads 1`: `LOCKBOX_GENERATE_LOG=DIR LOCKBOX_GENERATE_COUNT=200000`; with
/// `LOCKBOX_GENERATE_VARIED=1` few questions are asked twice.
#[test]
#[ignore = "writes a large log where it is told to"]
fn generate_a_log() {
    let dir = std::env::var("LOCKBOX_GENERATE_LOG").unwrap();
    let count = std::env::var("LOCKBOX_GENERATE_COUNT").map_or(200_000, |count| count.parse().unwrap());
    if std::env::var_os("LOCKBOX_GENERATE_VARIED").is_some() {
        write_varied_log(Path::new(&dir), count, 64 << 20);
    } else {
        write_log(Path::new(&dir), count, 64 << 20, true);
    }
}
