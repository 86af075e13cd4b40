//! The tables and every statement, in the words that both dialects share. Parameters are written
//! `?1`; PostgreSQL gets `$1`. What differs stands in [`Dialect`], and nowhere else.

use std::borrow::Cow;

use super::migrations::MIGRATIONS;
pub(crate) use super::rows::{
    added_values, decided_values, end_items, item_values, mend_values, session_values, too_late,
};
use super::state::{ItemState, SessionState};
use super::value::Value;
use super::{Glob, LeaveOut, LeftOut, Mend, Part};
use crate::error::{Error, ErrorKind, Result};

/// The version that this program writes.
pub(crate) const VERSION: usize = MIGRATIONS.len();

/// What the dialects do not share.
pub(crate) struct Dialect {
    pub(crate) primary_key: &'static str,
    pub(crate) blob: &'static str,
    /// Milliseconds since 1970 on the store's own clock.
    pub(crate) now: &'static str,
    /// Ends the choice of a claim.
    pub(crate) skip_locked: &'static str,
    pub(crate) parameter: char,
    /// How a pattern is asked for, and spelled.
    pub(crate) glob: &'static str,
    pub(crate) pattern: fn(&Glob) -> String,
}

pub(crate) const SQLITE: Dialect = Dialect {
    primary_key: "INTEGER PRIMARY KEY",
    blob: "BLOB",
    now: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    skip_locked: "",
    parameter: '?',
    glob: "GLOB {}",
    pattern: Glob::sqlite,
};

pub(crate) const POSTGRES: Dialect = Dialect {
    primary_key: "BIGINT PRIMARY KEY",
    blob: "BYTEA",
    now: "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
    skip_locked: "FOR UPDATE SKIP LOCKED",
    parameter: '$',
    glob: "LIKE {}",
    pattern: Glob::like,
};

impl Dialect {
    /// A text of ours in this dialect's words.
    pub(crate) fn say<'a>(&self, text: &'a str) -> Cow<'a, str> {
        // Most of what is said for every item is the same in both.
        if self.parameter == '?' && !text.contains('{') {
            return Cow::Borrowed(text);
        }
        let text = text
            .replace("{pk}", self.primary_key)
            .replace("{blob}", self.blob)
            .replace("{now}", self.now)
            .replace("{skip_locked}", self.skip_locked);
        Cow::Owned(if self.parameter == '?' { text } else { text.replace('?', &self.parameter.to_string()) })
    }

    /// The scripts from `version` to [`VERSION`].
    pub(crate) fn migrations(&self, version: usize) -> impl Iterator<Item = (usize, String)> + '_ {
        MIGRATIONS.iter().enumerate().skip(version).map(|(n, script)| (n + 1, self.say(script).into_owned()))
    }
}

pub(crate) const FACTS: &str = "CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL)";
pub(crate) const GET_FACT: &str = "SELECT value FROM facts WHERE key = ?1";
pub(crate) const SET_FACT: &str =
    "INSERT INTO facts (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// A session is met with each of its rows; the first row's names count.
pub(crate) const MEET_SESSION: &str = "INSERT INTO sessions
    (id, key, subject, first_name, last_name, vendor_data, remote, state, total)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (key) DO UPDATE SET total = sessions.total + excluded.total,
    first_name = COALESCE(sessions.first_name, excluded.first_name),
    last_name = COALESCE(sessions.last_name, excluded.last_name),
    vendor_data = COALESCE(sessions.vendor_data, excluded.vendor_data)
    RETURNING id, state";
pub(crate) const ADD_ITEM: &str = "INSERT INTO items
    (id, session, line, context, media, stamp, extra, state, reason, fault, message, raw, burst, ended)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,
    CASE WHEN CAST(?9 AS TEXT) IS NULL THEN NULL ELSE {now} END)";
