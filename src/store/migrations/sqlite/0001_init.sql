-- The authority's record. Numbers are 64-bit integers, times are milliseconds since the epoch in UTC,
-- digests and sums are 16 bytes, big-endian. A `document` holds the whole; the columns beside it exist
-- to be searched, and are compared with the document whenever a row is read.

CREATE TABLE revision (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    epoch           INTEGER NOT NULL CHECK (epoch >= 1),
    number          INTEGER NOT NULL CHECK (number >= 0),
    state_hash      BLOB NOT NULL CHECK (length(state_hash) = 16),
    time_floor_ms   INTEGER NOT NULL,
    -- Tombstones of this revision and below have been dropped.
    tombstone_floor INTEGER NOT NULL CHECK (tombstone_floor BETWEEN 0 AND number),
    -- The number of the next AccessRequest.
    next_number     INTEGER NOT NULL CHECK (next_number >= 1001)
) STRICT;

INSERT INTO revision VALUES (1, 1, 0, zeroblob(16), -62135596800000, 0, 1001);

CREATE TRIGGER revision_never_goes_back BEFORE UPDATE ON revision
WHEN NEW.epoch < OLD.epoch
    OR (NEW.epoch = OLD.epoch AND NEW.number < OLD.number)
    OR NEW.time_floor_ms < OLD.time_floor_ms
    OR NEW.next_number < OLD.next_number
BEGIN
    SELECT RAISE(ABORT, 'the revision, the time floor and the ids never go back');
END;

CREATE TRIGGER revision_is_kept BEFORE DELETE ON revision
BEGIN
    SELECT RAISE(ABORT, 'the revision is never deleted');
END;

CREATE TABLE access_request (
    id                INTEGER PRIMARY KEY,
    version           INTEGER NOT NULL CHECK (version >= 1),
    tenant            TEXT NOT NULL,
    engineer          TEXT NOT NULL,
    workload          TEXT NOT NULL,
    state             TEXT NOT NULL,
    submitted_at_ms   INTEGER NOT NULL,
    -- When the clock ends the state: `respond_by` of `notified`, the end of the window of `active`.
    due_at_ms         INTEGER CHECK ((due_at_ms IS NOT NULL) = (state IN ('notified', 'active'))),
    known_to_customer INTEGER NOT NULL CHECK (known_to_customer IN (0, 1)),
    approval          TEXT CHECK (approval IN ('customer', 'internal')),
    document          TEXT NOT NULL
) STRICT;

CREATE INDEX access_request_of_tenant ON access_request (tenant, id);
CREATE INDEX access_request_of_engineer ON access_request (engineer, id);
CREATE INDEX access_request_in_state ON access_request (state, id);
CREATE INDEX access_request_due ON access_request (due_at_ms, id) WHERE due_at_ms IS NOT NULL;

CREATE TABLE tenant (
    id       TEXT PRIMARY KEY,
    version  INTEGER NOT NULL CHECK (version >= 1),
    document TEXT NOT NULL
) STRICT;

CREATE TABLE engineer (
    id       TEXT PRIMARY KEY,
    version  INTEGER NOT NULL CHECK (version >= 1),
    document TEXT NOT NULL
) STRICT;

CREATE TABLE event (
    number         INTEGER PRIMARY KEY AUTOINCREMENT,
    access_request INTEGER REFERENCES access_request (id) DEFERRABLE INITIALLY DEFERRED,
    tenant         TEXT,
    document       TEXT NOT NULL
) STRICT;

CREATE INDEX event_of_access_request ON event (access_request, number) WHERE access_request IS NOT NULL;
CREATE INDEX event_of_settings ON event (tenant, number) WHERE access_request IS NULL;

CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'the history is only ever added to');
END;

CREATE TRIGGER event_is_kept BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'the history is only ever added to');
END;

CREATE TABLE outbox (
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant   TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;

CREATE INDEX outbox_of_tenant ON outbox (tenant, number);

CREATE TABLE kept_answer (
    caller         TEXT NOT NULL,
    key            TEXT NOT NULL,
    asked          BLOB NOT NULL CHECK (length(asked) = 32),
    access_request INTEGER NOT NULL REFERENCES access_request (id) DEFERRABLE INITIALLY DEFERRED,
    at_ms          INTEGER NOT NULL,
    PRIMARY KEY (caller, key)
) STRICT;

CREATE INDEX kept_answer_by_age ON kept_answer (at_ms, caller, key);

CREATE TABLE item (
    key      TEXT PRIMARY KEY,
    -- NULL: a tombstone.
    payload  BLOB,
    digest   BLOB NOT NULL CHECK (length(digest) = 16),
    revision INTEGER NOT NULL CHECK (revision >= 1),
    CHECK (payload IS NOT NULL OR digest = zeroblob(16))
) STRICT;

CREATE INDEX item_by_revision ON item (revision, key);
CREATE INDEX item_tombstone ON item (revision) WHERE payload IS NULL;
