//! The documentation, tried: every block marked `sh test` in the README and under `docs/` is run by bash,
//! in the order of its page and against a demo of that page's own, and must end and say what the page says.
//!
//! The mark is the fence's info string: `sh test`, then `exit=N` (the status of the block's last command; 0 if
//! not given), `until=TEXT` (for what takes a moment: asked again, with a bound, until the output holds TEXT) and
//! `needs=PROGRAM` (left out, loudly, where the program is missing or this one was built without `prove`).
//! A `text` block right behind it gives lines that the output must hold; `…` stands for anything within a line.
//!
//! Blocks find what a reader has: a folder with `policies`, `schemas`, `tests/policies` and `.lockbox-demo`, the
//! program on the path, and the README's variables (`AUTHORITY`, `SIDECAR`, `OPERATIONS`, a token a person).

use crate::app::{Settings, TestApp};
use lockbox::demo::{CALLERS, PEOPLE};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// How often a block with `until` is run at most.
const TRIES_MAX: usize = 200;
/// The pages that are tried; a mark on another page is noticed.
const PAGES: [&str; 7] = [
    "README.md",
    "docs/customers.md",
    "docs/customers.hu.md",
    "docs/customers-by-api.md",
    "docs/operators.md",
    "docs/security-teams.md",
    "docs/workload-developers.md",
];

#[derive(Debug, Default)]
struct Block {
    /// The line of its fence, from 1.
    line: usize,
    code: String,
    exit: i32,
    until: Option<String>,
    needs: Option<String>,
    expected: Vec<String>,
}

#[test]
fn the_readme_can_be_followed() {
    followed("README.md");
}

#[test]
fn the_page_for_customers_can_be_followed() {
    followed("docs/customers-by-api.md");
}

#[test]
fn the_page_for_operators_can_be_followed() {
    followed("docs/operators.md");
}

#[test]
fn the_page_for_security_teams_can_be_followed() {
    followed("docs/security-teams.md");
}

#[test]
fn the_page_for_workload_developers_can_be_followed() {
    followed("docs/workload-developers.md");
}

#[test]
fn every_marked_page_is_tried_and_every_link_leads_somewhere() {
    let docs = std::fs::read_dir(root().join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    let pages: Vec<String> = docs.filter(|page| page.ends_with(".md")).chain(["README.md".to_owned()]).collect();
    assert!(pages.len() >= PAGES.len(), "a page is gone: {pages:?}");
    for page in pages {
        let text = read(&page);
        assert!(PAGES.contains(&page.as_str()) || blocks(&text).is_empty(), "nobody tries {page}");
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        for link in links.filter(|link| !link.is_empty() && !link.starts_with("http")) {
            let leads_to = root().join(&page).parent().unwrap().join(link);
            assert!(leads_to.exists(), "{page} links to `{link}`, which is not there");
        }
    }
}

#[test]
fn the_readme_shows_the_map_of_the_library() {
    let (library, readme) = (read("src/lib.rs"), read("README.md"));
    let rows: Vec<&str> = library.lines().filter_map(|line| line.strip_prefix("//! ")).collect();
    let rows: Vec<&&str> = rows.iter().filter(|row| row.starts_with("| `")).collect();
    assert!(rows.len() > 10, "the map is not where it should be");
    let missing: Vec<_> = rows.into_iter().filter(|row| !readme.lines().any(|line| line == **row)).collect();
    assert!(missing.is_empty(), "not in the README as in src/lib.rs: {missing:#?}");
}

#[test]
fn marks_are_read_and_missing_lines_are_seen() {
    let page = "a\n```sh\nnot this\n```\n```sh test exit=5 until=deny\none\ntwo\n```\n```text\nx … y\n  z\n```\n\n\
                ```sh test\nthree\n```\n\n```text\nnot its output\n```\n";
    let found = blocks(page);
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].line, found[0].exit, found[0].until.as_deref()), (5, 5, Some("deny")));
    assert_eq!(
        (found[0].code.as_str(), found[0].expected.as_slice()),
        ("one\ntwo", &["x … y".into(), "  z".into()][..])
    );
    assert_eq!((found[1].exit, found[1].expected.len()), (0, 0));

    for line in ["b", "a…c", "…c", "a…", "abc", "  bc"] {
        assert!(holds("x\nabc\n", line), "{line}");
    }
    for line in ["d", "c…a", "a…d", "x…c", "abcd"] {
        assert!(!holds("x\nabc\n", line), "{line}");
    }
    let said = "\n@@@ begin 0\nx 1 y\n  z\n\n@@@ end 0 5\n\n@@@ begin 1\nleft\n\n@@@ end 1 1\n";
    let complaints = complaints("p", &found, said);
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(complaints[0].starts_with("p:14: ended with 1, not 0"), "{complaints:?}");
    assert_eq!(self::complaints("p", &found, "\n@@@ begin 0\nx\n").len(), 1, "what does not end is told once");
}

