//! A machine with an authority on it: the production fleet over its own clock and its own way to the record. It can
//! be stopped, killed and started again.

use super::model::{Change, Model};
use super::network::Taken;
use super::record::Way;
use super::tasks::{Task, Tasks};
use super::time::{Gate, NodeClock};
use super::world::World;
use core::future::Future;
use core::time::Duration;
use lockbox::clock::{AuthorityTime, Clock};
use lockbox::domain::Timestamp;
use lockbox::manage_requests::Effects as _;
use lockbox::renewal::{Fleet, Own, Renew as _, RenewError, RenewRequest};
use lockbox::state::{LeaseSettings, StateItem};
use lockbox::store::{Item, Reads as _, Revision, Store, StoreError, Transaction};
use std::sync::{Arc, Mutex, PoisonError};

/// How often the time floor is raised, as the program does it.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The machine.
pub(crate) struct Machine {
    pub(crate) clock: Arc<NodeClock>,
    pub(crate) way: Arc<Way>,
    pub(crate) gate: Arc<Gate>,
    running: Mutex<Option<Arc<Authority>>>,
    tickets: Mutex<u64>,
}

/// What is killed right after a commit, and when it is up again.
pub(crate) struct Dies {
    pub(crate) machine: Arc<Machine>,
    pub(crate) name: String,
    pub(crate) up_after: Duration,
}

/// A run of the authority.
pub(crate) struct Authority {
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) time: Arc<AuthorityTime>,
    store: Arc<dyn Store>,
    gate: Arc<Gate>,
    tasks: Tasks,
    own: Mutex<Vec<Task>>,
}

impl Machine {
    pub(crate) fn new(clock: Arc<NodeClock>, way: Way) -> Self {
        Self { clock, way: Arc::new(way), gate: Arc::default(), running: Mutex::default(), tickets: Mutex::default() }
    }

    /// The authority that answers here, if one does.
    pub(crate) fn running(&self) -> Option<Arc<Authority>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Kills what runs here, and what is about to.
    pub(crate) fn kill(&self) {
        self.ticket();
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            let tasks = core::mem::take(&mut *running.own.lock().unwrap_or_else(PoisonError::into_inner));
            tasks.into_iter().for_each(|task| running.tasks.abort(task));
        }
    }

    /// For a start; none of before counts any more, so that two never run here at once.
    fn ticket(&self) -> u64 {
        let mut last = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        *last
    }

    fn still_wanted(&self, ticket: u64) -> bool {
        *self.tickets.lock().unwrap_or_else(PoisonError::into_inner) == ticket
    }

    /// Starts it after a while, where none runs; it is tried again until the record can be read.
    pub(crate) fn start(self: &Arc<Self>, world: &Arc<World>, name: String, after: Duration) {
        let (machine, world, ticket) = (Arc::clone(self), Arc::clone(world), self.ticket());
        let tasks = world.tasks.clone();
        tasks.spawn(async move {
            tokio::time::sleep(after).await;
            let id = format!("{name}-{ticket}");
            while machine.still_wanted(ticket) {
                let started = machine.gate.behind(machine.started(&world, &id)).await;
                if let Ok(started) = started
                    && machine.still_wanted(ticket)
                {
                    return machine.is_up(&world, &id, started);
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }

    fn is_up(&self, world: &World, id: &str, started: Arc<Authority>) {
        world.note(&format!("authority {id} is up"));
        world.authority_is(Arc::clone(&started.time));
        let (fleet, time, store) = (Arc::clone(&started.fleet), Arc::clone(&started.time), Arc::clone(&started.store));
        started.spawn(async move { fleet.keep().await });
        started.spawn(async move {
            loop {
                let _may_fail = store.raise_time_floor(time.now()).await;
                tokio::time::sleep(SWEEP_EVERY).await;
            }
        });
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
    }

    async fn started(&self, world: &World, id: &str) -> Result<Arc<Authority>, RenewError> {
        let store: Arc<dyn Store> = Arc::clone(&self.way) as Arc<dyn Store>;
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let mut floor = self.way.revision().await?.time_floor;
        if !store.is_shared() {
            floor = floor.plus(SWEEP_EVERY);
        }
        let time = Arc::new(AuthorityTime::starting_at(floor, Arc::clone(&clock)));
        let own = Own { id: id.to_owned(), address: id.to_owned() };
        let fleet = Arc::new(Fleet::new(Arc::clone(&store), clock, Arc::clone(&time), LeaseSettings::default(), own));
        fleet.prepare().await?;
        let (gate, tasks) = (Arc::clone(&self.gate), world.tasks.clone());
        Ok(Arc::new(Authority { fleet, time, store, gate, tasks, own: Mutex::default() }))
    }
}

impl Authority {
    /// Does something as a part of this process: it stops and dies with it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(self.gate.behind(task));
        self.own.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Answers a renewal; everything that it says is taken down.
    pub(crate) async fn serve(&self, request: RenewRequest, pace: Duration) -> Result<Taken, RenewError> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let fleet = Arc::clone(&self.fleet);
        self.spawn(async move {
            let taken = match fleet.renew(request).await {
                Ok(answer) => Taken::down(answer, pace).await,
                Err(error) => Err(error),
            };
            let _gone = send.send(taken);
        });
        receive.await.map_err(|_| RenewError::Unreachable("it was killed".to_owned()))?
    }

    /// Makes a change as one transaction, tells of it, and waits until it is effective. With `dies`, the machine is
    /// killed right after the commit.
    pub(crate) async fn write(self: Arc<Self>, world: Arc<World>, change: Change, dies: Option<Dies>) {
        let mut model = world.model.lock().await;
        let now = self.time.now();
        let mut next = model.clone();
        let items = next.make(change, now);
        let Ok(committed) = commit(self.store.as_ref(), now, items, false).await else {
            return world.note(&format!("not written: {change:?}"));
        };
        *model = next;
        let place = world.changed(&format!("{change:?}"), committed, &model);
        drop(model);
        if let Some(Dies { machine, name, up_after }) = dies.filter(|_| !world.is_calm()) {
            machine.kill();
            return machine.start(&world, name, up_after);
        }
        self.fleet.committed(committed);
        self.fleet.effective(committed).await;
        world.effective(place);
    }
}

/// After a restore: the next epoch, and the end of every Grant that the restored record has.
pub(crate) async fn recover(world: &World, store: &dyn Store, mut model: Model, now: Timestamp) -> (Model, usize) {
    let items = model.end_all(now);
    let committed = commit(store, now, items, true).await.unwrap();
    let place = world.changed("restored and recovered", committed, &model);
    (model, place)
}

/// Writes items as one transaction.
pub(crate) async fn commit(
    store: &dyn Store,
    now: Timestamp,
    items: Vec<Result<StateItem, String>>,
    next_epoch: bool,
) -> Result<Revision, StoreError> {
    let mut transaction: Box<dyn Transaction> = store.begin(now).await?;
    for item in items {
        let item = match item {
            Ok(item) => {
                let encoded = item.encode().unwrap();
                Item { key: encoded.key, payload: Some(encoded.payload), digest: encoded.digest }
            }
            Err(key) => Item { key, payload: None, digest: 0 },
        };
        transaction.put_item(item).await?;
    }
    if next_epoch {
        transaction.raise_epoch().await?;
    }
    transaction.commit().await
}
