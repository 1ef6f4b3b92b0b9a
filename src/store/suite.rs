//! One suite for every store: what the ports promise, run against the reference model, SQLite and PostgreSQL;
//! random operations that all must answer alike; and what only a file, or only a server, can suffer.

mod accesses;
mod changes;
mod conformance;
mod copies;
mod durability;
mod failover;
mod faults;
mod fixtures;
mod measure;
mod outbox;
pub(in crate::store) mod postgres;
mod random;
mod server_faults;
mod server_tls;

use super::{MemoryStore, SqliteSettings, SqliteStore};

/// A store in a directory of its own.
async fn sqlite(directory: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(&directory.path().join("lockbox.db"), SqliteSettings::default()).await.unwrap()
}

macro_rules! every_store {
    ($($of:ident::$test:ident),+ $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $test() {
                super::$of::$test(&super::MemoryStore::new()).await;
            })+
        }

        mod sqlite_file {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let directory = tempfile::tempdir().unwrap();
                let store = super::sqlite(&directory).await;
                super::$of::$test(&store).await;
                store.close().await;
            })+
        }

        mod postgres_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                let database = super::postgres::Database::new();
                let store = database.open().await;
                super::$of::$test(&store).await;
                store.close().await;
            })+
        }
    };
}

every_store!(
    conformance::an_empty_store_answers_nothing,
    conformance::what_was_written_reads_back,
    conformance::a_version_guard_lets_one_change_through,
    conformance::what_was_not_committed_has_not_happened,
    conformance::after_a_failure_nothing_commits,
    conformance::a_transaction_reads_what_it_wrote,
    changes::the_revision_counts_changes_and_the_hash_adds_up,
    changes::gone_items_stay_known_until_they_are_pruned,
    conformance::pages_have_no_gaps_and_no_repeats,
    conformance::filters_judge_time_made_states_at_now,
    conformance::lapsed_is_oldest_first_and_half_open,
    conformance::what_ended_long_ago_is_retired_once,
    conformance::ids_are_never_given_twice,
    conformance::kept_answers_last_a_day,
    conformance::history_names_what_exists,
    conformance::internal_grants_are_found_for_the_switch,
    outbox::a_notice_moves_on_once_for_each_attempt,
    outbox::timers_fire_in_order_and_once,
    outbox::notes_are_replaced_taken_and_pruned,
    outbox::text_is_searched_in_names_and_reason,
    outbox::a_full_list_tells_that_there_is_more,
    changes::pages_of_items_tell_tombstones_and_revisions,
    changes::a_new_epoch_ends_what_was_told_before,
    changes::the_time_floor_never_sinks,
    changes::many_tasks_lose_nothing,
    accesses::accesses_are_kept_once_and_listed_by_when_they_were_decided,
    accesses::accesses_are_bounded_and_of_what_exists,
    accesses::accesses_outlive_what_a_transaction_does_beside_them,
);
