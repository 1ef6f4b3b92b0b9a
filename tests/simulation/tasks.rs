//! Tasks that are polled in an order which follows from the seed alone: of those that are woken at an instant, the
//! oldest first, whatever order they were woken in. Tokio draws that order by chance for those who watch one channel.

use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Wake;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
#[derive(Clone, Default)]
pub(crate) struct Tasks(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    last: u64,
    /// `None` while it is polled.
    work: BTreeMap<u64, Option<Work>>,
    woken: BTreeSet<u64>,
    outer: Option<Waker>,
}

/// Names a task.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task(u64);

struct WakeTask(Arc<Mutex<Inner>>, u64);

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wake for WakeTask {
    fn wake(self: Arc<Self>) {
        let mut inner = lock(&self.0);
        inner.woken.insert(self.1);
        if let Some(outer) = &inner.outer {
            outer.wake_by_ref();
        }
    }
}

impl Tasks {
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> Task {
        let mut inner = lock(&self.0);
        inner.last += 1;
        let task = inner.last;
        inner.work.insert(task, Some(Box::pin(work)));
        inner.woken.insert(task);
        if let Some(outer) = &inner.outer {
            outer.wake_by_ref();
        }
        Task(task)
    }

    /// Makes no further step in it.
    pub(crate) fn abort(&self, task: Task) {
        let ended = lock(&self.0).work.remove(&task.0);
        // Dropped without the lock: what it holds may wake others.
        drop(ended);
    }

    pub(crate) fn abort_all(&self) {
        let ended = core::mem::take(&mut lock(&self.0).work);
        drop(ended);
    }

    /// Runs `main`, and the tasks beside it, until it ends.
    pub(crate) async fn beside(&self, main: impl Future<Output = ()>) {
        let mut main = core::pin::pin!(main);
        poll_fn(|context| {
            lock(&self.0).outer = Some(context.waker().clone());
            let ended = main.as_mut().poll(context);
            while self.step() {}
            ended
        })
        .await;
    }

    /// Polls the oldest of those that are woken.
    fn step(&self) -> bool {
        let (task, work) = {
            let mut inner = lock(&self.0);
            let Some(task) = inner.woken.pop_first() else { return false };
            (task, inner.work.get_mut(&task).and_then(Option::take))
        };
        if let Some(mut work) = work {
            let waker = Waker::from(Arc::new(WakeTask(Arc::clone(&self.0), task)));
            let ended = work.as_mut().poll(&mut Context::from_waker(&waker));
            let mut inner = lock(&self.0);
            if let (Poll::Pending, Some(place)) = (ended, inner.work.get_mut(&task)) {
                *place = Some(work);
                return true;
            }
            inner.work.remove(&task);
            drop(inner);
            drop(work);
        }
        true
    }
}