/// A bad row of a known session keeps that session from being submitted.
pub(crate) const COUNT_BAD_ROW: &str = "UPDATE sessions SET failed = failed + CAST(?2 AS BIGINT) WHERE id = ?1";
pub(crate) const NO_WORK_IN_BAD_SESSIONS: &str =
    "UPDATE sessions SET due = 0 WHERE total = confirmed + failed + quarantined AND confirmed < total";

/// ?1 owner, ?2 lease in ms, ?3 how many, ?4 highest `due` wanted is 1 or 2: 1 leaves out sessions
/// that only wait for their submit.
const CLAIM: &str = "UPDATE sessions SET lease_owner = ?1, lease_until = {now} + CAST(?2 AS BIGINT)
    WHERE id IN (SELECT id FROM sessions WHERE due > 0 AND lease_until <= {now} AND due <= ?4 {only}
                 ORDER BY lease_until, id LIMIT ?3 {skip_locked})
    RETURNING id";
/// [`CLAIM`] of all sessions, or of those of a part: parameters from ?5 on.
pub(crate) fn claim(part: &Part, dialect: &Dialect) -> (String, Vec<Value>) {
    let mut values = Vec::new();
    let mut place = |value: String| {
        values.push(Value::Text(value));
        format!("?{}", 4 + values.len())
    };
    let mut condition = String::new();
    if !part.keys.is_empty() {
        let keys = part.keys.iter().flat_map(|key| keys_of(key));
        let places: Vec<String> = keys.map(&mut place).collect();
        condition = format!("AND key IN ({})", places.join(", "));
    }
    if !part.include.is_empty() || !part.exclude.is_empty() {
        let mut any = |globs: &[Glob]| {
            let one = |glob: &Glob| format!("media {}", dialect.glob.replace("{}", &place((dialect.pattern)(glob))));
            globs.iter().map(one).collect::<Vec<_>>().join(" OR ")
        };
        let mut wanted = String::new();
        if !part.include.is_empty() {
            wanted += &format!(" AND ({})", any(&part.include));
        }
        if !part.exclude.is_empty() {
            wanted += &format!(" AND NOT ({})", any(&part.exclude));
        }
        let work = format!("EXISTS (SELECT 1 FROM items WHERE session = sessions.id AND state < 3{wanted})");
        condition += &format!(" AND (due = 2 OR {work})");
    }
    (CLAIM.replace("{only}", &condition), values)
}

pub(crate) const SESSION: &str = "SELECT id, subject, first_name, last_name, vendor_data, remote, state,
    (SELECT COUNT(*) FROM doubts WHERE session = sessions.id) FROM sessions WHERE id = ?1";
/// What attempts in doubt of a session looked like.
pub(crate) const DOUBTS: &str = "SELECT item, piece, context, bytes_out, mime, sent_sha256, CAST(SUM(times) AS BIGINT)
    FROM doubts WHERE session = ?1 GROUP BY item, piece, context, bytes_out, mime, sent_sha256
    ORDER BY item, piece, bytes_out, mime, sent_sha256";
pub(crate) const ITEMS: &str = "SELECT id, context, media, stamp, state, attempt, sha256, bytes_out, mime, media_id,
    sent_sha256, ambiguous, duplicate_of, via, {now} - sent_at, pieces, burst FROM items WHERE session = ?1 ORDER BY id";
/// What the provider has of items that leave as several files and are not all there; of a session's.
pub(crate) const PIECES: &str = "SELECT item, media_id, via, doubts, bytes_out, mime, sent_sha256 FROM pieces
    WHERE item IN (SELECT id FROM items WHERE session = ?1) ORDER BY item, piece";
/// The same of the items ?1 to ?2, and of those that were sent in the place of one of them.
pub(crate) const PIECES_OF_PAGE: &str = "SELECT item, media_id, via, doubts, bytes_out, mime, sent_sha256 FROM pieces
    WHERE item BETWEEN ?1 AND ?2 OR item IN (SELECT duplicate_of FROM items WHERE id BETWEEN ?1 AND ?2)
    ORDER BY item, piece";