/// Tries every marked block of a page.
fn followed(page: &str) {
    if !Command::new("curl").arg("--version").output().is_ok_and(|said| said.status.success()) {
        eprintln!("!!! {page} was NOT tried: its commands need `curl`");
        return;
    }
    let mut found = blocks(&read(page));
    found.retain(|block| {
        let there = block.needs.as_ref().is_none_or(|program| {
            cfg!(feature = "prove")
                && Command::new(program).arg("--version").output().is_ok_and(|said| said.status.success())
        });
        if !there {
            eprintln!(
                "!!! {page}:{} was NOT tried: it needs `{}`",
                block.line,
                block.needs.as_deref().unwrap_or_default()
            );
        }
        there
    });
    assert!(found.len() >= 5, "{page} has only {} blocks to try", found.len());
    let app = TestApp::start_process(Settings::default());
    let place = tempfile::tempdir().unwrap();
    for folder in ["policies", "schemas", "tests/policies"] {
        copy(&root().join(folder), &place.path().join(folder));
    }
    std::os::unix::fs::symlink(app.dir(), place.path().join(".lockbox-demo")).unwrap();
    let said = run(&app, place.path(), &script(&found));
    let complaints = complaints(page, &found, &said);
    assert!(complaints.is_empty(), "{} complaint(s)\n\n{}", complaints.len(), complaints.join("\n\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The marked blocks of a page, each with the lines expected of it.
fn blocks(page: &str) -> Vec<Block> {
    let lines: Vec<&str> = page.lines().collect();
    let mut found: Vec<Block> = Vec::new();
    let (mut at, mut right_behind) = (0, None);
    while at < lines.len() {
        let Some(info) = lines[at].strip_prefix("```") else {
            at += 1;
            continue;
        };
        let length = lines[at + 1..].iter().position(|line| *line == "```");
        let end = at + 1 + length.unwrap_or_else(|| panic!("the fence of line {} is never closed", at + 1));
        let body = &lines[at + 1..end];
        let mut words = info.split_whitespace();
        match (words.next(), words.next()) {
            (Some("sh"), Some("test")) => {
                found.push(marked(at + 1, body, words));
                right_behind = Some(end + 1);
            }
            (Some("text"), None) if right_behind == Some(at) => {
                let block = found.last_mut().unwrap();
                block.expected = body.iter().map(|line| (*line).to_owned()).collect();
            }
            _ => {}
        }
        at = end + 1;
    }
    found
}

fn marked<'a>(line: usize, body: &[&str], marks: impl Iterator<Item = &'a str>) -> Block {
    let mut block = Block { line, code: body.join("\n"), ..Block::default() };
    for mark in marks {
        match mark.split_once('=') {
            Some(("exit", status)) => block.exit = status.parse().unwrap(),
            Some(("until", text)) => block.until = Some(text.to_owned()),
            Some(("needs", program)) => block.needs = Some(program.to_owned()),
            _ => panic!("line {line} has the mark `{mark}`; known are `exit=N`, `until=TEXT` and `needs=PROGRAM`"),
        }
    }
    block
}

/// All blocks as one script, so that what one sets the next finds; each between two lines that tell them apart.
fn script(blocks: &[Block]) -> String {
    let mut script = String::from("exec 2>&1\nset -u\n");
    for (number, Block { code, until, .. }) in blocks.iter().enumerate() {
        writeln!(script, "printf '\\n@@@ begin {number}\\n'").unwrap();
        match until {
            None => writeln!(script, "{code}"),
            Some(text) => writeln!(
                script,
                "for _try in $(seq {TRIES_MAX}); do\n_said=$(\n{code}\n)\n_status=$?\n\
                 case \"$_said\" in *'{text}'*) break ;; esac\ndone\nprintf '%s\\n' \"$_said\"\n(exit $_status)"
            ),
        }
        .unwrap();
        writeln!(script, "_status=$?\nprintf '\\n@@@ end {number} %s\\n' \"$_status\"").unwrap();
    }
    script
}

/// What bash says to the script, with what a reader has around him and nothing of this process's settings.
fn run(app: &TestApp, place: &Path, script: &str) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_lockbox")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path: Vec<PathBuf> = std::iter::once(program.to_owned()).chain(std::env::split_paths(&path)).collect();
    let mut bash = Command::new("bash");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LOCKBOX_") {
            bash.env_remove(name);
        }
    }
    let addresses = &app.addresses;
    for (name, address) in
        [("AUTHORITY", addresses.authority), ("SIDECAR", addresses.sidecar), ("OPERATIONS", addresses.operations)]
    {
        bash.env(name, format!("http://{address}"));
    }
    for (name, ..) in PEOPLE {
        bash.env(name.to_uppercase(), app.demo.token(name));
    }
    for (name, _) in CALLERS {
        bash.env(name.trim_end_matches("-frontend").to_uppercase(), app.demo.token(name));
    }
    bash.env("PATH", std::env::join_paths(path).unwrap()).env("DEMO_DIR", app.dir()).env("HOME", place);
    // A proxy of the surroundings must not get what is meant for this host.
    bash.env("NO_PROXY", "*").env("no_proxy", "*").env("NO_COLOR", "1");
    let said = bash.arg("-c").arg(script).current_dir(place).stdin(Stdio::null()).output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

