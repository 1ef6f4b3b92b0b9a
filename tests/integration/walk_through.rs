//! What `lockbox serve --demo` prints, done literally: the commands are cut out of its output and given
//! to a shell one by one, in the order they are printed, and again after a restart.

use crate::app::free_ports;
use crate::process::{Shell, serve_demo};
use lockbox::app::App;
use lockbox::clock::SystemIds;
use lockbox::config::Config;
use lockbox::demo;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Child;
use tempfile::TempDir;

/// How many commands the walk-through has.
const STEPS: usize = 9;

/// The demo as a person would start it, and the commands that it printed.
struct Demo {
    child: Child,
    commands: Vec<String>,
}

impl Demo {
    fn start(dir: &Path) -> Self {
        let mut child = serve_demo(dir, &free_ports()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut commands = Vec::new();
        while commands.len() < STEPS {
            let line = lines.next().expect("the walk-through is shorter than it was").unwrap();
            if line.starts_with("curl ") || line.starts_with("LBX=") {
                commands.push(line);
            }
        }
        Self { child, commands }
    }

    fn stop(mut self) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _nobody_asks = self.child.wait();
    }
}

/// Follows the walk-through; the first answer is `before`.
fn follow(demo: &Demo, before: &str) {
    let mut shell = Shell::start();
    let ask = |shell: &mut Shell, step: usize| -> Value {
        let line = shell.run(&demo.commands[step - 1]);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("step {step}: {error}: {line}"))
    };
    assert_eq!(ask(&mut shell, 1)["reason"], before);
    let id = shell.run(&demo.commands[1]);
    assert!(id.strip_prefix("LBX-").is_some_and(|number| number.parse::<u64>().is_ok()), "step 2 printed `{id}`");
    assert_eq!(ask(&mut shell, 3)["state"], "notified");
    // Nobody waits for the news after a review or an approval, so a person may have to ask twice.
    let becomes = |shell: &mut Shell, step: usize, reason: &str| {
        crate::steps::eventually(reason, || ask(shell, step), |answer| answer["reason"] == reason)
    };
    becomes(&mut shell, 4, "approval_pending");
    let approved = ask(&mut shell, 5);
    assert_eq!(
        (&approved["id"], &approved["state"]),
        (&Value::from(id.as_str()), &Value::from("active")),
        "{approved}"
    );
    let allowed = becomes(&mut shell, 6, "grant_active");
    assert_eq!(allowed["grant"]["access_request"], id.as_str());
    let closed = ask(&mut shell, 7);
    assert_eq!((&closed["state"], &closed["effective"]), (&Value::from("closed"), &Value::from(true)));
    assert_eq!(ask(&mut shell, 8)["reason"], "grant_closed", "after the close it is over at once");
    let accesses = ask(&mut shell, 9);
    let touched: Vec<_> =
        accesses["items"].as_array().unwrap().iter().map(|access| access["reason"].as_str().unwrap()).collect();
    assert!(touched.contains(&"grant_active") && touched.last() == Some(&"grant_closed"), "{touched:?}");
}

#[test]
fn the_printed_commands_tell_the_story_and_tell_it_again_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path().join("demo");
    let demo = Demo::start(&dir);
    assert_eq!(demo.commands.len(), STEPS);
    follow(&demo, "no_grant");
    demo.stop();
    let again = Demo::start(&dir);
    // The same tokens, so that what was copied somewhere goes on working.
    let token = |demo: &Demo| demo.commands[0].split("Bearer ").nth(1).unwrap().split('\'').next().unwrap().to_owned();
    let first: Value = serde_json::from_str(&std::fs::read_to_string(dir.join("demo.json")).unwrap()).unwrap();
    assert_eq!(first["callers"]["exchange-frontend"]["token"], token(&again).as_str());
    follow(&again, "grant_closed");
    again.stop();
}

#[test]
fn the_demo_is_introduced_when_its_sidecar_knows_the_cast() {
    let dir = TempDir::new().unwrap();
    // One thread: whatever is not waited for has not happened.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (demo, config) = demo::prepare(dir.path(), &SystemIds).unwrap();
        let app = App::start(Config::load(Some(&config), free_ports()).unwrap()).await.unwrap();
        demo::enter(dir.path(), &demo, &app).await.unwrap();
        let entered = app.authority.as_ref().unwrap().store.revision().await.unwrap().number;
        assert_eq!(app.decides_by(), Some(entered));
        assert!(entered > 0, "nobody was entered");
        app.stop().await;
    });
}
