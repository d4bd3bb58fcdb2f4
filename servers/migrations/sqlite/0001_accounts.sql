-- The Account Server. Times are milliseconds since 1970; keys, ids and hashes are raw bytes.

-- What is made once and kept for ever: signing key, OPAQUE secret, the deployment's /48, TLS key.
CREATE TABLE setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE dc (
    id          INTEGER PRIMARY KEY,
    key         BLOB NOT NULL UNIQUE,
    domains     TEXT NOT NULL, -- JSON list
    addrs       TEXT NOT NULL, -- JSON list
    prefix      BLOB NOT NULL UNIQUE,
    ticket_link BLOB NOT NULL,
    secret      BLOB NOT NULL UNIQUE -- hash
) STRICT;

CREATE TABLE v4_block (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 0 AND 254), -- 255 is for the nodes' own aliases
    dc     INTEGER NOT NULL REFERENCES dc (id)
) STRICT;

CREATE TABLE rs (
    id     INTEGER PRIMARY KEY,
    key    BLOB NOT NULL UNIQUE,
    v4     TEXT,
    v6     TEXT,
    secret BLOB NOT NULL UNIQUE, -- hash
    dcs    TEXT NOT NULL -- JSON list; empty: all
) STRICT;

CREATE TABLE link (
    key_id INTEGER PRIMARY KEY,
    dc     INTEGER NOT NULL REFERENCES dc (id),
    rs     INTEGER NOT NULL REFERENCES rs (id),
    key    BLOB NOT NULL,
    UNIQUE (dc, rs)
) STRICT;

CREATE TABLE account (
    name        TEXT PRIMARY KEY,
    opaque      BLOB NOT NULL,
    root        BLOB NOT NULL,
    sealed_root BLOB NOT NULL,
    dc          INTEGER NOT NULL REFERENCES dc (id),
    is_admin    INTEGER NOT NULL,
    created     INTEGER NOT NULL
) STRICT;

CREATE INDEX account_by_dc ON account (dc);

CREATE TABLE device (
    node           BLOB PRIMARY KEY,
    account        TEXT NOT NULL REFERENCES account (name),
    name           TEXT NOT NULL,
    identity       BLOB NOT NULL UNIQUE,
    virtual_v6     BLOB NOT NULL UNIQUE,
    root_signature BLOB NOT NULL,
    node_key       BLOB NOT NULL,
    secret         BLOB NOT NULL UNIQUE, -- hash
    created        INTEGER NOT NULL,
    renewed        INTEGER NOT NULL,
    revoked        INTEGER
) STRICT;

-- A revoked device gives its name back, and keeps its address for ever.
CREATE UNIQUE INDEX device_by_name ON device (account, name) WHERE revoked IS NULL;
CREATE INDEX device_by_revocation ON device (revoked) WHERE revoked IS NOT NULL;

CREATE TABLE invitation (
    hash        BLOB PRIMARY KEY,
    uses        INTEGER NOT NULL,
    used        INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    makes_admin INTEGER NOT NULL,
    made_by     TEXT REFERENCES account (name)
) STRICT;

CREATE TABLE enrolment (
    hash    BLOB PRIMARY KEY,
    role    TEXT NOT NULL, -- JSON
    expires INTEGER NOT NULL,
    used_by BLOB,
    used_at INTEGER
) STRICT;

-- What coordinators are told, in order; old ones are thrown away, and who asks for them is told all.
CREATE TABLE note (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    dc   INTEGER NOT NULL REFERENCES dc (id),
    kind INTEGER NOT NULL, -- 0 name added, 1 name gone, 2 node revoked, 3 set-up changed
    name TEXT,
    node BLOB
) STRICT;

CREATE INDEX note_by_dc ON note (dc, seq);
