//! Carries wake-ups between the tasks and the writer, so that a whole batch costs one of each.
//!
//! Without it the writer wakes every task itself, and the first task that appends wakes the writer at once: where both share a core the
//! scheduler then switches between them for nearly every record. The relay is a task *on the runtime that appends*: woken once, it wakes
//! the tasks of a batch from within, which is cheap; and it lets every task that is ready append before it wakes the writer.
//!
//! It is an optimisation only. Without a relay, or with one that is dropped or not polled, everything still gets through: directly, or at
//! the watchdog's next tick. It never delays by a timer.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use super::batch::lock;
use super::queue::Shared;

/// The task that relays; spawn it once on the runtime whose tasks append. It ends when the log is closed.
#[must_use = "spawn it on the runtime whose tasks append"]
pub struct Relay {
    shared: Arc<Shared>,
}

/// Whether the writer is to be woken.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Nudge {
    #[default]
    None,
    Wanted,
    /// The relay went to the end of the runtime's queue once, so that whoever was ready has appended.
    Yielded,
}

#[derive(Default)]
struct State {
    relay: Option<Waker>,
    settled: Vec<Waker>,
    nudge: Nudge,
    ended: bool,
}

/// The shared part.
#[derive(Default)]
pub(super) struct Board(Mutex<State>);

impl Board {
    /// Sees to it that the wakers are woken. Gives back an empty list for reuse.
    pub(super) fn settled(&self, mut wakers: Vec<Waker>) -> Vec<Waker> {
        if wakers.is_empty() {
            return wakers;
        }
        let mut state = lock(&self.0);
        let relay = match &state.relay {
            // One task is woken as quickly without a detour.
            Some(relay) if wakers.len() > 1 => Some(relay.clone()),
            _ => None,
        };
        if let Some(relay) = relay {
            if state.settled.is_empty() {
                std::mem::swap(&mut state.settled, &mut wakers);
            } else {
                state.settled.append(&mut wakers);
            }
            drop(state);
            relay.wake();
        } else {
            drop(state);
            wake_all(&mut wakers);
        }
        wakers
    }

    /// Asks for the writer to be woken; false when the caller must do it.
    pub(super) fn nudge(&self) -> bool {
        let mut state = lock(&self.0);
        let Some(relay) = state.relay.clone() else {
            return false;
        };
        state.nudge = Nudge::Wanted;
        drop(state);
        relay.wake();
        true
    }

    /// Wakes what a relay that is not polled holds back.
    pub(super) fn flush(&self) {
        let mut settled = std::mem::take(&mut lock(&self.0).settled);
        wake_all(&mut settled);
    }

    /// From now on everything goes directly.
    pub(super) fn end(&self) {
        let mut state = lock(&self.0);
        state.ended = true;
        let relay = state.relay.take();
        let mut settled = std::mem::take(&mut state.settled);
        drop(state);
        wake_all(&mut settled);
        if let Some(relay) = relay {
            relay.wake();
        }
    }
}

fn wake_all(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        waker.wake();
    }
}

impl Relay {
    pub(super) fn new(shared: &Arc<Shared>) -> Relay {
        Relay { shared: Arc::clone(shared) }
    }
}

impl Future for Relay {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.shared.board.0);
        if state.ended {
            return Poll::Ready(());
        }
        match &mut state.relay {
            Some(held) => held.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        let mut settled = std::mem::take(&mut state.settled);
        let nudge = state.nudge;
        state.nudge = match nudge {
            Nudge::Wanted => Nudge::Yielded,
            Nudge::None | Nudge::Yielded => Nudge::None,
        };
        drop(state);
        wake_all(&mut settled);
        match nudge {
            Nudge::None => {}
            // A task that wakes itself goes to the end of its runtime's queue.
            Nudge::Wanted => context.waker().wake_by_ref(),
            Nudge::Yielded => self.shared.wake_writer(),
        }
        // The emptied list serves the next batch.
        let mut state = lock(&self.shared.board.0);
        if state.settled.capacity() == 0 {
            state.settled = settled;
        }
        Poll::Pending
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut state = lock(&self.shared.board.0);
        state.relay = None;
        state.nudge = Nudge::None;
        let mut settled = std::mem::take(&mut state.settled);
        drop(state);
        wake_all(&mut settled);
        self.shared.wake_writer();
    }
}
