-- One row per node, for good: the addresses that its DC gave it.
CREATE TABLE assignment (
    node BLOB PRIMARY KEY CHECK (length(node) = 16),
    fqdn TEXT NOT NULL,
    v6   BLOB NOT NULL UNIQUE CHECK (length(v6) = 16),
    v4   BLOB NOT NULL UNIQUE CHECK (length(v4) = 4)
) STRICT, WITHOUT ROWID;
