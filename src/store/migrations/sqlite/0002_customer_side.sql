-- What the customer's side needs: how far each notice has come, what the clock has to do before a time
-- runs out, and a small place for what is no part of the record (sessions, drafts, choices).

ALTER TABLE outbox ADD COLUMN state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'moot', 'dead'));
ALTER TABLE outbox ADD COLUMN channel TEXT NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'webhook'));
ALTER TABLE outbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0);
-- When it is tried next, or was done with; 0 for those of before, which wait since then.
ALTER TABLE outbox ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN last_error TEXT;

CREATE INDEX outbox_due ON outbox (channel, at_ms, number) WHERE state = 'waiting';
CREATE INDEX outbox_dead ON outbox (number) WHERE state = 'dead';

CREATE TABLE timer (
    access_request INTEGER NOT NULL REFERENCES access_request (id) DEFERRABLE INITIALLY DEFERRED,
    kind           TEXT NOT NULL,
    at_ms          INTEGER NOT NULL,
    PRIMARY KEY (access_request, kind)
) STRICT;

CREATE INDEX timer_due ON timer (at_ms, access_request, kind);

CREATE TABLE note (
    kind          TEXT NOT NULL,
    key           TEXT NOT NULL,
    document      TEXT NOT NULL,
    -- NULL: until it is taken away.
    expires_at_ms INTEGER,
    PRIMARY KEY (kind, key)
) STRICT;

CREATE INDEX note_by_age ON note (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