/// What did not go as the page says.
fn complaints(page: &str, blocks: &[Block], said: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut rest = said;
    for (number, block) in blocks.iter().enumerate() {
        let place = format!("{page}:{}", block.line);
        let ended = rest
            .split_once(&format!("\n@@@ begin {number}\n"))
            .and_then(|(_, begun)| begun.split_once(&format!("\n@@@ end {number} ")))
            .and_then(|(output, behind)| Some((output, behind.split_once('\n')?)));
        let Some((output, (status, behind))) = ended else {
            // Nothing after it was run either.
            complaints.push(format!("{place}: did not end\n{}\n--- said\n{rest}", block.code));
            break;
        };
        rest = behind;
        if status != block.exit.to_string() {
            complaints
                .push(format!("{place}: ended with {status}, not {}\n{}\n--- said\n{output}", block.exit, block.code));
        }
        for line in block.expected.iter().filter(|line| !holds(output, line)) {
            complaints.push(format!("{place}: no line `{}`\n{}\n--- said\n{output}", line.trim(), block.code));
        }
    }
    complaints
}

/// Whether a line of the output holds the wanted one, `…` standing for anything.
fn holds(output: &str, wanted: &str) -> bool {
    output.lines().any(|line| {
        let mut rest = Some(line);
        for part in wanted.trim().split('…') {
            rest = rest.and_then(|rest| Some(rest.split_once(part)?.1));
        }
        rest.is_some()
    })
}