pub(crate) const RENEW: &str = "UPDATE sessions SET lease_until = {now} + CAST(?3 AS BIGINT)
    WHERE id = ?1 AND lease_owner = ?2";
pub(crate) const RELEASE: &str = "UPDATE sessions SET lease_owner = NULL, lease_until = 0
    WHERE id = ?1 AND lease_owner = ?2";
pub(crate) const FREE_ALL: &str =
    "UPDATE sessions SET lease_owner = NULL, lease_until = 0 WHERE lease_owner IS NOT NULL OR lease_until <> 0";

/// Takes the row's lock, proves the lease and notes the change's own id, so that the same change is
/// never made twice.
pub(crate) const HOLD: &str = "UPDATE sessions SET last_change = ?3
    WHERE id = ?1 AND lease_owner = ?2 AND (last_change IS NULL OR last_change <> ?3)";
/// Whether the change was made by a try whose answer was lost.
pub(crate) const APPLIED: &str = "SELECT 1 FROM sessions WHERE id = ?1 AND lease_owner = ?2 AND last_change = ?3";
pub(crate) const ANY_DUE: &str = "SELECT 1 FROM sessions WHERE due > 0 AND due <= ?1 LIMIT 1";
/// After its items changed: what the session is now, and whether anything is left to do.
pub(crate) const SETTLE: &str = "UPDATE sessions SET
    confirmed = confirmed + CAST(?2 AS BIGINT), failed = failed + CAST(?3 AS BIGINT),
    quarantined = quarantined + CAST(?4 AS BIGINT),
    total = total - CAST(?5 AS BIGINT),
    state = CASE WHEN state = 2 AND confirmed + CAST(?2 AS BIGINT) = total - CAST(?5 AS BIGINT) THEN 3 ELSE state END,
    due = CASE
        WHEN state = 4 OR state = 3 THEN 2
        WHEN state > 4 THEN 0
        WHEN confirmed + CAST(?2 AS BIGINT) = total - CAST(?5 AS BIGINT) THEN 2
        WHEN confirmed + failed + quarantined + CAST(?2 AS BIGINT) + CAST(?3 AS BIGINT) + CAST(?4 AS BIGINT)
            < total - CAST(?5 AS BIGINT)
        THEN 1 ELSE 0 END
    WHERE id = ?1";

pub(crate) const FAIL_OPEN_ITEMS: &str = "UPDATE items SET state = ?2, reason = ?3, fault = ?4, message = ?5,
    ended = {now} WHERE session = ?1 AND state < 3";

pub(crate) const COUNT_ITEMS: &str = "SELECT state, COUNT(*), COALESCE(CAST(SUM(bytes_in) AS BIGINT), 0),
    COALESCE(CAST(SUM(CASE WHEN state = 3 AND duplicate_of IS NULL THEN bytes_out END) AS BIGINT), 0), COUNT(duplicate_of),
    COALESCE(CAST(SUM(ambiguous) AS BIGINT), 0), COALESCE(CAST(SUM(attempt) AS BIGINT), 0),
    COALESCE(CAST(SUM(CASE WHEN session IS NULL THEN 1 END) AS BIGINT), 0)
    FROM items GROUP BY state";
/// Bytes of pieces, which the rows of their items do not count.
pub(crate) const COUNT_PIECES: &str = "SELECT COALESCE(CAST(SUM(bytes_out) AS BIGINT), 0) FROM pieces";
pub(crate) const COUNT_SESSIONS: &str = "SELECT state, COUNT(*), COALESCE(CAST(SUM(unaccounted) AS BIGINT), 0),
    COALESCE(CAST(SUM(missing) AS BIGINT), 0), CAST(SUM(orphans) AS BIGINT) FROM sessions GROUP BY state";
pub(crate) const FAILURES: &str =
    "SELECT reason, COUNT(*) FROM items WHERE state = 4 AND reason IS NOT NULL GROUP BY reason ORDER BY 2 DESC, 1";
