//! The pages in a real browser: each story is a program in `tests/browser/stories` that Chromium acts out
//! against a running `lockbox serve --demo` of its own. What every page is held to stands in
//! `tests/browser/checks.mjs`; pictures and costs are kept in `screenshots` of the target folder.

use crate::ageing::ageing;
use crate::app::{Settings, TestApp, token_of};
use crate::node::{browser_dir, chromium, node_modules_are_there};
use crate::provider::Provider;
use crate::steps::eventually;
use crate::window::{self, Window};
use std::path::Path;
use std::process::{Command, Stdio};

/// How long a story may take, in seconds; far above what is right.
const STORY_SECONDS_MAX: &str = "300";

macro_rules! stories {
    ($($test:ident => $file:literal,)+) => {
        $(#[test] fn $test() { told($file); })+
        const STORIES: &[&str] = &[$($file),+];
    };
}

stories! {
    the_harness_notices_every_kind_of_bad_page => "harness",
    the_page_of_coverage_is_for_everybody => "coverage",
    people_sign_in_at_their_issuer => "sign_in",
    settings_are_changed_part_by_part_and_the_switch_says_what_it_means => "settings",
    the_whole_story_is_told_by_pages_alone => "provider",
    messages_are_read_on_the_page_where_none_are_sent => "outbox",
    operators_see_the_fleet_and_take_off_the_list_what_is_lost => "fleet",
    a_customer_answers_and_sees_what_became_of_it => "customer",
    a_keyboard_is_enough => "keyboard",
    no_script_is_needed => "noscript",
    of_two_answers_one_counts => "races",
    nothing_that_was_written_is_lost => "session",
    what_others_send_or_write_stays_text => "hostile",
    an_approval_is_confirmed_with_a_passkey => "passkey",
    the_pictures_of_the_documentation_can_be_taken => "docs",
}

/// The stories whose people sign in at an issuer; of another site, as issuers are: the authority is at a
/// number, the issuer at a name.
const WITH_ISSUER: &[&str] = &["sign_in"];

/// The stories that see the authority by a name: browsers have no passkeys at a number.
const BY_NAME: &[&str] = &["passkey"];

#[test]
fn every_story_is_told() {
    let files = std::fs::read_dir(browser_dir().join("stories")).unwrap();
    let mut files: Vec<String> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    let mut told: Vec<String> = STORIES.iter().map(|story| format!("{story}.mjs")).collect();
    told.sort();
    assert_eq!(files, told, "each file in tests/browser/stories has one line in `stories!`");
}

/// Acts out a story, and fails with what it says when it does.
#[track_caller]
fn told(story: &str) {
    if !node_modules_are_there(story) {
        return;
    }
    let Some(browser) = chromium() else {
        eprintln!("!!! {story} was NOT tried: it needs `chromium`");
        return;
    };
    let provider = WITH_ISSUER.contains(&story).then(|| Provider::start_at("localhost").unwrap());
    let home = BY_NAME.contains(&story).then(|| free_address().replace("127.0.0.1", "localhost"));
    let settings = match (&provider, &home) {
        (Some(provider), _) => settings_with(provider),
        (None, Some(home)) => settings_by_name(home),
        (None, None) => Settings::default(),
    }
    .and_sidecar("edge-1");
    let app = TestApp::start_process(settings);
    let program = Path::new(env!("CARGO_BIN_EXE_lockbox"));
    // Beside the profile's folder, which holds the program.
    let screenshots = program.parent().and_then(Path::parent).unwrap().join("screenshots");
    // A browser that hangs is a failure, not a wait for ever.
    let mut node = Command::new("timeout");
    node.args([STORY_SECONDS_MAX, "node"]).arg(browser_dir().join(format!("stories/{story}.mjs")));
    for proxy in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        node.env_remove(proxy);
    }
    node.env("DEMO_JSON", app.dir().join("demo.json")).env("SCREENSHOTS", screenshots).env("LOCKBOX", program);
    if let Some(home) = &home {
        node.env("HOME_URL", format!("http://{home}"));
    }
    if let Some(provider) = &provider {
        // The issuer's description is read in the background.
        eventually("signing in", || Window::on(&app).leave("/", false).status, |status| *status == 200);
        node.env("ISSUER", &provider.issuer);
    }
    node.env("SIDECAR_TOKEN", token_of("edge-1"));
    node.env("AGE", ageing(&app.dir().join("lockbox.db")));
    let said = node.env("CHROMIUM", browser_path(&browser)).stdin(Stdio::null()).output().unwrap();
    let text = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(said.status.success(), "{story} ended with {}:\n{text}", said.status);
    eprintln!("{text}");
}

/// Settings by which people sign in at this provider. The address that they come back to must be known
/// before anything listens there: a port that is free now.
fn settings_with(provider: &Provider) -> Settings {
    let listen = free_address();
    let public_url = format!("http://{listen}");
    let at = [("LOCKBOX_AUTHORITY__LISTEN", listen.as_str()), ("LOCKBOX_AUTHORITY__PUBLIC_URL", &public_url)];
    window::settings(provider, &at)
}

/// Settings by which people see the authority at `home`, a name and a port.
fn settings_by_name(home: &str) -> Settings {
    let (listen, public_url) = (home.replace("localhost", "127.0.0.1"), format!("http://{home}"));
    Settings::of(&[("LOCKBOX_AUTHORITY__LISTEN", &listen), ("LOCKBOX_AUTHORITY__PUBLIC_URL", &public_url)])
}

/// An address that nobody listens on now.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// The whole path of a program, which is what starting it without a shell takes.
fn browser_path(program: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.exists()).unwrap_or(program.into())
}
