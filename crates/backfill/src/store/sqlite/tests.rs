//! The conformance of the store, damage at every byte, and journals of older versions.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write as _};

use proptest::prelude::*;
use sealpress_client::{MediaId, SessionId};
use sealpress_media::{Fault, Format};

use super::super::conformance::{self, confirmed, prepared, row, sending};
use super::super::state::{SessionState, Via};
use super::*;
use crate::manifest::Who;

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn with_store(test: impl AsyncFnOnce(&dyn Store)) {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    wait(test(&store));
    drop(store);
    Sqlite::open(dir.path()).expect("what was written opens again");
}

#[test]
fn a_session_goes_its_way() {
    with_store(conformance::a_session_goes_its_way);
}

#[test]
fn failures_keep_a_session_open() {
    with_store(conformance::failures_keep_a_session_open);
}

#[test]
fn retry_sets_back() {
    with_store(conformance::retry_sets_back);
}

#[test]
fn mended_rows_go_to_their_sessions() {
    with_store(conformance::mended_rows_go_to_their_sessions);
}

#[test]
fn a_creation_in_doubt_is_asked_for_again() {
    with_store(conformance::a_creation_in_doubt_is_asked_for_again);
}

/// After a clean end the file alone is the journal; one without tables where a run was is none.
#[test]
fn a_copy_of_the_journal_is_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let live = dir.path().join("live");
    let store = Sqlite::open(&live).unwrap();
    wait(async {
        store.import(vec![row(2, Some(Who::Session(conformance::id("s"))), "face")]).await.unwrap();
        store.finish_import("hash".into(), false).await.unwrap();
        store.backup(dir.path().join("backup.db")).await.unwrap();
    });
    drop(store);
    for copy in [live.join(FILE), dir.path().join("backup.db")] {
        let other = tempfile::tempdir().unwrap();
        std::fs::copy(&copy, other.path().join(FILE)).unwrap();
        let summary = wait(Sqlite::open(other.path()).unwrap().summary()).unwrap();
        assert_eq!(summary.total(), 1, "{}", copy.display());
    }
    for emptied in [true, false] {
        for log in ["journal.db-wal", "journal.db-shm"] {
            let _ = std::fs::remove_file(live.join(log));
        }
        if emptied {
            std::fs::write(live.join(FILE), "").unwrap();
        } else {
            std::fs::remove_file(live.join(FILE)).unwrap();
        }
        let error = Sqlite::open(&live).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "emptied: {emptied}");
        assert!(error.to_string().contains("no tables"), "{error}");
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for file in [FILE, LOCK] {
            let mode = std::fs::metadata(live.join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        let mode = std::fs::metadata(&live).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

/// A journal of the first version is brought up to date and gone on with, onlookers included.
#[test]
fn an_old_journal_is_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let old = Connection::open(dir.path().join(FILE)).unwrap();
    let (_, first) = SQLITE.migrations(0).next().unwrap();
    old.execute_batch(&format!(
        "{};\n{first}; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = 1;
         INSERT INTO facts VALUES ('imported', 'hash');
         INSERT INTO sessions (id, key, remote, state, total, confirmed) VALUES (1, 'session:s', 's', 2, 4, 2);
         INSERT INTO items (id, session, line, context, media, state, attempt, media_id, bytes_out, mime)
         VALUES (1, 1, 2, 'face', 'a.jpg', 3, 1, 'm', 500, 'image/jpeg'), (2, 1, 3, 'face', 'b.jpg', 2, 1, NULL, 500, 'image/jpeg'),
         (3, 1, 4, 'face', 'c.jpg', 3, 0, 'm', NULL, NULL);
         INSERT INTO items (id, session, line, context, media, state, attempt, bytes_out, mime, ambiguous)
         VALUES (5, 1, 6, 'face', 'e.jpg', 1, 3, 500, 'image/jpeg', 1);
         UPDATE items SET twin = 1, via = 2 WHERE id = 3;
         UPDATE items SET ambiguous = 1 WHERE id = 2;
         INSERT INTO sessions (id, key, remote, state, total) VALUES (2, 'session:a slip', 'a slip', 2, 1);
         INSERT INTO items (id, session, line, context, media, state) VALUES (4, 2, 5, 'face', 'd.jpg', 0);",
        schema::FACTS
    ))
    .unwrap();
    drop(old);
    let store = Sqlite::observe(dir.path()).unwrap();
    let summary = wait(store.summary()).unwrap();
    assert_eq!((summary.total(), summary.duplicates, summary.unowned), (5, 1, 1));
    let page = wait(store.page(0, 10, Only::All)).unwrap();
    assert_eq!((page[2].item.via, page[2].item.duplicate_of), (Some(Via::Duplicate), Some(1)));
    let why = page[3].failure.as_ref().unwrap();
    assert!(why.fault == Fault::Caller && why.message.contains("line 5: `a slip`"), "{why:?}");
    drop(store);
    let store = Sqlite::open(dir.path()).unwrap();
    let claims = wait(store.claim(10, true, &Part::default())).unwrap();
    assert_eq!(claims.len(), 1, "what nobody can send to is no work");
    assert_eq!(claims[0].session.remote.as_ref().map(SessionId::as_str), Some("s"));
    let item = &claims[0].items[1];
    assert_eq!((item.state, item.format), (ItemState::Sending, Some(Format::Jpeg)), "what was in doubt still is");
    assert!(claims[0].items.iter().all(|item| item.pieces == 1 && item.before.is_empty()), "one file each");
    let looks: Vec<_> = claims[0].doubts.iter().map(|of| (of.item, of.sent.map(|sent| sent.size), of.times)).collect();
    assert_eq!(looks, [(2, Some(500), 1), (5, None, 1)], "of several attempts nobody knows which was in doubt");
    let piece =
        Change::PieceConfirmed { item: item.id, media_id: MediaId::new("p").unwrap(), via: Via::Listing, doubts: 1 };
    wait(store.apply(&claims[0].ticket, vec![piece])).unwrap();
}

#[test]
fn sessions_are_made_anew_or_left_out() {
    with_store(conformance::sessions_are_made_anew_or_left_out);
}

#[test]
fn a_part_of_the_work_is_claimed() {
    with_store(conformance::a_part_of_the_work_is_claimed);
}

#[test]
fn pieces_outlive_their_worker() {
    with_store(conformance::pieces_outlive_their_worker);
}

#[test]
fn doubts_keep_their_looks() {
    with_store(conformance::doubts_keep_their_looks);
}

#[test]
fn frames_are_left_out() {
    with_store(conformance::frames_are_left_out);
}

#[test]
fn changes_need_the_claim() {
    with_store(conformance::changes_need_the_claim);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn follows_the_table(steps in conformance::steps()) {
        with_store(async |store: &dyn Store| conformance::follows_the_table(store, &steps).await);
    }
}

/// A journal of `n` sessions with one item each, half of them confirmed, left as a crash leaves it:
/// with its log. Returns the directory.
fn crashed(n: i64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(&dir.path().join("live")).unwrap();
    wait(async {
        let who = |n: i64| Some(Who::Session(conformance::id(&format!("s{n}"))));
        store.import((0..n).map(|n| row(n as u64 + 2, who(n), "face")).collect()).await.unwrap();
        store.finish_import("hash".into(), false).await.unwrap();
        for claim in store.claim(usize::try_from(n / 2).unwrap(), true, &Part::default()).await.unwrap() {
            let item = claim.items[0].id;
            store.apply(&claim.ticket, vec![prepared(item), sending(item)]).await.unwrap();
            store.apply(&claim.ticket, vec![confirmed(item)]).await.unwrap();
        }
    });
    let dead = dir.path().join("dead");
    std::fs::create_dir(&dead).unwrap();
    for name in [FILE, "journal.db-wal"] {
        std::fs::copy(dir.path().join("live").join(name), dead.join(name)).unwrap();
    }
    dir
}

fn confirmed_in(dir: &Path) -> u64 {
    let store = Sqlite::open(dir).unwrap();
    wait(store.summary()).unwrap().of(ItemState::Confirmed)
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged() {
    let dir = crashed(40);
    assert_eq!(confirmed_in(&dir.path().join("dead")), 20);
}

#[test]
fn a_torn_tail_is_cut() {
    let dir = crashed(40);
    let dead = dir.path().join("dead");
    let log = OpenOptions::new().write(true).open(dead.join("journal.db-wal")).unwrap();
    log.set_len(log.metadata().unwrap().len() - 2000).unwrap();
    assert_eq!(confirmed_in(&dead), 19, "all but the commit whose record is torn");
}

#[test]
fn a_damaged_record_before_good_ones_is_refused() {
    let dir = crashed(40);
    let dead = dir.path().join("dead");
    let mut log = OpenOptions::new().write(true).open(dead.join("journal.db-wal")).unwrap();
    let middle = log.metadata().unwrap().len() / 2;
    log.seek(SeekFrom::Start(middle)).unwrap();
    log.write_all(b"bits rot").unwrap();
    let error = Sqlite::open(&dead).err().expect("damage is not overlooked");
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn a_damaged_database_is_refused() {
    let dir = crashed(400);
    let live = dir.path().join("live");
    Sqlite::open(&live).unwrap();
    let mut file = OpenOptions::new().write(true).open(live.join(FILE)).unwrap();
    let end = file.metadata().unwrap().len();
    for page in 2..end / 4096 {
        file.seek(SeekFrom::Start(page * 4096)).unwrap();
        file.write_all(&[0xA5; 64]).unwrap();
    }
    assert_eq!(Sqlite::open(&live).err().unwrap().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_counter_that_lies_is_damage() {
    let dir = crashed(4);
    let live = dir.path().join("live");
    Sqlite::open(&live).unwrap();
    let c = Connection::open(live.join(FILE)).unwrap();
    c.execute("UPDATE items SET state = 3 WHERE state = 0", []).unwrap();
    drop(c);
    assert_eq!(Sqlite::open(&live).err().unwrap().kind(), ErrorKind::Corrupt);
}

#[test]
fn one_process_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let first = Sqlite::open(dir.path()).unwrap();
    let error = Sqlite::open(dir.path()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    let onlooker = Sqlite::observe(dir.path()).unwrap();
    assert_eq!(wait(onlooker.summary()).unwrap().total(), 0);
    assert!(wait(onlooker.note("x", "y".into())).is_err());
    drop(first);
    Sqlite::open(dir.path()).unwrap();
}

#[test]
fn a_newer_journal_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(Sqlite::open(dir.path()).unwrap());
    Connection::open(dir.path().join(FILE)).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(Sqlite::open(dir.path()).err().unwrap().kind(), ErrorKind::Mismatch);
}

#[test]
fn another_programs_database_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    Connection::open(dir.path().join(FILE)).unwrap().execute("CREATE TABLE t (x)", []).unwrap();
    assert_eq!(Sqlite::open(dir.path()).err().unwrap().kind(), ErrorKind::Mismatch);
}

#[test]
fn an_illegal_change_stops_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(dir.path()).unwrap();
    wait(async {
        store.import(vec![row(2, Some(Who::Session(conformance::id("s"))), "face")]).await.unwrap();
        store.finish_import("hash".into(), false).await.unwrap();
        let claim = store.claim(1, true, &Part::default()).await.unwrap().remove(0);
        let error = store.apply(&claim.ticket, vec![confirmed(1)]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Illegal);
        let after = store.apply(&claim.ticket, vec![prepared(1)]).await.unwrap_err();
        assert_eq!(after.kind(), ErrorKind::Journal, "nothing is written after a failure");
    });
    drop(store);
    let store = Sqlite::open(dir.path()).unwrap();
    assert_eq!(wait(store.summary()).unwrap().sessions_of(SessionState::Open), 1);
}
