//! The future that an append returns, and a way to wait for it without a runtime.
//!
//! It needs no particular runtime and no timer. Nothing is queued before the first poll, so that the task's waker is stored in the same
//! short lock as the record; once polled, dropping it does not take the record back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use super::batch::Outcome;
use super::queue::{Shared, Ticket};
use super::{AppendError, Appended, Durability};

/// Resolves when the record is as durable as was asked, or certainly refused.
///
/// After an error the record may still be in the log (a batch that failed half-way): it records an answer that was never given. The
/// reverse, an acknowledged record that is not in the log, does not happen.
#[must_use = "nothing is recorded until it is awaited"]
pub struct Append {
    shared: Arc<Shared>,
    durability: Durability,
    state: State,
}

enum State {
    One([Vec<u8>; 1]),
    Many(Vec<Vec<u8>>),
    Queued(Ticket),
    Finished,
}

impl Append {
    pub(super) fn one(shared: &Arc<Shared>, payload: Vec<u8>, durability: Durability) -> Append {
        Append { shared: Arc::clone(shared), durability, state: State::One([payload]) }
    }

    pub(super) fn many(shared: &Arc<Shared>, payloads: Vec<Vec<u8>>, durability: Durability) -> Append {
        Append { shared: Arc::clone(shared), durability, state: State::Many(payloads) }
    }
}

impl Future for Append {
    type Output = Result<Appended, AppendError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let queued = match &this.state {
            State::Queued(ticket) => match this.shared.poll(ticket, this.durability, context.waker()) {
                Outcome::Pending => return Poll::Pending,
                Outcome::Done => Ok(Appended { sequence: ticket.sequence }),
                Outcome::Unavailable => Err(AppendError::Unavailable),
                Outcome::Stalled => Err(AppendError::Stalled),
                Outcome::Closed => Err(AppendError::Closed),
            },
            State::Finished => Err(AppendError::Closed),
            State::One(payload) => match this.shared.enqueue(payload, this.durability, context.waker()) {
                Ok(ticket) => {
                    this.state = State::Queued(ticket);
                    return Poll::Pending;
                }
                Err(error) => Err(error),
            },
            State::Many(payloads) => match this.shared.enqueue(payloads, this.durability, context.waker()) {
                Ok(ticket) => {
                    this.state = State::Queued(ticket);
                    return Poll::Pending;
                }
                Err(error) => Err(error),
            },
        };
        this.state = State::Finished;
        Poll::Ready(queued)
    }
}

/// Runs a future on this thread, which sleeps meanwhile.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::park();
    }
}