pub(crate) const LAST_ERROR: &str =
    "SELECT message FROM items WHERE state IN (4, 5) AND message IS NOT NULL ORDER BY ended DESC, id DESC LIMIT 1";
pub(crate) const LAST_MINUTE: &str = "SELECT COUNT(*) FROM items WHERE ended > {now} - 60000";
pub(crate) const AT_WORK: &str = "SELECT COUNT(*) FROM sessions WHERE lease_until > {now}";
/// Every claim of a worker has a number of its own behind the worker's name.
pub(crate) const WORKERS: &str = "SELECT COUNT(DISTINCT regexp_replace(lease_owner, '-[0-9]+$', '')) FROM sessions
    WHERE lease_until > {now}";
pub(crate) const UNSUBMITTED: &str = "SELECT subject, remote, state, total, confirmed, failed, quarantined, message
    FROM sessions WHERE state NOT IN (5, 8) ORDER BY id LIMIT ?1";
pub(crate) const ORPHANS: &str = "SELECT orphan_ids FROM sessions WHERE orphan_ids IS NOT NULL ORDER BY id LIMIT ?1";
/// Sessions whose counters do not agree with their items: none, unless a record was damaged.
pub(crate) const AUDIT: &str = "SELECT COUNT(*) FROM sessions s LEFT JOIN (
        SELECT session, COUNT(CASE WHEN state NOT IN (6, 7) THEN 1 END) AS n, COUNT(CASE WHEN state = 3 THEN 1 END) AS c,
        COUNT(CASE WHEN state = 4 THEN 1 END) AS f, COUNT(CASE WHEN state = 5 THEN 1 END) AS q
        FROM items GROUP BY session) i ON i.session = s.id
    WHERE s.total <> COALESCE(i.n, 0) OR s.confirmed <> COALESCE(i.c, 0)
        OR s.failed <> COALESCE(i.f, 0) OR s.quarantined <> COALESCE(i.q, 0)
        OR (s.state IN (3, 4) AND s.confirmed <> s.total) OR (s.state = 5 AND s.confirmed + s.failed <> s.total)";

/// The page of records; `{only}` is a condition.
pub(crate) const PAGE: &str = "SELECT i.id, i.context, i.media, i.stamp, i.state, i.attempt, i.sha256, i.bytes_out,
    i.mime, i.media_id, i.sent_sha256, i.ambiguous, i.duplicate_of, i.via, {now} - i.sent_at,
    i.pieces, i.burst, i.line, s.subject, s.first_name, s.last_name, s.vendor_data, s.remote, s.state, i.extra,
    i.bytes_in, i.reason, i.fault, i.message, i.report, i.ended, s.unaccounted, i.raw, s.verdict, s.verdict_reason,
    s.verdict_code, s.verdict_time
    FROM items i LEFT JOIN sessions s ON s.id = i.session WHERE i.id > ?1 {only} ORDER BY i.id LIMIT ?2";

/// Back to work: items in the states ?1 to ?2, of failed (4) and quarantined (5). Whatever may have been sent goes
/// back to `sending`. Rows that never were items stay as they are.
pub(crate) const RETRY_ITEMS: &str = "UPDATE items SET
    state = CASE WHEN state = 5 AND attempt > 0 AND bytes_out IS NOT NULL THEN 2 ELSE 0 END,
    reason = NULL, fault = NULL, message = NULL, ended = NULL
    WHERE state >= ?1 AND state <= ?2 AND session IS NOT NULL
    AND reason NOT IN ('bad-row', 'session-submitted')";
