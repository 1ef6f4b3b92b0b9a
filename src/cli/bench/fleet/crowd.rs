//! Many sidecars in one process: each the real renewer, over a connection of its own, into a memory of its own.

use super::super::super::error::CliError;
use super::super::people::People;
use super::super::world::World;
use crate::clock::{Boot, Clock, SystemClock};
use crate::domain::TenantId;
use crate::renewal::{Body, Link, Renew, RenewAnswer, RenewError, RenewRequest, Renewer, RenewerSettings, View};
use crate::state::{LeaseSettings, State};
use crate::tls::ClientFiles;
use async_trait::async_trait;
use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// How often the crowd is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// How long all of them may take to come along.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sidecars.
pub(super) struct Crowd {
    states: Vec<Arc<State>>,
    renewers: Vec<Arc<Renewer>>,
    arrivals: Arc<Mutex<BTreeMap<u64, Vec<Boot>>>>,
    tasks: JoinSet<()>,
}

/// Notes when a revision arrives at a sidecar.
struct Noting {
    link: Link,
    arrivals: Arc<Mutex<BTreeMap<u64, Vec<Boot>>>>,
}

#[async_trait]
impl Renew for Noting {
    async fn renew(&self, request: RenewRequest) -> Result<RenewAnswer, RenewError> {
        let held = request.holds.map_or(0, |(_, revision)| revision);
        let answer = self.link.renew(request).await?;
        if let Body::Changes(_, end) = &answer.body
            && end.revision > held
        {
            let at = SystemClock.boot();
            let mut arrivals = self.arrivals.lock().unwrap_or_else(PoisonError::into_inner);
            // One answer may bring several revisions at once.
            for revision in held.saturating_add(1)..=end.revision {
                arrivals.entry(revision).or_default().push(at);
            }
        }
        Ok(answer)
    }
}

impl Crowd {
    pub(super) fn start(world: &World, people: &People, count: usize, scoped: bool) -> Result<Self, CliError> {
        let arrivals = Arc::new(Mutex::new(BTreeMap::new()));
        let (mut states, mut renewers, mut tasks) = (Vec::new(), Vec::new(), JoinSet::new());
        let contoso = TenantId::parse("contoso").map_err(CliError::failed)?;
        let view = if scoped { View { tenants: [contoso].into(), ..View::default() } } else { View::default() };
        for number in 0..count {
            let state = Arc::new(State::default());
            let token = Some(world.sidecar_token_file());
            let link =
                Link::new(people.text("/authority")?, ClientFiles::default(), token, None, Duration::from_secs(60));
            let link = link.map_err(CliError::failed)?;
            let settings = RenewerSettings {
                sidecar: "bench".to_owned(),
                incarnation: format!("{}-{number}", std::process::id()),
                view: view.clone(),
                lease: LeaseSettings::default(),
                retry: Duration::from_millis(50),
                report: Box::new(|| (String::new(), None)),
                adopt: None,
            };
            let noting = Arc::new(Noting { link, arrivals: Arc::clone(&arrivals) });
            let clock: Arc<dyn Clock> = Arc::new(SystemClock);
            let renewer = Arc::new(Renewer::new(noting, Arc::clone(&state), clock, settings));
            renewers.push(Arc::clone(&renewer));
            tasks.spawn(async move { renewer.run().await });
            states.push(state);
        }
        Ok(Self { states, renewers, arrivals, tasks })
    }

    /// Waits until every sidecar holds at least a revision, and a lease.
    ///
    /// # Errors
    /// Why one does not, after a minute.
    pub(super) async fn all_hold(&self, revision: u64) -> Result<(), CliError> {
        let holds = |state: &Arc<State>| {
            let standing = state.standing();
            standing.lease.is_some() && standing.revision >= revision
        };
        let began = SystemClock.boot();
        while !self.states.iter().all(holds) {
            if SystemClock.boot().since(began) > PATIENCE {
                let why = self.renewers.iter().find_map(|renewer| renewer.failure());
                return Err(CliError::failed(why.unwrap_or_else(|| "a sidecar does not come along".to_owned())));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Waits until all sidecars hold the same revision; gives it.
    pub(super) async fn settled(&self) -> Result<u64, CliError> {
        loop {
            let newest = self.states.iter().map(|state| state.standing().revision).max().unwrap_or(0);
            self.all_hold(newest).await?;
            tokio::time::sleep(LOOK_EVERY * 10).await;
            if self.states.iter().all(|state| state.standing().revision == newest) {
                return Ok(newest);
            }
        }
    }

    /// When a revision arrived at each sidecar, once it has at all of them.
    pub(super) async fn arrivals(&self, revision: u64) -> Result<Vec<Boot>, CliError> {
        self.all_hold(revision).await?;
        Ok(self.arrivals.lock().unwrap_or_else(PoisonError::into_inner).remove(&revision).unwrap_or_default())
    }

    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
