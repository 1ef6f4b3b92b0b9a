//! True time, the clocks of machines that run wrong, and processes that stand still while time goes on.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use lockbox::clock::{Boot, Clock, SteppedClock};
use lockbox::domain::Timestamp;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::Instant;

/// True time: how long the run has gone on. It is the runtime's paused clock, which moves when all tasks wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrueTime(Instant);

impl TrueTime {
    #[expect(clippy::disallowed_methods, reason = "it is the simulated time that everything else is measured by")]
    pub(crate) fn begin() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Duration {
        Self::begin().0.duration_since(self.0)
    }
}

/// A machine's clocks. CLOCK_BOOTTIME counts while its processes are stopped, and while it is suspended.
#[derive(Debug)]
pub(crate) struct NodeClock {
    time: TrueTime,
    hands: SteppedClock,
    read: Mutex<Duration>,
}

impl NodeClock {
    pub(crate) fn new(time: TrueTime, wall: Timestamp, (wall_ppm, boot_ppm): (u32, u32)) -> Self {
        let hands = SteppedClock::at(wall);
        hands.set_rates(wall_ppm, boot_ppm);
        Self { time, hands, read: Mutex::new(time.now()) }
    }

    /// The hands as they stand now.
    fn hands(&self) -> &SteppedClock {
        let now = self.time.now();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        self.hands.advance(now.saturating_sub(*read));
        *read = now;
        &self.hands
    }

    /// Steps the wall clock, as an administrator or NTP might.
    pub(crate) fn step(&self, by_ms: i64) {
        let hands = self.hands();
        hands.set_wall(Timestamp::from_ms(hands.wall().as_ms().saturating_add(by_ms)));
    }
}

impl Clock for NodeClock {
    fn wall(&self) -> Timestamp {
        self.hands().wall()
    }

    fn boot(&self) -> Boot {
        self.hands().boot()
    }
}

/// Stops what runs behind it: SIGSTOP, a paused virtual machine, a suspended laptop.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<(bool, Vec<Waker>)>);

impl Gate {
    pub(crate) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0 = true;
    }

    pub(crate) fn open(&self) {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.0 = false;
        inner.1.drain(..).for_each(Waker::wake);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// `inner`, which makes no step while the gate is closed.
    pub(crate) fn behind<F: Future>(self: &Arc<Self>, inner: F) -> Behind<F> {
        Behind { gate: Arc::clone(self), inner: Box::pin(inner) }
    }

    /// Waits until it is open.
    pub(crate) async fn opened(self: &Arc<Self>) {
        self.behind(core::future::ready(())).await;
    }
}

/// See [`Gate::behind`].
pub(crate) struct Behind<F> {
    gate: Arc<Gate>,
    inner: Pin<Box<F>>,
}

impl<F: Future> Future for Behind<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        {
            let mut gate = self.gate.0.lock().unwrap_or_else(PoisonError::into_inner);
            if gate.0 {
                gate.1.push(context.waker().clone());
                return Poll::Pending;
            }
        }
        self.inner.as_mut().poll(context)
    }
}
