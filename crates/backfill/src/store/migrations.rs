//! How the tables came to be what they are: one script a version, in the words that both dialects share.

/// Scripts that lead from one version of the tables to the next; their number is the version.
/// Never edit one that was released: add another.
pub(super) const MIGRATIONS: [&str; 8] = [
    "
CREATE TABLE sessions (
    id {pk},
    key TEXT NOT NULL UNIQUE,
    subject TEXT, first_name TEXT, last_name TEXT, vendor_data TEXT,
    remote TEXT,
    state BIGINT NOT NULL,
    total BIGINT NOT NULL DEFAULT 0,
    confirmed BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    quarantined BIGINT NOT NULL DEFAULT 0,
    due BIGINT NOT NULL DEFAULT 1,
    reason TEXT, fault TEXT, message TEXT,
    lease_owner TEXT,
    lease_until BIGINT NOT NULL DEFAULT 0,
    last_change TEXT
);
CREATE INDEX sessions_due ON sessions (lease_until, id) WHERE due > 0;
CREATE TABLE items (
    id {pk},
    session BIGINT,
    line BIGINT NOT NULL,
    context TEXT NOT NULL, media TEXT NOT NULL, stamp TEXT, extra TEXT,
    state BIGINT NOT NULL,
    attempt BIGINT NOT NULL DEFAULT 0,
    ambiguous BIGINT NOT NULL DEFAULT 0,
    sha256 {blob}, bytes_in BIGINT, bytes_out BIGINT, mime TEXT,
    media_id TEXT, via BIGINT, twin BIGINT,
    reason TEXT, fault TEXT, message TEXT,
    report TEXT, ended BIGINT
);
CREATE INDEX items_session ON items (session, id);
CREATE INDEX items_bad ON items (id) WHERE state >= 4;
",
    // What was sent, bytes and all; the row as the manifest has it; what a count before the submit found
    // beyond and short of what was confirmed; sessions that may have been left behind at the provider.
    "
ALTER TABLE items ADD COLUMN sent_sha256 {blob};
ALTER TABLE items ADD COLUMN raw {blob};
ALTER TABLE sessions ADD COLUMN unaccounted BIGINT;
ALTER TABLE sessions ADD COLUMN missing BIGINT;
ALTER TABLE sessions ADD COLUMN unaccounted_ids TEXT;
ALTER TABLE sessions ADD COLUMN orphans BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN orphan_ids TEXT;
",
    // A session that a manifest named by what can be no id is nobody's: its rows are bad ones.
    "
ALTER TABLE items RENAME COLUMN twin TO duplicate_of;
UPDATE items SET state = 4, reason = 'bad-row', fault = 'caller', ended = COALESCE(ended, {now}),
    message = 'line ' || line || ': `' || (SELECT remote FROM sessions WHERE sessions.id = items.session) ||
        '` is no session id',
    session = NULL
    WHERE session IN (SELECT id FROM sessions WHERE remote IN ('', '.', '..') OR remote LIKE '% %' OR LENGTH(remote) > 256);
DELETE FROM sessions WHERE remote IN ('', '.', '..') OR remote LIKE '% %' OR LENGTH(remote) > 256;
",
    // What the provider decided of a submitted session; when an item was first sent with an outcome that is unclear.
    "
ALTER TABLE sessions ADD COLUMN verdict TEXT;
ALTER TABLE sessions ADD COLUMN verdict_reason TEXT;
ALTER TABLE sessions ADD COLUMN verdict_code TEXT;
ALTER TABLE sessions ADD COLUMN verdict_time TEXT;
ALTER TABLE items ADD COLUMN sent_at BIGINT;
",
    // Items that leave as several files: how many there are, and what the provider has of those before the one that
    // the item's own row is about.
    "
ALTER TABLE items ADD COLUMN pieces BIGINT NOT NULL DEFAULT 1;
CREATE TABLE pieces (
    item BIGINT NOT NULL, piece BIGINT NOT NULL,
    media_id TEXT NOT NULL, via BIGINT NOT NULL,
    doubts BIGINT NOT NULL DEFAULT 0,
    bytes_out BIGINT, mime TEXT, sent_sha256 {blob},
    PRIMARY KEY (item, piece)
);
",
    // Frames of which the best are sent.
    "
ALTER TABLE items ADD COLUMN burst TEXT;
",
    // What each attempt in doubt looked like, where it was made. Of those before this version that is known only where
    // there was no other attempt.
    "
CREATE TABLE doubts (
    session BIGINT NOT NULL, item BIGINT NOT NULL, piece BIGINT NOT NULL,
    context TEXT NOT NULL,
    bytes_out BIGINT, mime TEXT, sent_sha256 {blob},
    times BIGINT NOT NULL
);
CREATE INDEX doubts_session ON doubts (session);
INSERT INTO doubts (session, item, piece, context, bytes_out, mime, sent_sha256, times)
    SELECT session, id, (SELECT COUNT(*) FROM pieces WHERE item = items.id), context,
    CASE WHEN attempt = 1 THEN bytes_out END, CASE WHEN attempt = 1 THEN mime END,
    CASE WHEN attempt = 1 THEN sent_sha256 END, ambiguous
    FROM items WHERE ambiguous > 0 AND session IN (SELECT id FROM sessions WHERE state NOT IN (5, 8));
",
    // Journals whose rows carry a column `burst` through that means something by now.
    "
INSERT INTO facts (key, value) SELECT 'burst-carried', 'true'
    WHERE EXISTS (SELECT 1 FROM facts WHERE key = 'imported')
    AND EXISTS (SELECT 1 FROM items WHERE burst IS NULL AND LOWER(extra) LIKE '%\"burst\":%');
",
];