pub(crate) const RETRY_SESSIONS: &str = "UPDATE sessions SET
    failed = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state = 4),
    quarantined = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state = 5),
    reason = NULL, fault = NULL, message = NULL,
    state = CASE WHEN remote IS NULL THEN 0 WHEN confirmed = total THEN 3 ELSE 2 END,
    due = CASE WHEN confirmed = total THEN 2 WHEN EXISTS
        (SELECT 1 FROM items WHERE session = sessions.id AND state < 3) THEN 1 ELSE 0 END
    WHERE state <> 5
    AND (((failed > 0 OR state = 6) AND ?1 <= 4) OR ((quarantined > 0 OR state = 7) AND ?2 >= 5))";

/// What failed because its session was gone, and whose session can be made anew.
pub(crate) const REOPEN_GONE_ITEMS: &str = "UPDATE items SET
    state = 0, reason = NULL, fault = NULL, message = NULL, ended = NULL
    WHERE state = 4 AND reason = 'session-gone'
    AND session IN (SELECT id FROM sessions WHERE subject IS NOT NULL AND state IN (2, 6))";
pub(crate) const REOPEN_GONE_SESSIONS: &str = "UPDATE sessions SET
    failed = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state = 4),
    state = CASE WHEN confirmed = total THEN 3 ELSE 2 END, reason = NULL, fault = NULL, message = NULL,
    due = CASE WHEN confirmed = total THEN 2 ELSE 1 END
    WHERE subject IS NOT NULL AND ((state = 6 AND reason = 'session-gone')
    OR (state = 2 AND EXISTS (SELECT 1 FROM items WHERE session = sessions.id AND state < 3)))";

pub(crate) const UNDECIDED: &str =
    "SELECT id, remote FROM sessions WHERE state = 5 AND verdict IS NULL AND id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const DECIDE: &str = "UPDATE sessions SET verdict = ?2, verdict_reason = ?3, verdict_code = ?4,
    verdict_time = ?5 WHERE id = ?1 AND state = 5";
pub(crate) const VERDICTS: &str =
    "SELECT COALESCE(verdict, ''), COUNT(*) FROM sessions WHERE state = 5 GROUP BY 1 ORDER BY 1";

/// The session of a key, as ?1 or ?2, and what it has.
pub(crate) const SESSION_TO_LEAVE: &str = "SELECT id, state, confirmed, failed FROM sessions WHERE key IN (?1, ?2)";
pub(crate) const LEAVE_FAILED: &str = "UPDATE items SET state = 6 WHERE session = ?1 AND state = 4";
pub(crate) const DROP_ITEMS: &str = "UPDATE items SET state = 6, reason = COALESCE(reason, 'dropped'),
    fault = COALESCE(fault, 'caller'), message = COALESCE(message, 'left out as told'), ended = COALESCE(ended, {now})
    WHERE session = ?1 AND state NOT IN (3, 6, 7)";
pub(crate) const DROP_SESSION: &str = "UPDATE sessions SET state = 8, due = 0, total = confirmed, failed = 0,
    quarantined = 0, reason = 'dropped', fault = 'caller', message = 'dropped as told',
    orphans = orphans + CASE WHEN remote IS NULL OR subject IS NULL THEN 0 ELSE 1 END,
    orphan_ids = CASE WHEN remote IS NULL OR subject IS NULL THEN orphan_ids
        WHEN orphan_ids IS NULL THEN remote ELSE orphan_ids || ' ' || remote END
    WHERE id = ?1";

/// A mended row of line ?1 takes the place of the failed one: ?2 session, ?3 context, ?4 media, ?5 stamp, ?6 extra,
/// ?7 burst.
pub(crate) const MEND_ITEM: &str =
    "UPDATE items SET session = ?2, context = ?3, media = ?4, stamp = ?5, extra = ?6, burst = ?7,
    state = 0, reason = NULL, fault = NULL, message = NULL, raw = NULL, ended = NULL,
    sha256 = CASE WHEN EXISTS (SELECT 1 FROM pieces WHERE item = items.id) THEN sha256 END,
    pieces = CASE WHEN EXISTS (SELECT 1 FROM pieces WHERE item = items.id) THEN pieces ELSE 1 END,
    bytes_in = NULL, bytes_out = NULL, mime = NULL, sent_at = NULL
    WHERE line = ?1 AND state = 4";
