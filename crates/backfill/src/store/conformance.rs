//! What every store must do, whichever it is.

mod doubts;

pub(crate) use doubts::doubts_keep_their_looks;
use proptest::prelude::*;
use sealpress_client::{MediaId, SessionId};
use sealpress_media::{Fault, Format};

use super::state::{Change, Failure, ItemState, SessionState, Via};
use super::{Claim, Glob, LeaveOut, LeftOut, Mend, Mended, Only, Part, Store, Which};
use crate::error::ErrorKind;
use crate::manifest::{Row, Who};

pub(crate) fn id(text: &str) -> SessionId {
    SessionId::new(text).unwrap()
}

pub(crate) fn subject(key: &str) -> Option<Who> {
    Some(Who::Subject { subject: key.to_owned(), first_name: None, last_name: None, vendor_data: None })
}

pub(crate) fn row(line: u64, who: Option<Who>, context: &str) -> Row {
    let media = format!("{line}.jpg");
    Row { line, who, context: context.into(), media, timestamp: None, burst: None, extra: None, bad: None, raw: None }
}

pub(crate) fn failure(reason: &str) -> Failure {
    Failure { reason: reason.to_owned(), fault: Fault::Input, message: "as it says".to_owned() }
}

pub(crate) fn prepared(item: i64) -> Change {
    Change::Prepared { item, sha256: [7; 32], bytes_in: 1000, bytes_out: 500, format: Format::Jpeg, pieces: 1 }
}

pub(crate) fn sending(item: i64) -> Change {
    Change::Sending { item, bytes_out: 500, format: Format::Jpeg, sent_sha256: Some([9; 32]) }
}

pub(crate) fn confirmed(item: i64) -> Change {
    Change::Confirmed {
        item,
        media_id: MediaId::new(format!("m{item}")).unwrap(),
        via: Via::Receipt,
        report: None,
        doubts: 0,
    }
}

async fn all(store: &dyn Store) -> Vec<Claim> {
    store.claim(100, true, &Part::default()).await.unwrap()
}

async fn import(store: &dyn Store, rows: Vec<Row>) {
    store.import(rows).await.unwrap();
    store.finish_import("hash".to_owned(), false).await.unwrap();
}

/// One session from its first row to its submit.
pub(crate) async fn a_session_goes_its_way(store: &dyn Store) {
    import(store, vec![row(2, subject("k"), "face"), row(3, subject("k"), "document-front")]).await;
    let claims = all(store).await;
    let [claim] = &claims[..] else { panic!("{claims:?}") };
    assert_eq!(claim.session.state, SessionState::New);
    assert_eq!(claim.items.iter().map(|i| i.context.as_str()).collect::<Vec<_>>(), ["face", "document-front"]);
    assert!(all(store).await.is_empty(), "a claimed session is nobody else's");
    let ticket = &claim.ticket;
    let [a, b] = [claim.items[0].id, claim.items[1].id];
    store.apply(ticket, vec![Change::Creating]).await.unwrap();
    store.apply(ticket, vec![Change::Created { remote: id("s1") }]).await.unwrap();
    store.apply(ticket, vec![prepared(a), sending(a)]).await.unwrap();
    store.apply(ticket, vec![confirmed(a)]).await.unwrap();
    store.apply(ticket, vec![prepared(b), sending(b)]).await.unwrap();
    store.apply(ticket, vec![sending(b)]).await.unwrap();
    store.apply(ticket, vec![confirmed(b)]).await.unwrap();
    store.apply(ticket, vec![Change::Submitting]).await.unwrap();
    store.release(ticket).await.unwrap();
    let again = all(store).await;
    assert_eq!(again[0].session.state, SessionState::Submitting, "a submit in doubt is work");
    assert_eq!(again[0].items[1].attempt, 2);
    store.apply(&again[0].ticket, vec![Change::Submitting]).await.unwrap();
    store.apply(&again[0].ticket, vec![Change::Submitted]).await.unwrap();
    store.release(&again[0].ticket).await.unwrap();
    assert!(all(store).await.is_empty(), "nothing is left to do");
    let summary = store.summary().await.unwrap();
    assert_eq!((summary.of(ItemState::Confirmed), summary.total()), (2, 2));
    assert_eq!((summary.bytes_in, summary.bytes_out, summary.attempts), (2000, 1000, 3));
    assert_eq!(summary.sessions_of(SessionState::Submitted), 1);
    let page = store.page(0, 10, Only::All).await.unwrap();
    assert_eq!(page[1].item.media_id.as_ref().map(MediaId::as_str), Some("m2"));
    assert_eq!((page[1].remote.as_ref().map(SessionId::as_str), page[1].subject.as_deref()), (Some("s1"), Some("k")));
    assert!(page[1].ended.is_some_and(|ms| ms > 1_700_000_000_000));
    assert_eq!(store.page(1, 10, Only::All).await.unwrap().len(), 1);
    assert_eq!(store.page(0, 10, Only::Bad).await.unwrap().len(), 0);
}

