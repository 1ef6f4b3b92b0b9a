//! A primary with a synchronous standby, and what happens when the standby takes over: no acknowledged commit is
//! lost, and a primary that was replaced proves nothing, although it goes on answering reads.

use super::postgres::{Database, Server, settings, sql};
use super::server_faults::{commit_one, is_whole, until_it_works};
use crate::store::{PostgresSettings, PostgresStore, Reads as _, Standby, Store as _, StoreError};
use core::time::Duration;
use rustix::process::Signal;

/// A primary, the synchronous standby `s1`, and a database.
struct Pair {
    database: Database,
    standby: Server,
}

impl Pair {
    fn start() -> Self {
        let database = Database::of(Server::start(&[]));
        let standby = Server::standby_of(database.server.as_ref().unwrap(), "s1", &[]);
        database.sql("ALTER SYSTEM SET synchronous_standby_names = 's1'");
        database.sql("SELECT pg_reload_conf()");
        while database.sql("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") != "1" {
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { database, standby }
    }

    /// How the store finds either.
    fn settings(&self) -> PostgresSettings {
        let both = settings(&[self.database.socket.as_path(), self.standby.socket()], &self.database.name);
        PostgresSettings { connect_ms_max: 500, statement_ms_max: 500, begin_ms_max: 2000, ..both }
    }

    /// The first one alone.
    fn old_alone(&self) -> PostgresSettings {
        PostgresSettings { hosts: settings(&[&self.database.socket], "").hosts, ..self.settings() }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_under_load_loses_no_acknowledged_commit() {
    let mut pair = Pair::start();
    let store = PostgresStore::open(pair.settings()).await.unwrap();
    PostgresStore::open(PostgresSettings { standby: Standby::Synchronous, ..pair.settings() }).await.unwrap();
    let load = async |count: usize| {
        let tasks = (0..4).map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut acknowledged, mut unknown) = (Vec::new(), 0);
                while acknowledged.len() < count {
                    match commit_one(&store).await {
                        Ok(done) => acknowledged.push(done),
                        Err(_) => {
                            unknown += 1;
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    }
                }
                (acknowledged, unknown)
            })
        });
        let (mut acknowledged, mut unknown) = (Vec::new(), 0);
        for task in tasks.collect::<Vec<_>>() {
            let (some, failed) = task.await.unwrap();
            acknowledged.extend(some);
            unknown += failed;
        }
        (acknowledged, unknown)
    };
    let (mut acknowledged, _) = load(25).await;
    let failing_over = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        tokio::task::block_in_place(|| {
            pair.database.server.as_mut().unwrap().kill();
            pair.standby.promote();
        });
    };
    let ((more, unknown), ()) = tokio::join!(load(100), failing_over);
    acknowledged.extend(more);
    is_whole(&store, &acknowledged, unknown).await;
    let mut numbers: Vec<_> = acknowledged.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), acknowledged.len(), "no revision was acknowledged twice");
    assert_eq!(sql(pair.standby.socket(), "postgres", "SELECT pg_is_in_recovery()"), "f");
    store.prove_primary().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_primary_proves_nothing_and_is_not_read_beside_the_new_one() {
    let pair = Pair::start();
    let old = PostgresStore::open(pair.old_alone()).await.unwrap();
    let both = PostgresStore::open(pair.settings()).await.unwrap();
    let before = commit_one(&both).await.unwrap().0;
    for store in [&old, &both] {
        store.prove_primary().await.unwrap();
        assert_eq!(store.revision().await.unwrap().number, before);
    }
    // The old primary sleeps through all of it, and wakes up believing that nothing has happened.
    let server = pair.database.server.as_ref().unwrap();
    server.signal_all(Signal::STOP);
    pair.standby.promote();
    let new = settings(&[pair.standby.socket()], &pair.database.name);
    let new = PostgresStore::open(new).await.unwrap();
    let revoked = commit_one(&new).await.unwrap().0;
    server.signal_all(Signal::CONT);
    // The hole: whoever asks it for a revision is told the one of before.
    let stale = until_it_works(async || old.revision().await).await;
    assert_eq!((stale.number, revoked), (before, before + 1));
    for _ in 0..3 {
        let proof = old.prove_primary().await;
        assert!(matches!(&proof, Err(StoreError::Unavailable(text)) if text.contains("prove")), "{proof:?}");
        assert!(commit_one(&old).await.is_err(), "a replaced primary acknowledges nothing");
    }
    // Whoever knows both: what is read together with a proof is never of before.
    let mut proven = 0;
    for tried in 0.. {
        let (proof, read) = tokio::join!(both.prove_primary(), both.revision());
        if let (Ok(_), Ok(read)) = (proof, read) {
            assert_eq!(read.number, revoked, "proven, and read from a replaced primary");
            proven += 1;
        }
        if proven == 20 {
            break;
        }
        assert!(tried < 100, "the new primary was never found");
    }
    // That it is the standby's word that was missing: where nobody is waited for, the old one "proves" again.
    pair.database.sql("ALTER SYSTEM RESET synchronous_standby_names");
    pair.database.sql("SELECT pg_reload_conf()");
    until_it_works(async || old.prove_primary().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_demanded_where_one_may_take_over_and_is_never_read() {
    let pair = Pair::start();
    let strict = |settings: PostgresSettings| PostgresSettings { standby: Standby::Synchronous, ..settings };
    let store = PostgresStore::open(strict(pair.settings())).await.unwrap();
    store.prove_primary().await.unwrap();
    // The standby alone is no place to read from.
    let alone = settings(&[pair.standby.socket()], &pair.database.name);
    let refused = PostgresStore::open(alone).await;
    assert!(matches!(&refused, Err(StoreError::Unavailable(text)) if text.contains("is a standby")), "{refused:?}");
    // A primary that was made read-only, as some do to shut it off, proves nothing either.
    pair.database.sql("ALTER SYSTEM SET default_transaction_read_only = on");
    pair.database.sql("SELECT pg_reload_conf()");
    for tried in 0.. {
        if store.prove_primary().await.is_err() && store.revision().await.is_err() {
            break;
        }
        assert!(tried < 1000, "a read-only server still proves");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pair.database.sql("ALTER SYSTEM RESET default_transaction_read_only");
    pair.database.sql("ALTER SYSTEM RESET synchronous_standby_names");
    pair.database.sql("SELECT pg_reload_conf()");
    let refused = until_refused(&store).await;
    assert!(refused.contains("synchronous_standby_names"), "{refused}");
}

/// What is said once the settings have reached every connection.
async fn until_refused(store: &PostgresStore) -> String {
    for _ in 0..1000 {
        if let Err(error) = store.prove_primary().await
            && error.to_string().contains("synchronous_standby_names")
        {
            return error.to_string();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    "a server without a standby still proves".to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures"]
async fn how_long_a_proof_takes() {
    let pair = Pair::start();
    let store = PostgresStore::open(pair.settings()).await.unwrap();
    let clock = crate::clock::SystemClock;
    let measure = async |what: &str, one: &dyn AsyncOne| {
        let mut took = Vec::new();
        for _ in 0..500 {
            let began = crate::clock::Clock::boot(&clock);
            one.once(&store).await;
            took.push(crate::clock::Clock::boot(&clock).since(began));
        }
        took.sort_unstable();
        println!("{what}: p50 {:?}, p99 {:?}", took[250], took[495]);
    };
    measure("prove_primary", &Prove).await;
    measure("revision", &Revision).await;
    measure("changes_since", &Since).await;
    measure("commit", &Commit).await;
}

#[async_trait::async_trait]
trait AsyncOne: Sync {
    async fn once(&self, store: &PostgresStore);
}

macro_rules! once {
    ($($name:ident: |$store:ident| $what:expr),+ $(,)?) => {
        $(struct $name;
        #[async_trait::async_trait]
        impl AsyncOne for $name {
            async fn once(&self, $store: &PostgresStore) {
                $what;
            }
        })+
    };
}

once!(
    Prove: |store| store.prove_primary().await.unwrap(),
    Revision: |store| store.revision().await.unwrap(),
    Since: |store| store.changes_since(1, 0, 1000).await.unwrap(),
    Commit: |store| commit_one(store).await.unwrap(),
);
