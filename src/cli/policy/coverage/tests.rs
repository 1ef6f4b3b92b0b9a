//! Coverage as text, as a file, and as Chromium shows the page.

use super::super::tests::{HERE, changed, ends};
use super::*;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Few enough tests that every kind of condition is there: covered, half covered, and not at all.
fn partly(name: &str) -> bool {
    name.contains("an unmanaged device") || name.contains("nothing stated")
}

fn partly_page() -> String {
    let (report, files) = cover_dir(Path::new(HERE), &partly).unwrap();
    page::page(&report, files).unwrap()
}

#[test]
fn the_text_says_how_each_condition_decides() {
    let (report, _) = cover_dir(Path::new(HERE), &partly).unwrap();
    let text = shown(&report, &|text, _| text.to_owned());
    for line in [
        "forbid refuse-unmanaged-device: decided in 1 test\n",
        "  both     1 allow   1 deny  context has device_managed\n",
        "  deny     0 allow   1 deny  !context.device_managed\n",
        "permit content-access-with-grant: decided in 1 test\n",
        "  allow    1 allow   0 deny  context has grant\n",
        "permit let-approver-answer: never decided\n",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let whole = cover_dir(Path::new(HERE), &|_| true).unwrap().0;
    let text = shown(&whole, &|text, _| text.to_owned());
    assert!(text.contains("100 %: ") && !text.contains("  never  "), "{text}");
}

#[test]
fn it_is_written_to_a_file_where_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("coverage");
    let path = out.to_str().unwrap();
    assert_eq!(ends(&["coverage", HERE, "--out", path]).unwrap(), Exit::Fine);
    assert!(std::fs::read_to_string(&out).unwrap().contains("100 %: "));
    let beyond = dir.path().join("none").join("coverage");
    let error = ends(&["coverage", HERE, "--out", beyond.to_str().unwrap()]).unwrap_err();
    assert!(error.to_string().contains("cannot write"), "{error}");
    let wrong = changed("policies/guardrails.cedar", "!context.device_managed", "context.device_managed");
    assert_eq!(ends(&["coverage", wrong.path().to_str().unwrap(), "--out", path]).unwrap(), Exit::ProofFailed);
    assert!(matches!(ends(&["coverage", HERE, "--run", "no such test"]), Ok(Exit::ProofFailed)));
}

#[test]
fn a_page_says_which_tests_fail() {
    let wrong = changed("policies/guardrails.cedar", "!context.device_managed", "context.device_managed");
    let (report, files) = cover_dir(wrong.path(), &|_| true).unwrap();
    let page = page::page(&report, files).unwrap();
    assert!(page.contains("What they cover is not what is meant"), "{page}");
    assert!(page.contains("<li>what no Grant can lift: an unmanaged device</li>"), "{page}");
}

#[test]
fn the_page_stands_alone_and_marks_the_source() {
    let page = partly_page();
    for foreign in ["<script", "<link", "<img", "http:", "https:", "@import", "url(", " src="] {
        assert!(!page.contains(foreign), "the page has `{foreign}` in it");
    }
    for marked in [
        "<mark class=\"both\" title=\"decided both an allow and a deny\">context has device_managed</mark>",
        "<mark class=\"deny\" title=\"decided a deny, never an allow\">!context.device_managed</mark>",
        "<mark class=\"allow\" title=\"decided an allow, never a deny\">context has grant</mark>",
        "<mark class=\"never\" title=\"never decided\">",
    ] {
        assert!(page.contains(marked), "{marked}: {page}");
    }
    assert!(!page.contains("was not found"), "every condition has its place");
}

/// Chromium, where there is one.
fn chromium() -> Option<&'static str> {
    let there = |name: &&str| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(there)
}

/// Shows a page in a frame of a width, everything unfolded, and says what became of it.
const LOOK: &str = r#"<!doctype html><meta charset="utf-8">
<iframe id="frame" width="WIDTH" height="800" style="border:0"></iframe><pre id="seen"></pre><script>
const frame = document.getElementById("frame");
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  const all = (wanted) => [...page.querySelectorAll(wanted)];
  all("details").forEach((one) => { one.open = true; });
  const count = (wanted) => all(wanted).length;
  const beyond = all("body *").filter((one) => one.getBoundingClientRect().right > root.clientWidth + 0.5);
  const sources = all("article > pre").map((one) => {
    const copy = one.cloneNode(true);
    copy.querySelectorAll("sup").forEach((note) => note.remove());
    return copy.textContent;
  });
  document.getElementById("seen").textContent = JSON.stringify({
    width: root.clientWidth, scroll: root.scrollWidth, beyond: beyond.map((one) => one.outerHTML.slice(0, 200)),
    both: count("mark.both"), allow: count("mark.allow"), deny: count("mark.deny"), never: count("mark.never"),
    details: count("details"), tests: count(".tests li"), sources,
    broken: all("a").map((one) => one.getAttribute("href")).filter((to) => !page.getElementById(to.slice(1))),
    twice: all("[id]").map((one) => one.id).filter((id, at, ids) => ids.indexOf(id) !== at),
  });
};
frame.srcdoc = PAGE;
</script>"#;

fn seen(browser: &str, page: &str, width: usize) -> serde_json::Value {
    let dir = tempfile::tempdir().unwrap();
    let quoted = serde_json::to_string(page).unwrap().replace('<', "\\u003c");
    let look = dir.path().join("look.html");
    std::fs::write(&look, LOOK.replace("WIDTH", &width.to_string()).replace("PAGE", &quoted)).unwrap();
    // A browser that hangs is a failure, not a wait for ever.
    let shown = Command::new("timeout")
        .args(["120", browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"])
        .args(["--disable-background-networking", "--hide-scrollbars", "--dump-dom", "--virtual-time-budget=5000"])
        .arg(format!("--user-data-dir={}", dir.path().join("profile").display()))
        .arg(format!("file://{}", look.display()))
        .stderr(Stdio::null())
        .output()
        .unwrap();
    let dom = String::from_utf8(shown.stdout).unwrap();
    let said = dom.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
    let said = said.unwrap_or_else(|| panic!("nothing was shown: {dom}")).0;
    let plain = said.replace("&lt;", "<").replace("&gt;", ">").replace("&nbsp;", "\u{a0}").replace("&amp;", "&");
    serde_json::from_str(&plain).unwrap_or_else(|error| panic!("{error}: {plain}"))
}

#[test]
fn chromium_shows_the_page_even_on_a_narrow_screen() {
    let Some(browser) = chromium() else {
        writeln!(std::io::stderr(), "NOT TRIED: there is no Chromium to show the page: install `chromium`").unwrap();
        return;
    };
    let page = partly_page();
    let policies: String = ["access", "guardrails", "lifecycle"]
        .map(|name| std::fs::read_to_string(Path::new(HERE).join(format!("policies/{name}.cedar"))).unwrap())
        .concat();
    for width in [360, 1280] {
        let seen = seen(browser, &page, width);
        assert_eq!((&seen["width"], &seen["scroll"]), (&json!(width), &json!(width)), "{seen}");
        for nothing in ["beyond", "broken", "twice"] {
            assert_eq!(seen[nothing], json!([]), "{nothing} at {width}");
        }
        for mark in ["both", "allow", "deny", "never", "details", "tests"] {
            assert!(seen[mark].as_u64().unwrap() > 0, "{mark}: {seen}");
        }
        let sources = seen["sources"].as_array().unwrap();
        assert!(sources.len() > 10, "{seen}");
        for source in sources {
            assert!(policies.contains(source.as_str().unwrap()), "not as it is written: {source}");
        }
    }
}