/// A session with a failed item is never submitted, and comes back when the item is retried.
pub(crate) async fn failures_keep_a_session_open(store: &dyn Store) {
    let session = || Some(Who::Session(id("s")));
    let mut bad = row(4, Some(Who::Session(id("t"))), "face");
    bad.bad = Some(failure("bad-row"));
    import(store, vec![row(2, session(), "face"), row(3, session(), "face"), bad]).await;
    let claims = all(store).await;
    assert_eq!(claims.len(), 1, "a session of bad rows alone is no work");
    let ticket = &claims[0].ticket;
    assert_eq!(claims[0].session.remote.as_ref().map(SessionId::as_str), Some("s"));
    let [a, b] = [claims[0].items[0].id, claims[0].items[1].id];
    let broken = Change::Failed { item: a, failure: failure("truncated"), bytes_in: Some(3), doubts: 0 };
    store.apply(ticket, vec![broken, prepared(b), sending(b), confirmed(b)]).await.unwrap();
    let early = store.apply(ticket, vec![Change::Submitting]).await;
    assert_eq!(early.unwrap_err().kind(), ErrorKind::Illegal, "not every item is confirmed");
}

/// After a retry the failed item is work again; a bad row stays what it is.
pub(crate) async fn retry_sets_back(store: &dyn Store) {
    let session = || Some(Who::Session(id("s")));
    let mut bad = row(5, None, "face");
    bad.bad = Some(failure("bad-row"));
    import(store, vec![row(2, session(), "face"), row(3, session(), "face"), row(4, subject("k"), "face"), bad]).await;
    let claims = all(store).await;
    let ticket = &claims[0].ticket;
    let [a, b] = [claims[0].items[0].id, claims[0].items[1].id];
    let failed = Change::Failed { item: a, failure: failure("truncated"), bytes_in: None, doubts: 0 };
    let lost = Change::Quarantined { item: b, failure: failure("in-doubt"), doubts: 1 };
    store.apply(ticket, vec![failed, prepared(b), sending(b), lost]).await.unwrap();
    store.release(ticket).await.unwrap();
    let other = &claims[1].ticket;
    store.apply(other, vec![Change::Creating]).await.unwrap();
    store.apply(other, vec![Change::CreateFailed(failure("unreachable"))]).await.unwrap();
    store.release(other).await.unwrap();
    assert!(all(store).await.is_empty());
    let bad = store.page(0, 10, Only::Bad).await.unwrap();
    let reasons: Vec<_> = bad.iter().map(|r| r.failure.as_ref().unwrap().reason.as_str()).collect();
    assert_eq!(reasons, ["truncated", "in-doubt", "unreachable", "bad-row"]);

    assert_eq!(store.retry(Which::Quarantined).await.unwrap(), 1);
    let claims = all(store).await;
    assert_eq!(claims.len(), 1);
    let states: Vec<_> = claims[0].items.iter().map(|i| i.state).collect();
    assert_eq!(states, [ItemState::Failed, ItemState::Sending], "what may have arrived is looked up first");
    store.release(&claims[0].ticket).await.unwrap();

    assert_eq!(store.retry(Which::Both).await.unwrap(), 2);
    let claims = all(store).await;
    assert_eq!(claims.len(), 2);
    let states: Vec<_> = claims[0].items.iter().map(|i| i.state).collect();
    assert_eq!(states, [ItemState::Pending, ItemState::Sending]);
    assert_eq!(claims[1].session.state, SessionState::New);
    assert_eq!(claims[1].items[0].state, ItemState::Pending);
    for claim in &claims {
        store.release(&claim.ticket).await.unwrap();
    }
    let summary = store.summary().await.unwrap();
    assert_eq!((summary.of(ItemState::Failed), summary.of(ItemState::Quarantined)), (1, 0));
}

