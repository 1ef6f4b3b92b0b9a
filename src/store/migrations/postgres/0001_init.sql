-- The authority's record, as in SQLite: numbers are 64-bit integers, times are milliseconds since the epoch in
-- UTC, digests and sums are 16 bytes, big-endian. A `document` holds the whole; the columns beside it exist to be
-- searched, and are compared with the document whenever a row is read. Keys sort by their bytes (COLLATE "C"),
-- whatever the database's own collation is.

-- Which programs may still run on this schema. A step that only adds (expands) leaves it alone; a step that
-- takes away what older programs use (contracts) raises it to its own number, in the same transaction.
CREATE TABLE schema_compat (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    oldest_program BIGINT NOT NULL CHECK (oldest_program >= 1)
);

INSERT INTO schema_compat VALUES (1, 1);

CREATE TABLE revision (
    one             INTEGER PRIMARY KEY CHECK (one = 1),
    epoch           BIGINT NOT NULL CHECK (epoch >= 1),
    number          BIGINT NOT NULL CHECK (number >= 0),
    state_hash      BYTEA NOT NULL CHECK (octet_length(state_hash) = 16),
    time_floor_ms   BIGINT NOT NULL,
    -- Tombstones of this revision and below have been dropped.
    tombstone_floor BIGINT NOT NULL,
    -- The number of the next AccessRequest.
    next_number     BIGINT NOT NULL CHECK (next_number >= 1001),
    CHECK (tombstone_floor BETWEEN 0 AND number)
)
-- One row that every transaction writes: room beside it keeps its versions on one page.
WITH (fillfactor = 10);

INSERT INTO revision VALUES (1, 1, 0, decode(repeat('00', 16), 'hex'), -62135596800000, 0, 1001);

CREATE FUNCTION lockbox_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0];
END
$$;

CREATE TRIGGER revision_never_goes_back BEFORE UPDATE ON revision FOR EACH ROW
WHEN (NEW.epoch < OLD.epoch
    OR (NEW.epoch = OLD.epoch AND NEW.number < OLD.number)
    OR NEW.time_floor_ms < OLD.time_floor_ms
    OR NEW.next_number < OLD.next_number)
EXECUTE FUNCTION lockbox_refuse('the revision, the time floor and the ids never go back');

CREATE TRIGGER revision_is_kept BEFORE DELETE OR TRUNCATE ON revision FOR EACH STATEMENT
EXECUTE FUNCTION lockbox_refuse('the revision is never deleted');

