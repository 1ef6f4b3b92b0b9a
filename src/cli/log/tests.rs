//! Reading logs that the real data path wrote, whole and damaged.

use super::super::output::{ColorWhen, Format};
use super::entry::Filter;
use super::*;
use crate::evaluate_access::testing::write_log;
use clap::Parser;

fn log(count: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write_log(dir.path(), count, 1 << 16, true);
    dir
}

fn tailed(dir: &Path, lines: u32, format: Format) -> (Result<Exit, CliError>, String) {
    let mut out = Vec::new();
    let ended = tail::run(dir, lines, false, &mut out, &Output::new(format, ColorWhen::Never));
    (ended, String::from_utf8(out).unwrap())
}

#[derive(Parser)]
struct Only {
    #[command(flatten)]
    filter: Filter,
}

fn exported(dir: &Path, arguments: &[&str]) -> (Result<Exit, CliError>, Vec<serde_json::Value>) {
    let filter = Only::try_parse_from([&["x"], arguments].concat()).unwrap().filter;
    let (mut out, output) = (Vec::new(), Output::new(Format::Text, ColorWhen::Never));
    let ended = export::run(&mut open(dir).unwrap(), &filter, &mut out, &output);
    let lines = String::from_utf8(out).unwrap();
    (ended, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn the_tail_is_aligned_and_ends_with_the_last_record() {
    let dir = log(2000);
    let (ended, text) = tailed(dir.path(), 8, Format::Text);
    assert_eq!(ended.unwrap(), Exit::Fine);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 8, "{text}");
    let column = lines[0].find("ana@").unwrap();
    assert!(lines[1].find("ben@") == Some(column) && lines[7].find("Ana@") == Some(column), "{text}");
    assert!(lines[0].contains("allow  grant_active") && lines[0].contains("LBX-1001"), "{text}");
    assert!(lines[7].contains("malformed_name") && lines[7].contains("\\u{1b}[31m"), "{text}");
    assert!(!text.contains('\u{1b}'), "a name must not steer the terminal");
}

#[test]
fn the_tail_is_the_same_however_much_of_the_log_is_read() {
    let dir = log(2000);
    let all: Vec<Vec<u8>> = open(dir.path()).unwrap().map(|record| record.unwrap().payload).collect();
    for lines in [0, 1, 7, 300, 1999, 2000, 5000] {
        let (_, text) = tailed(dir.path(), lines, Format::Json);
        let expected = &all[all.len().saturating_sub(lines as usize)..];
        let found: Vec<&[u8]> = text.lines().map(str::as_bytes).collect();
        assert!(found == expected, "{lines}: {} lines", found.len());
    }
}

#[test]
fn an_export_is_byte_for_byte_and_filters_hold_together() {
    let dir = log(80);
    assert_eq!(exported(dir.path(), &[]).1.len(), 80);
    for (arguments, count) in [
        (&["--tenant", "fabrikam"][..], 10),
        (&["--reason", "policy_denied"], 10),
        (&["--decision", "allow", "--tenant", "contoso"], 10),
        (&["--access-request", "LBX-1002"], 10),
        (&["--engineer", "ben@provider.example", "--decision", "deny"], 10),
        (&["--workload", "sharepoint"], 0),
        (&["--since", "2026-11-22T09:30:00Z"], 80),
        (&["--until", "2026-11-22T09:30:00Z"], 0),
        (&["--since", "2026-11-22T09:30:00.001Z"], 0),
    ] {
        let (ended, lines) = exported(dir.path(), arguments);
        assert_eq!(ended.unwrap(), Exit::Fine);
        assert_eq!(lines.len(), count, "{arguments:?}");
    }
}

#[test]
fn a_damaged_log_is_told_with_file_and_byte_after_what_came_before() {
    let dir = log(400);
    let mut segments: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    segments.retain(|path| path.extension().is_some_and(|end| end == "log"));
    segments.sort();
    let last = segments.last().unwrap();
    let mut bytes = std::fs::read(last).unwrap();
    bytes[200] ^= 1;
    std::fs::write(last, bytes).unwrap();
    let (ended, lines) = exported(dir.path(), &[]);
    let told = ended.unwrap_err();
    assert_eq!(told.exit(), Exit::Failed);
    assert!(told.to_string().contains("is corrupt at byte 48"), "{told}");
    assert!(told.to_string().contains(&last.display().to_string()), "{told}");
    assert!(!lines.is_empty() && lines.len() < 400);
    let (ended, text) = tailed(dir.path(), 5, Format::Text);
    assert!(ended.is_err());
    assert_eq!(text.lines().count(), 5, "{text}");
}

#[test]
fn a_log_that_is_not_there_is_told() {
    let (ended, _) = tailed(Path::new("no/such/log"), 5, Format::Text);
    assert!(ended.unwrap_err().to_string().contains("no/such/log"));
}