/// A bad row is mended into its own session, which is submitted when it is whole; a row whose line
/// nobody knows, or whose session is closed, is refused.
pub(crate) async fn mended_rows_go_to_their_sessions(store: &dyn Store) {
    let mut bad = row(3, subject("k"), "face");
    (bad.bad, bad.raw) = (Some(failure("bad-row")), Some(b"k,face,b\xe9.jpg".to_vec()));
    import(store, vec![row(2, subject("k"), "document-front"), bad.clone()]).await;
    let claim = all(store).await.remove(0);
    let (ticket, item) = (&claim.ticket, claim.items[0].id);
    store.apply(ticket, vec![Change::Creating]).await.unwrap();
    store.apply(ticket, vec![Change::Created { remote: id("s1") }]).await.unwrap();
    store.apply(ticket, vec![prepared(item), sending(item), confirmed(item)]).await.unwrap();
    store.release(ticket).await.unwrap();
    assert!(all(store).await.is_empty(), "a bad row is no work");
    let page = store.page(0, 10, Only::Bad).await.unwrap();
    assert_eq!(page[0].raw.as_deref(), Some(&b"k,face,b\xe9.jpg"[..]));

    let mended = |line, who| Mended { line, row: row(9, who, "face") };
    let ended = store.mend(vec![mended(Some(7), subject("k")), mended(Some(3), subject("k"))]).await.unwrap();
    assert_eq!(ended, [Mend::NoSuchLine, Mend::Withheld]);
    assert!(all(store).await.is_empty(), "none is taken where one is refused");
    assert_eq!(store.mend(vec![mended(Some(3), subject("k"))]).await.unwrap(), [Mend::Taken]);
    let ended = store.mend(vec![mended(None, subject("k")), mended(None, subject("new"))]).await.unwrap();
    assert_eq!(ended, [Mend::Taken, Mend::Taken]);
    let claims = all(store).await;
    assert_eq!(claims.len(), 2);
    assert_eq!(claims[0].session.remote.as_ref().map(SessionId::as_str), Some("s1"), "the same session");
    let states: Vec<_> = claims[0].items.iter().map(|i| i.state).collect();
    assert_eq!(states, [ItemState::Confirmed, ItemState::Pending, ItemState::Pending]);
    let ticket = &claims[0].ticket;
    for item in &claims[0].items[1..] {
        store.apply(ticket, vec![prepared(item.id), sending(item.id), confirmed(item.id)]).await.unwrap();
    }
    store.apply(ticket, vec![Change::Counted { unaccounted: 2, missing: 0, ids: None }]).await.unwrap();
    store.apply(ticket, vec![Change::Submitting]).await.unwrap();
    store.apply(ticket, vec![Change::Submitted]).await.unwrap();
    store.release(ticket).await.unwrap();
    assert_eq!(store.mend(vec![mended(None, subject("k"))]).await.unwrap(), [Mend::Submitted]);
    assert_eq!(store.summary().await.unwrap().unaccounted, 2);
}

