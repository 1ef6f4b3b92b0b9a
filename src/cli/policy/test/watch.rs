//! Doing something again whenever what it depends on has changed. Content is compared, not times of
//! files: editors and version control set those as they like.

use core::time::Duration;

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs once, and again whenever `look` sees something else, as long as `wait` says so.
///
/// What changes after it was looked at and before it is run is seen the next time: nothing is missed.
pub(super) fn on_change<S: PartialEq, E>(
    look: impl Fn() -> S,
    mut run: impl FnMut() -> Result<(), E>,
    mut wait: impl FnMut() -> bool,
) -> Result<(), E> {
    let mut seen = look();
    run()?;
    while wait() {
        let now = look();
        if now != seen {
            seen = now;
            run()?;
        }
    }
    Ok(())
}

/// Waits until it is time to look again; never says that it is enough.
pub(super) fn wait() -> bool {
    std::thread::sleep(LOOK_EVERY);
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    #[test]
    fn what_changes_is_run_again_and_nothing_else_is() {
        let (at, ran) = (Cell::new(0), RefCell::new(Vec::new()));
        let states = ["a", "a", "b", "b", "a", "a"];
        let done = on_change(
            || states[at.get()],
            || {
                ran.borrow_mut().push(at.get());
                Ok::<(), ()>(())
            },
            || {
                at.set(at.get() + 1);
                at.get() < states.len()
            },
        );
        assert_eq!((done, ran.into_inner()), (Ok(()), vec![0, 2, 4]));
    }

    #[test]
    fn what_cannot_be_done_ends_it() {
        assert_eq!(on_change(|| 0, || Err("closed"), || true), Err("closed"));
    }
}
