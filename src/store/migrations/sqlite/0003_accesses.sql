-- What sidecars have told of the Decisions that concern AccessRequests. No part of the record that they renew from.

CREATE TABLE access (
    -- One row a Decision, however often it is told; the ids are of version 7, so that rows are added at the end.
    decision_id    BLOB PRIMARY KEY CHECK (length(decision_id) = 16),
    access_request INTEGER NOT NULL REFERENCES access_request (id),
    at_ms          INTEGER NOT NULL,
    sidecar        TEXT NOT NULL,
    sequence       INTEGER NOT NULL CHECK (sequence >= 1),
    document       TEXT NOT NULL CHECK (length(CAST(document AS BLOB)) <= 8192)
) STRICT;

CREATE INDEX access_of_access_request ON access (access_request, at_ms, decision_id);

CREATE TRIGGER access_is_never_changed BEFORE UPDATE ON access
BEGIN
    SELECT RAISE(ABORT, 'what was told is never changed');
END;

CREATE TRIGGER access_is_kept BEFORE DELETE ON access
BEGIN
    SELECT RAISE(ABORT, 'what was told is kept');
END;