/// An item of three files: the journal has each as it is confirmed, a worker that comes later goes on with the next,
/// and the item counts once. Another file's pieces are forgotten, and so are those of a session that is made anew.
pub(crate) async fn pieces_outlive_their_worker(store: &dyn Store) {
    import(store, vec![row(2, subject("k"), "address-front"), row(3, subject("k"), "address-front")]).await;
    let claim = all(store).await.remove(0);
    let (ticket, item, twin) = (&claim.ticket, claim.items[0].id, claim.items[1].id);
    let several =
        || Change::Prepared { item, sha256: [7; 32], bytes_in: 1000, bytes_out: 500, format: Format::Jpeg, pieces: 3 };
    let piece = |n: u32, via, doubts| {
        let media_id = MediaId::new(format!("p{n}")).unwrap();
        Change::PieceConfirmed { item, media_id, via, doubts }
    };
    let ids =
        |item: &super::Item| item.before.iter().map(|piece| piece.media_id.to_string()).collect::<Vec<_>>().join(" ");
    store.apply(ticket, vec![Change::Creating]).await.unwrap();
    store.apply(ticket, vec![Change::Created { remote: id("s1") }]).await.unwrap();
    store.apply(ticket, vec![several(), sending(item), piece(0, Via::Receipt, 0)]).await.unwrap();
    store.apply(ticket, vec![several(), sending(item), piece(1, Via::Listing, 1)]).await.unwrap();
    store.apply(ticket, vec![several(), sending(item)]).await.unwrap();
    store.release(ticket).await.unwrap();

    let claim = all(store).await.remove(0);
    let (ticket, first) = (&claim.ticket, &claim.items[0]);
    assert_eq!((first.state, first.pieces, ids(first)), (ItemState::Sending, 3, "p0 p1".to_owned()));
    let [one, two] = &first.before[..] else { panic!("{first:?}") };
    assert_eq!((one.via, one.doubts, two.via, two.doubts), (Some(Via::Receipt), 0, Some(Via::Listing), 1));
    assert_eq!((two.bytes_out, two.format, two.sent_sha256), (Some(500), Some(Format::Jpeg), Some([9; 32])));
    assert!(claim.items[1].before.is_empty() && claim.session.state == SessionState::Open);
    store.apply(ticket, vec![confirmed(item)]).await.unwrap();
    let media_id = MediaId::new("m1").unwrap();
    let same = Change::Duplicate { item: twin, of: item, media_id, sha256: [7; 32], bytes_in: 1000 };
    store.apply(ticket, vec![same]).await.unwrap();
    let summary = store.summary().await.unwrap();
    assert_eq!((summary.of(ItemState::Confirmed), summary.total(), summary.bytes_out), (2, 2, 1500));
    assert_eq!((summary.attempts, summary.doubts), (3, 1));
    for record in store.page(0, 10, Only::All).await.unwrap() {
        assert_eq!(ids(&record.item), "p0 p1", "{record:?}");
        assert_eq!(record.item.all_bytes_out(), Some(if record.item.id == item { 1500 } else { 1000 }));
    }
    // Made anew, nothing of the old session's is there.
    store.apply(ticket, vec![Change::Gone { orphan: id("s1") }]).await.unwrap();
    store.release(ticket).await.unwrap();
    let claim = all(store).await.remove(0);
    assert!(claim.items.iter().all(|item| item.before.is_empty() && item.pieces == 1), "{claim:?}");
    let ticket = &claim.ticket;
    store.apply(ticket, vec![Change::Creating]).await.unwrap();
    store.apply(ticket, vec![Change::Created { remote: id("s2") }]).await.unwrap();

    // Another file takes its place.
    store.apply(ticket, vec![several(), sending(item), piece(3, Via::Receipt, 0)]).await.unwrap();
    store.apply(ticket, vec![Change::BegunAnew { item }]).await.unwrap();
    store.apply(ticket, vec![several(), sending(item), piece(4, Via::Receipt, 0)]).await.unwrap();
    let failed = |item| Change::Failed { item, failure: failure("refused"), bytes_in: None, doubts: 0 };
    store.apply(ticket, vec![failed(item), failed(twin)]).await.unwrap();
    store.release(ticket).await.unwrap();
    // A row that is fed back as it was keeps its pieces; one that names another file does not.
    let mut moved = row(3, subject("k"), "address-front");
    moved.media = "other.pdf".to_owned();
    let mended = |line, row| Mended { line: Some(line), row };
    let rows = vec![mended(2, row(2, subject("k"), "address-front")), mended(3, moved.clone())];
    assert_eq!(store.mend(rows).await.unwrap(), [Mend::Taken, Mend::Taken]);
    let claim = all(store).await.remove(0);
    let first = &claim.items[0];
    assert_eq!((first.state, first.pieces, ids(first)), (ItemState::Pending, 3, "p4".to_owned()));
    assert_eq!(first.sha256, Some([7; 32]), "which file they are of");
    store.apply(&claim.ticket, vec![failed(item)]).await.unwrap();
    store.release(&claim.ticket).await.unwrap();
    store.mend(vec![mended(2, moved)]).await.unwrap();
    let claim = all(store).await.remove(0);
    assert!(claim.items[0].before.is_empty() && claim.items[0].sha256.is_none(), "{claim:?}");
}