/// Before it: pieces of another file, or in another place, are none of the mended row's. The same parameters.
pub(crate) const MEND_PIECES: &str = "DELETE FROM pieces WHERE item IN (SELECT id FROM items
    WHERE line = ?1 AND state = 4 AND (session <> ?2 OR context <> ?3 OR media <> ?4))";
/// Whether a session takes another item: it is there, and not submitted or about to be.
pub(crate) const SESSION_OF_KEY: &str = "SELECT id, state FROM sessions WHERE key = ?1";
pub(crate) const ITEMS_OF_LINE: &str = "SELECT COUNT(*) FROM items WHERE line = ?1 AND state = 4";
/// Counts the items of every session that is not submitted anew, and says what is left to do.
pub(crate) const RECOUNT: &str = "UPDATE sessions SET
    total = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state NOT IN (6, 7)),
    confirmed = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state = 3),
    failed = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state = 4),
    quarantined = (SELECT COUNT(*) FROM items WHERE session = sessions.id AND state = 5)
    WHERE state IN (0, 1, 2, 3, 6)";
pub(crate) const RESUME: &str = "UPDATE sessions SET
    reason = CASE WHEN state = 6 AND confirmed < total THEN NULL ELSE reason END,
    state = CASE WHEN state IN (3, 6) AND confirmed < total THEN
        CASE WHEN remote IS NULL THEN 0 ELSE 2 END
        WHEN state = 2 AND confirmed = total THEN 3 ELSE state END,
    due = CASE WHEN state = 6 AND confirmed = total THEN 0 WHEN confirmed = total THEN 2 WHEN EXISTS
        (SELECT 1 FROM items WHERE session = sessions.id AND state < 3) THEN 1 ELSE 0 END
    WHERE state IN (0, 1, 2, 3, 6)";

/// Everything an import wrote.
pub(crate) const CLEAR: [&str; 4] =
    ["DELETE FROM doubts", "DELETE FROM pieces", "DELETE FROM items", "DELETE FROM sessions"];

/// The keys that a session may have by an operator's word for it.
pub(crate) fn keys_of(key: &str) -> [String; 2] {
    [format!("subject:{key}"), format!("session:{key}")]
}

/// Why items of such a session are not left out; `None` where they may be.
pub(crate) const fn may_leave_out(state: SessionState, confirmed: i64, failed: i64, what: LeaveOut) -> Option<LeftOut> {
    match what {
        _ if is_closed(state) => Some(LeftOut::Closed),
        LeaveOut::Failed if failed == 0 => Some(LeftOut::NothingFailed),
        LeaveOut::Failed if confirmed == 0 => Some(LeftOut::NothingConfirmed),
        _ => None,
    }
}

/// Why a row does not take the place of the failed items of a line, by how many there are. Journals of older versions have
/// lines of which there are several: rows that were added beside the manifest, and manifests without line feeds.
pub(crate) const fn may_mend(items: i64) -> Option<Mend> {
    match items {
        0 => Some(Mend::NoSuchLine),
        1 => None,
        _ => Some(Mend::Several),
    }
}

/// Whether a session takes nothing more.
pub(crate) const fn is_closed(state: SessionState) -> bool {
    matches!(
        state,
        SessionState::Submitting | SessionState::Submitted | SessionState::Quarantined | SessionState::Dropped
    )
}

/// The state that a stored number stands for; anything else was never written by us.
pub(crate) fn item_state(code: i64) -> Result<ItemState> {
    ItemState::from_code(code).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, format!("an item of the journal is in state {code}, which no version has"))
    })
}

/// The same for sessions.
pub(crate) fn session_state(code: i64) -> Result<SessionState> {
    SessionState::from_code(code).ok_or_else(|| {
        Error::new(ErrorKind::Corrupt, format!("a session of the journal is in state {code}, which no version has"))
    })
}