-- A hint to every authority, sent when the transaction commits; several of one transaction are one.
CREATE FUNCTION lockbox_tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('lockbox_moved', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER revision_is_told AFTER UPDATE ON revision FOR EACH ROW
WHEN (NEW.number IS DISTINCT FROM OLD.number)
EXECUTE FUNCTION lockbox_tell();

CREATE TABLE access_request (
    id                BIGINT PRIMARY KEY,
    version           BIGINT NOT NULL CHECK (version >= 1),
    tenant            TEXT COLLATE "C" NOT NULL,
    engineer          TEXT COLLATE "C" NOT NULL,
    workload          TEXT COLLATE "C" NOT NULL,
    state             TEXT COLLATE "C" NOT NULL,
    submitted_at_ms   BIGINT NOT NULL,
    -- When the clock ends the state: `respond_by` of `notified`, the end of the window of `active`.
    due_at_ms         BIGINT CHECK ((due_at_ms IS NOT NULL) = (state IN ('notified', 'active'))),
    known_to_customer BOOLEAN NOT NULL,
    approval          TEXT COLLATE "C" CHECK (approval IN ('customer', 'internal')),
    -- What a list is searched in, with small letters.
    searched          TEXT COLLATE "C" NOT NULL,
    document          TEXT NOT NULL
);

CREATE INDEX access_request_of_tenant ON access_request (tenant, id);
CREATE INDEX access_request_of_engineer ON access_request (engineer, id);
CREATE INDEX access_request_in_state ON access_request (state, id);
CREATE INDEX access_request_due ON access_request (due_at_ms, id) WHERE due_at_ms IS NOT NULL;

CREATE TABLE tenant (
    id       TEXT COLLATE "C" PRIMARY KEY,
    version  BIGINT NOT NULL CHECK (version >= 1),
    document TEXT NOT NULL
);

CREATE TABLE engineer (
    id       TEXT COLLATE "C" PRIMARY KEY,
    version  BIGINT NOT NULL CHECK (version >= 1),
    document TEXT NOT NULL
);

-- Numbers of events and notices are counted under the lock on the revision, not by a sequence: in the order of
-- the commits, and without gaps.
CREATE TABLE event (
    number         BIGINT PRIMARY KEY CHECK (number >= 1),
    access_request BIGINT REFERENCES access_request (id) DEFERRABLE INITIALLY DEFERRED,
    tenant         TEXT COLLATE "C",
    document       TEXT NOT NULL
);

CREATE INDEX event_of_access_request ON event (access_request, number) WHERE access_request IS NOT NULL;
CREATE INDEX event_of_settings ON event (tenant, number) WHERE access_request IS NULL;

CREATE TRIGGER event_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON event FOR EACH STATEMENT
EXECUTE FUNCTION lockbox_refuse('the history is only ever added to');

CREATE TABLE outbox (
    number     BIGINT PRIMARY KEY CHECK (number >= 1),
    tenant     TEXT COLLATE "C" NOT NULL,
    document   TEXT NOT NULL,
    state      TEXT COLLATE "C" NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'moot', 'dead')),
    channel    TEXT COLLATE "C" NOT NULL CHECK (channel IN ('mail', 'webhook')),
    attempts   BIGINT NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    -- When it is tried next, or was done with.
    at_ms      BIGINT NOT NULL,
    last_error TEXT
);

CREATE INDEX outbox_of_tenant ON outbox (tenant, number);
CREATE INDEX outbox_due ON outbox (channel, at_ms, number) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (number) WHERE state = 'dead';

CREATE TABLE timer (
    access_request BIGINT NOT NULL REFERENCES access_request (id) DEFERRABLE INITIALLY DEFERRED,
    kind           TEXT COLLATE "C" NOT NULL,
    at_ms          BIGINT NOT NULL,
    PRIMARY KEY (access_request, kind)
);

CREATE INDEX timer_due ON timer (at_ms, access_request, kind);

CREATE TABLE kept_answer (
    caller         TEXT COLLATE "C" NOT NULL,
    key            TEXT COLLATE "C" NOT NULL,
    asked          BYTEA NOT NULL CHECK (octet_length(asked) = 32),
    access_request BIGINT NOT NULL REFERENCES access_request (id) DEFERRABLE INITIALLY DEFERRED,
    at_ms          BIGINT NOT NULL,
    PRIMARY KEY (caller, key)
);

CREATE INDEX kept_answer_by_age ON kept_answer (at_ms, caller, key);

CREATE TABLE note (
    kind          TEXT COLLATE "C" NOT NULL,
    key           TEXT COLLATE "C" NOT NULL,
    document      TEXT NOT NULL,
    -- NULL: until it is taken away.
    expires_at_ms BIGINT,
    PRIMARY KEY (kind, key)
);

CREATE INDEX note_by_age ON note (expires_at_ms) WHERE expires_at_ms IS NOT NULL;

CREATE TABLE item (
    key      TEXT COLLATE "C" PRIMARY KEY,
    -- NULL: a tombstone.
    payload  BYTEA,
    digest   BYTEA NOT NULL CHECK (octet_length(digest) = 16),
    revision BIGINT NOT NULL CHECK (revision >= 1),
    CHECK (payload IS NOT NULL OR digest = decode(repeat('00', 16), 'hex'))
);

CREATE INDEX item_by_revision ON item (revision, key);
CREATE INDEX item_tombstone ON item (revision) WHERE payload IS NULL;