/// Frames that are not chosen are no failures, keep no session open, and stay what they are.
pub(crate) async fn frames_are_left_out(store: &dyn Store) {
    let frame = |line, key| {
        let mut row = row(line, subject(key), "face");
        row.burst = Some("b1".to_owned());
        row
    };
    import(store, vec![frame(2, "k"), frame(3, "k"), frame(4, "k"), frame(5, "l"), frame(6, "l")]).await;
    let claims = all(store).await;
    let [ticket, other] = [&claims[0].ticket, &claims[1].ticket];
    let ids: Vec<i64> = claims[0].items.iter().map(|item| item.id).collect();
    assert!(claims[0].items.iter().all(|item| item.burst.as_deref() == Some("b1")), "{claims:?}");
    let rest = |item: i64| Change::NotChosen { item, report: Some("{}".to_owned()) };
    store.apply(ticket, vec![rest(ids[0]), rest(ids[2])]).await.unwrap();
    store.apply(ticket, vec![Change::Creating]).await.unwrap();
    store.apply(ticket, vec![Change::Created { remote: id("s1") }]).await.unwrap();
    store.release(ticket).await.unwrap();
    let states = |items: &[super::Item]| items.iter().map(|item| item.state).collect::<Vec<_>>();
    let claim = all(store).await.remove(0);
    assert_eq!(states(&claim.items), [ItemState::NotChosen, ItemState::Pending, ItemState::NotChosen]);
    store.apply(&claim.ticket, vec![prepared(ids[1]), sending(ids[1]), confirmed(ids[1])]).await.unwrap();
    store.apply(&claim.ticket, vec![Change::Submitting]).await.unwrap();
    store.apply(&claim.ticket, vec![Change::Submitted]).await.unwrap();
    store.release(&claim.ticket).await.unwrap();
    // Of the other session one is left out and the other fails: nothing of that brings the first one back.
    let [a, b] = [claims[1].items[0].id, claims[1].items[1].id];
    let broken = Change::Failed { item: b, failure: failure("truncated"), bytes_in: None, doubts: 0 };
    store.apply(other, vec![rest(a), broken]).await.unwrap();
    store.release(other).await.unwrap();
    assert!(all(store).await.is_empty(), "nothing is left to do");
    assert_eq!(store.page(0, 10, Only::Bad).await.unwrap().len(), 1);
    let summary = store.summary().await.unwrap();
    assert_eq!((summary.of(ItemState::NotChosen), summary.ended(), summary.total()), (3, 5, 5));
    assert_eq!(store.retry(Which::Both).await.unwrap(), 1);
    let claim = all(store).await.remove(0);
    assert_eq!(states(&claim.items), [ItemState::NotChosen, ItemState::Pending]);
    store.release(&claim.ticket).await.unwrap();
    assert_eq!(store.leave_out(vec!["l".to_owned()], LeaveOut::Everything).await.unwrap(), [LeftOut::Done(1)]);
    assert!(store.page(0, 10, Only::Bad).await.unwrap().is_empty(), "what was left out as told is no failure");
    assert_eq!(store.summary().await.unwrap().of(ItemState::NotChosen), 3);
}

