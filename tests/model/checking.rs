//! Runs the checker and says in words what it found.

use crate::words;
use core::time::Duration;
use stateright::{Checker as _, Expectation, HasDiscoveries, Model, Path};
use std::fmt::{Debug, Write as _};
use std::hash::Hash;

/// No run takes longer; one that would is a failure, for it has not seen everything.
const RUN_S_MAX: u64 = 3600;

/// A model whose runs can be told in words.
pub(crate) trait Told: Model {
    /// One step, in words, with what is worth knowing of the moment after it.
    fn told(&self, before: &Self::State, step: &Self::Action, after: &Self::State) -> Vec<String>;
    /// Whether the step is a tick of true time.
    fn ticks(step: &Self::Action) -> bool;
}

/// Looks at every state within the bounds: all that must hold holds, all that should be possible is, except what
/// `impossible` names.
#[track_caller]
pub(crate) fn holds<M>(name: &str, model: M, impossible: &[&str])
where
    M: Told + Clone + Send + Sync + 'static,
    M::State: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Debug + Clone + PartialEq + Send + Sync + 'static,
{
    let checker = model.clone().checker().finish_when(HasDiscoveries::AnyFailures);
    let checker = checker.timeout(Duration::from_secs(RUN_S_MAX)).spawn_bfs().join();
    let found = checker.discoveries();
    let (states, steps) = (checker.unique_state_count(), checker.state_count());
    println!("{name}: {states} states, {steps} steps, depth {}", checker.max_depth());
    for property in model.properties() {
        match (property.expectation, found.get(property.name)) {
            (Expectation::Always, Some(path)) => panic!("{}", story(name, property.name, &model, path.clone())),
            (Expectation::Sometimes, found) => {
                assert_eq!(found.is_none(), impossible.contains(&property.name), "{name}: `{}`", property.name);
            }
            _ => {}
        }
    }
    assert!(checker.is_done(), "{name}: not everything was looked at");
}

/// Finds how a wrong design breaks `property`, and prints it.
#[track_caller]
pub(crate) fn breaks<M>(name: &str, model: M, property: &'static str)
where
    M: Told + Clone + Send + Sync + 'static,
    M::State: Debug + Hash + Clone + PartialEq + Send + Sync + 'static,
    M::Action: Debug + Clone + PartialEq + Send + Sync + 'static,
{
    let checker = model.clone().checker().finish_when(HasDiscoveries::AllOf([property].into()));
    let checker = checker.timeout(Duration::from_secs(RUN_S_MAX)).spawn_bfs().join();
    let Some(path) = checker.discovery(property) else {
        panic!("{name}: `{property}` holds in all {} states", checker.unique_state_count());
    };
    println!("{}", story(name, property, &model, path));
}

/// A run in words.
fn story<M>(name: &str, property: &str, model: &M, path: Path<M::State, M::Action>) -> String
where
    M: Told,
    M::State: Clone,
    M::Action: Clone,
{
    let steps = path.into_vec();
    let mut story = format!("--- {name}\n    breaks: {property}\n");
    let mut time = 0;
    for pair in steps.windows(2) {
        let [(before, Some(step)), (after, _)] = pair else { continue };
        time += u32::from(M::ticks(step));
        let mut told = model.told(before, step, after).into_iter();
        writeln!(story, "    t={time}  {}", told.next().unwrap_or_default()).unwrap();
        for more in told {
            writeln!(story, "{}{more}", words::INDENT).unwrap();
        }
    }
    story
}
