//! What is remembered of a session, and for how long.

use std::sync::Arc;

use sealpress_client::SessionId;

use super::sessions::REMEMBERED;
use super::*;

fn session(id: impl ToString) -> SessionId {
    SessionId::new(id.to_string()).unwrap()
}

fn media(id: &str) -> MediaId {
    MediaId::new(id).unwrap()
}

#[test]
fn a_session_is_remembered_while_it_matters() {
    let sessions = Arc::new(Sessions::default());
    let id = session("s");
    let (a, b) = (sessions.hold(&id), sessions.hold(&id));
    a.expect(2);
    b.expect(9);
    assert!(a.claim(&media("m1"), 1) && !b.claim(&media("m1"), 2) && b.is_anothers(&media("m1"), 2));
    assert!(b.claim(&media("m1"), 1) && !b.is_anothers(&media("m1"), 1), "the same item again");
    assert!(a.claim(&media("m2"), 3) && b.is_anothers(&media("m2"), 4));
    assert!(!a.confirm(1) && !a.confirm(1), "an item counts once");
    drop((a, b));
    assert_eq!(sessions.len(), 1, "one item is still to come");
    let c = sessions.hold(&id);
    assert!(c.is_anothers(&media("m1"), 2));
    assert!(c.confirm(3) && !c.confirm(4), "the last item, once");
    c.finish();
    drop(c);
    assert_eq!(sessions.len(), 0);
}

#[test]
fn look_alikes_wait_for_each_other() {
    let (session, face) = (Session::default(), Context::Face);
    let (looks, other) = ((1000, Format::Jpeg), (1001, Format::Jpeg));
    session.sending(1, &face, looks);
    assert_eq!(session.standing(2, &face, looks), Standing::Clear, "on its way is not in doubt");
    session.doubt(1, &face, Some(looks));
    assert_eq!(session.standing(1, &face, looks), Standing::Clear, "nobody waits for itself");
    assert_eq!(session.standing(2, &face, looks), Standing::Wait);
    assert_eq!(session.standing(2, &face, other), Standing::Clear);
    assert_eq!(session.standing(2, &Context::DocumentFront, looks), Standing::Clear);
    session.leave(1);
    assert_eq!(session.standing(2, &face, looks), Standing::Blocked);
    session.clear(1);
    assert_eq!(session.standing(2, &face, looks), Standing::Clear);
    assert_eq!(session.look_alikes(2, &face, Some(looks), |_| true), LookAlikes { items: 1, doubts: 1, unlisted: 0 });
    assert_eq!(session.look_alikes(2, &face, Some(other), |_| true), LookAlikes::default());
    assert_eq!(session.look_alikes(2, &face, None, |_| true).items, 1, "a list without sizes");

    let known = Known::in_doubt(7, Context::Face, None, 1);
    session.recall(vec![known]);
    assert_eq!(session.standing(2, &face, other), Standing::Blocked, "may look like anything");
    session.doubt(7, &face, Some(looks));
    assert_eq!(session.look_alikes(2, &face, Some(looks), |_| true).doubts, 2, "the same doubt is counted once");
}

#[test]
fn what_was_in_doubt_and_not_found_may_stand_behind_an_entry() {
    let (session, looks) = (Session::default(), (1000, Format::Jpeg));
    let sent = crate::job::Doubt { size: 1000, format: Format::Jpeg, sha256: None };
    session.recall(vec![Known::not_found(7, Context::Face, Some(sent), 1)]);
    assert_eq!(session.standing(2, &Context::Face, looks), Standing::Clear, "nobody waits for it");
    let rivals = session.look_alikes(2, &Context::Face, Some(looks), |_| true);
    assert_eq!(rivals, LookAlikes { items: 1, doubts: 1, unlisted: 0 });
    assert!(session.is_doubted(), "the session is counted before it is submitted");
}

#[test]
fn a_file_that_changed_is_remembered_as_it_was() {
    let (session, face) = (Session::default(), Context::Face);
    let (before, after) = ((1000, Format::Jpeg), (5000, Format::Jpeg));
    session.sending(1, &face, before);
    session.doubt(1, &face, Some(before));
    session.clear(1);
    session.sending(1, &face, after);
    for looks in [before, after] {
        assert_eq!(session.look_alikes(2, &face, Some(looks), |_| true).doubts, 1, "{looks:?}");
    }
    assert_eq!(session.look_alikes(2, &face, Some((1, Format::Jpeg)), |_| true).doubts, 0);

    // The same out of a journal, told to another process.
    let sent = |size| Some(crate::job::Doubt { size, format: Format::Jpeg, sha256: None });
    let context = Context::DocumentBack;
    let known = Known::not_found(5, context.clone(), sent(5000), 1).looked_like(vec![sent(1000)]);
    session.recall(vec![known]);
    for (looks, doubts) in [(before, 1), (after, 1), ((1, Format::Jpeg), 0)] {
        assert_eq!(session.look_alikes(2, &context, Some(looks), |_| true).doubts, doubts, "{looks:?}");
    }
    let known = Known::not_found(6, context.clone(), sent(5000), 1).looked_like(vec![None]);
    session.recall(vec![known]);
    assert_eq!(session.look_alikes(2, &context, Some((1, Format::Jpeg)), |_| true).doubts, 1, "anything");

    // A journal that cannot say how the first attempt looked.
    session.recall(vec![Known::not_found(3, Context::DocumentFront, None, 1)]);
    session.sending(3, &Context::DocumentFront, after);
    assert_eq!(session.look_alikes(4, &Context::DocumentFront, Some(before), |_| true).doubts, 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_is_forgotten_when_nothing_of_it_runs() {
    let sessions = Arc::new(Sessions::default());
    let id = session("s");
    sessions.forget(&id).await;
    let hold = sessions.hold(&id);
    hold.claim(&media("m1"), 1);
    let forgotten = tokio::spawn({
        let (sessions, id) = (Arc::clone(&sessions), id.clone());
        async move { sessions.forget(&id).await }
    });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!forgotten.is_finished() && sessions.hold(&id).is_anothers(&media("m1"), 2), "a job of it runs");
    drop(hold);
    forgotten.await.unwrap();
    assert!(!sessions.hold(&id).is_anothers(&media("m1"), 2));
}

#[tokio::test(start_paused = true)]
async fn an_item_has_one_job_at_a_time() {
    let session = Arc::new(Session::default());
    assert!(!session.turn(1).await && !session.turn(2).await, "nobody is before it");
    let second = tokio::spawn({
        let session = Arc::clone(&session);
        async move { session.turn(1).await }
    });
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!second.is_finished());
    session.end(2);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert!(!second.is_finished(), "another item's end is not its own");
    session.end(1);
    assert!(second.await.unwrap(), "it knows that it waited");
}

#[test]
fn only_so_many_are_remembered() {
    let sessions = Arc::new(Sessions::default());
    for n in 0..REMEMBERED + 100 {
        sessions.hold(&session(n)).claim(&media("m"), 1);
    }
    assert_eq!(sessions.len(), REMEMBERED);
    drop(sessions.hold(&session("nothing-claimed")));
    assert_eq!(sessions.len(), REMEMBERED);
    let last = session(REMEMBERED + 99);
    assert!(sessions.hold(&last).is_anothers(&media("m"), 2));
}