/// A creation whose answer was lost is asked for again, and counted as what it may have left behind.
pub(crate) async fn a_creation_in_doubt_is_asked_for_again(store: &dyn Store) {
    import(store, vec![row(2, subject("k"), "face")]).await;
    let claim = all(store).await.remove(0);
    for _ in 0..2 {
        store.apply(&claim.ticket, vec![Change::Creating]).await.unwrap();
        store.apply(&claim.ticket, vec![Change::CreateReturned { orphan: true }]).await.unwrap();
    }
    store.apply(&claim.ticket, vec![Change::Creating]).await.unwrap();
    store.apply(&claim.ticket, vec![Change::CreateReturned { orphan: false }]).await.unwrap();
    store.release(&claim.ticket).await.unwrap();
    assert_eq!(store.summary().await.unwrap().orphans, 2);
    assert_eq!(all(store).await[0].session.state, SessionState::New);
}

/// A session that ended at the provider is begun anew with all of its items; what failed is left out of
/// another, and a third is given up.
pub(crate) async fn sessions_are_made_anew_or_left_out(store: &dyn Store) {
    let mut bad = row(9, subject("c"), "face");
    bad.bad = Some(failure("bad-row"));
    let rows = vec![
        row(2, subject("a"), "face"),
        row(3, subject("a"), "document-front"),
        row(4, subject("b"), "face"),
        row(5, subject("b"), "document-front"),
        row(6, subject("c"), "face"),
        bad,
    ];
    import(store, rows).await;
    for (n, claim) in all(store).await.iter().enumerate() {
        let (ticket, items) = (&claim.ticket, &claim.items);
        store.apply(ticket, vec![Change::Creating]).await.unwrap();
        store.apply(ticket, vec![Change::Created { remote: id(&format!("s{n}")) }]).await.unwrap();
        let first = items[0].id;
        store.apply(ticket, vec![prepared(first), sending(first), confirmed(first)]).await.unwrap();
        if n < 2 {
            let gone = Failure::new("session-gone", Fault::Remote, "it ended");
            let failed = Change::Failed { item: items[1].id, failure: gone, bytes_in: None, doubts: 0 };
            store.apply(ticket, vec![failed]).await.unwrap();
        }
        store.release(ticket).await.unwrap();
    }
    assert!(all(store).await.is_empty(), "nothing is left to do");

    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let left = store.leave_out(keys(&["b", "x"]), LeaveOut::Failed).await.unwrap();
    assert_eq!(left, [LeftOut::Done(0), LeftOut::Unknown]);
    assert!(all(store).await.is_empty(), "nothing is left out where one key is refused");
    assert_eq!(store.leave_out(keys(&["b"]), LeaveOut::Failed).await.unwrap(), [LeftOut::Done(1)]);
    let claim = all(store).await.remove(0);
    assert_eq!((claim.session.subject.as_deref(), claim.session.state), (Some("b"), SessionState::AllConfirmed));
    store.apply(&claim.ticket, vec![Change::Submitting]).await.unwrap();
    store.apply(&claim.ticket, vec![Change::Submitted]).await.unwrap();
    store.release(&claim.ticket).await.unwrap();
    assert_eq!(store.leave_out(keys(&["b"]), LeaveOut::Failed).await.unwrap(), [LeftOut::Closed]);
    assert_eq!(store.leave_out(keys(&["c"]), LeaveOut::Everything).await.unwrap(), [LeftOut::Done(1)]);
    assert_eq!(store.leave_out(keys(&["c"]), LeaveOut::Everything).await.unwrap(), [LeftOut::Closed]);

    assert_eq!(store.reopen_gone().await.unwrap(), 1);
    let claim = all(store).await.remove(0);
    assert_eq!(claim.session.subject.as_deref(), Some("a"));
    store.apply(&claim.ticket, vec![Change::Gone { orphan: id("s0") }]).await.unwrap();
    store.release(&claim.ticket).await.unwrap();
    let claim = all(store).await.remove(0);
    assert_eq!((claim.session.state, &claim.session.remote), (SessionState::New, &None));
    assert!(claim.items.iter().all(|item| item.state == ItemState::Pending && item.media_id.is_none()), "{claim:?}");
    let summary = store.summary().await.unwrap();
    assert_eq!((summary.of(ItemState::Dropped), summary.orphans, summary.ended()), (2, 2, 4));
    let detail = store.detail(10).await.unwrap();
    assert_eq!(detail.orphans, [id("s0"), id("s2")]);
    assert_eq!(detail.open.iter().map(|open| open.subject.as_deref()).collect::<Vec<_>>(), [Some("a")]);
    store.release(&claim.ticket).await.unwrap();
}

/// Keys and patterns say which sessions are taken.
pub(crate) async fn a_part_of_the_work_is_claimed(store: &dyn Store) {
    let named = |line, key, media: &str| {
        let mut row = row(line, subject(key), "face");
        row.media = media.to_owned();
        row
    };
    let rows = [named(2, "a", "2024/x_1.jpg"), named(3, "b", "2025/x1.pdf"), named(4, "c", "2025/x%1.jpg")];
    import(store, rows.to_vec()).await;
    let globs = |globs: &[&str]| globs.iter().copied().map(Glob::new).collect::<Vec<_>>();
    for (keys, include, exclude, expected) in [
        (&["a", "z"][..], &[][..], &[][..], "a"),
        (&[], &["2025/*"], &[], "bc"),
        (&[], &["2025/*", "*_1.jpg"], &["*.pdf"], "ac"),
        (&["c"], &["*x%1*"], &["nothing"], "c"),
        (&[], &["*x?1.jpg"], &["2025/x%1.jpg"], "a"),
        (&[], &["*.JPG"], &[], ""),
    ] {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let part = Part { keys, include: globs(include), exclude: globs(exclude) };
        let claims = store.claim(9, true, &part).await.unwrap();
        let taken: String = claims.iter().filter_map(|claim| claim.session.subject.clone()).collect();
        assert_eq!(taken, expected, "{part:?}");
        for claim in claims {
            assert!(part.has(&claim.items[0].media), "{part:?}");
            store.release(&claim.ticket).await.unwrap();
        }
    }
}

/// A batch is applied as a whole or not at all, and only by who holds the session.
pub(crate) async fn changes_need_the_claim(store: &dyn Store) {
    import(store, vec![row(2, Some(Who::Session(id("s"))), "face")]).await;
    let claims = all(store).await;
    let mut stranger = claims[0].ticket.clone();
    stranger.owner = "somebody else".to_owned();
    let kind = store.apply(&stranger, vec![prepared(1)]).await.unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::Illegal | ErrorKind::LeaseLost), "{kind:?}");
}

/// One random step: which item or the session, and what to try.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    item: usize,
    what: u8,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((0..3usize, 0..7u8).prop_map(|(item, what)| Step { item, what }), 1..40)
}

/// Any history: the journal's counters agree with a model that only knows the table of states.
pub(crate) async fn follows_the_table(store: &dyn Store, steps: &[Step]) {
    let who = || Some(Who::Session(id("s")));
    import(store, (0..3).map(|n| row(n + 2, who(), "face")).collect()).await;
    let claim = all(store).await.remove(0);
    let mut model = [ItemState::Pending; 3];
    for step in steps {
        let item = claim.items[step.item].id;
        let change = match step.what {
            0 => prepared(item),
            1 | 2 => sending(item),
            3 => Change::Returned { item, doubts: 1 },
            4 => confirmed(item),
            5 => Change::Failed { item, failure: failure("truncated"), bytes_in: None, doubts: 0 },
            _ => Change::Quarantined { item, failure: failure("in-doubt"), doubts: 1 },
        };
        let (_, from, to) = change.item_rule().unwrap();
        // What the table forbids would stop the journal for good; that has a test of its own.
        if from.contains(&model[step.item]) {
            store.apply(&claim.ticket, vec![change]).await.unwrap();
            model[step.item] = to;
        }
    }
    let summary = store.summary().await.unwrap();
    for state in ItemState::ALL {
        let expected = model.iter().filter(|s| **s == state).count() as u64;
        assert_eq!(summary.of(state), expected, "{state:?} after {steps:?}");
    }
    let done = model.iter().all(|s| *s == ItemState::Confirmed);
    let session = if done { SessionState::AllConfirmed } else { SessionState::Open };
    assert_eq!(summary.sessions_of(session), 1);
    store.release(&claim.ticket).await.unwrap();
    let open = model.iter().any(|s| *s < ItemState::Confirmed);
    assert_eq!(!all(store).await.is_empty(), open || done, "{model:?}");
}
