//! The backfill's engine: operators who run it on one machine or on a few until everything is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use sealpress_backfill::simulation::{self, Event, Fate, Journal, Line, Process, Whose};
use sealpress_backfill::{Finished, ItemState};
use sealpress_client::{Context, SessionId};
use sealpress_pipeline::{Fetch, Pipeline};

use crate::files::{File, OneThread, press_of};
use crate::plan::{Plan, Row, Size};
use crate::vendor;
use crate::world::{Inner, Machine, World};

/// From when on after the last fault nothing may fail for a reason that passes.
const GRACE: Duration = Duration::from_secs(900);
/// How long after the last fault all must be done.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
/// How long after the end of a run the next one begins, where nothing says.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// What rows that nobody can read are failed as.
const BAD_ROW: &str = "bad-row";
/// How many seconds a database's clock is ahead after a jump.
const JUMPS: [i64; 7] = [0, 10, -10, 70, -70, 600, -600];
/// How long a claim lasts where machines share a journal.
const LEASE: Duration = Duration::from_secs(60);

/// What the processes of a history have in common.
struct Job {
    plan: Plan,
    journal: Journal,
    sessions: usize,
    /// How often a run is told to stop, in parts of a million.
    signals: u32,
}

/// One history.
pub(crate) async fn run(world: &World, size: Size) {
    let plan = Plan::draw(world, size);
    let (is_subject, machines, sessions, signals) = {
        let Inner { tape, mix, .. } = &mut *world.lock();
        let drawn =
            (tape.chance(500_000), tape.one_of(&[0, 0, 1, 2, 3]), tape.one_of(&[8, 2, 1]), tape.one_of(&[0, 200_000]));
        mix.jumps = tape.one_of(&[0, 0, 10_000, 100_000]);
        drawn
    };
    let lines: Vec<Line> = plan.rows.iter().filter_map(|row| line(row, is_subject)).collect();
    world.lock().truth.numbers_sessions(plan.rows.iter().map(|row| row.session.as_str()));
    for row in plan.rows.iter().filter(|row| row.is_bad) {
        world.judge(|inner| {
            inner.truth.excuse(row.item, BAD_ROW);
            inner.truth.fails(row.item, BAD_ROW)
        });
    }
    let Ok(journal) = Journal::new(&lines, (machines > 0).then_some(LEASE)) else {
        return world.violate("the journal could not be made");
    };
    let job = Job { plan, journal, sessions, signals };
    join_all((0..machines.max(1)).map(|_| operator(world, &job))).await;
    // The weather is fine: whoever looks after it now finds everything done, or failed for its own fault.
    let calm = world.lock().mix.until + GRACE;
    tokio::time::sleep(calm.saturating_sub(world.elapsed())).await;
    let Some(finished) = last_run(world, &job, Retry::Failed).await else { return };
    world.judge(|inner| {
        inner.truth.ends()?;
        let [confirmed, failed] = inner.truth.ended();
        let of = |state| finished.summary.of(state);
        let reported = [of(ItemState::Confirmed), of(ItemState::Failed)];
        if reported != [confirmed, failed] || of(ItemState::Quarantined) > 0 {
            return Err(format!(
                "{confirmed} items are confirmed and {failed} failed, {:?} is reported",
                finished.summary
            ));
        }
        let orphans = inner.truth.orphans();
        if finished.summary.orphans < orphans {
            return Err(format!("{orphans} sessions were left behind, {} are reported", finished.summary.orphans));
        }
        inner.truth.is_over = true;
        Ok(())
    });
    if world.violation().is_none()
        && let Some(again) = last_run(world, &job, Retry::Nothing).await
        && again.summary != finished.summary
    {
        world.violate("a second run changed something");
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Retry {
    Nothing,
    Failed,
}

/// Runs until a run ends by itself in fine weather.
async fn operator(world: &World, job: &Job) {
    loop {
        let machine = world.start();
        let was_calm = world.lock().is_calm();
        let stopped_after = {
            let mut inner = world.lock();
            let stops = inner.happens(job.signals);
            stops.then(|| inner.tape.wait(Duration::from_secs(300)))
        };
        let submits = {
            let mut inner = world.lock();
            let withholds = job.plan.is_unsettled && inner.happens(300_000);
            if withholds {
                inner.truth.withholds(machine.number());
            }
            !withholds
        };
        let ended = tokio::select! {
            biased;
            () = machine.ended() => None,
            finished = job.journal.run(process(&machine, job, Retry::Nothing, stopped_after, submits)) => Some(finished),
        };
        match &ended {
            Some(Ok(finished)) => machine.note(format_args!("exit {:?}: {:?}", finished.exit, finished.stopped)),
            Some(Err(error)) => machine.note(format_args!("the run failed: {error}")),
            None => {}
        }
        machine.exit();
        let is_done = matches!(ended, Some(Ok(finished)) if finished.stopped.is_none());
        if world.violation().is_some() || (was_calm && is_done) {
            return;
        }
        if world.elapsed() > world.lock().mix.until + PATIENCE {
            return world.violate("faults stopped long ago, and a run does not end by itself");
        }
        let down = world.lock().tape.wait(Duration::from_secs(600));
        // Of a tape that was cut down nothing but zeros is left, and time must pass all the same.
        tokio::time::sleep(if down.is_zero() { LOOK_AGAIN } else { down }).await;
    }
}

/// A run in fine weather, which must end by itself.
async fn last_run(world: &World, job: &Job, retry: Retry) -> Option<Finished> {
    if world.violation().is_some() {
        return None;
    }
    let machine = world.start();
    let ended = tokio::select! {
        biased;
        () = machine.ended() => None,
        () = tokio::time::sleep(PATIENCE) => None,
        finished = job.journal.run(process(&machine, job, retry, None, true)) => Some(finished),
    };
    machine.exit();
    match ended {
        Some(Ok(finished)) if finished.stopped.is_none() => return Some(finished),
        Some(Ok(finished)) => world.violate(format!("no fault, and the run stops: {:?}", finished.stopped)),
        Some(Err(error)) => world.violate(format!("no fault, and the run fails: {error}")),
        None => world.violate("no fault, and the run does not end"),
    }
    None
}

fn process(machine: &Machine, job: &Job, retry: Retry, stopped_after: Option<Duration>, submit: bool) -> Process {
    let plan = &job.plan;
    let rows: BTreeMap<String, Row> = plan.rows.iter().map(|row| (row.item.to_string(), row.clone())).collect();
    let at = machine.clone();
    let find = move |media: &str| -> Box<dyn Fetch> {
        let (item, versions) = rows.get(media).map(|row| (row.item, row.versions.clone())).unwrap_or_default();
        Box::new(File { machine: at.clone(), item, versions })
    };
    let pipeline = Pipeline::shared(vendor::shared(machine, plan.manners), press_of(machine));
    Process {
        machine: Arc::new(Way(machine.clone())),
        worker: format!("worker-{}", machine.number()),
        pipeline: pipeline.executor(OneThread(machine.clone())).seed(plan.seed),
        options: plan.options_of(&machine.world),
        submit,
        sessions: job.sessions,
        retry_failed: retry == Retry::Failed,
        find: Box::new(find),
        stopped_after,
    }
}

fn line(row: &Row, is_subject: bool) -> Option<Line> {
    let of = match is_subject {
        true => Whose::Subject(row.session.clone()),
        false => Whose::Session(SessionId::new(row.session.as_str()).ok()?),
    };
    let media = row.item.to_string();
    let bad = row.is_bad.then(|| BAD_ROW.to_owned());
    Some(Line { of, context: Context::from(row.context), timestamp: media.clone(), media, bad })
}

/// A process's way to the journal.
struct Way(Machine);

impl simulation::Machine for Way {
    fn reaches(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.0.step().await;
            self.0.works(Duration::from_millis(100)).await;
            self.0.step().await;
        })
    }

    fn answers(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.0.works(Duration::from_millis(100)).await;
            self.0.step().await;
        })
    }

    fn fate(&self) -> Fate {
        let mut inner = self.0.world.lock();
        let (fails, aborts, jumps) = (inner.mix.journal_fails, inner.mix.journal_aborts, inner.mix.jumps);
        if jumps > 0 && inner.happens(jumps) {
            let ahead = inner.tape.one_of(&JUMPS);
            inner.truth.ahead = ahead;
            inner.note("journal", format_args!("its clock jumps, {ahead}s ahead now"));
        }
        if inner.happens(fails) {
            inner.note(self.0.number(), format_args!("the journal cannot be written"));
            Fate::Fails
        } else if inner.happens(aborts) {
            inner.tape.one_of(&[Fate::Aborts, Fate::Unanswered])
        } else {
            Fate::Done
        }
    }

    fn now(&self) -> i64 {
        let inner = self.0.world.lock();
        1_800_000_000_000 + inner.truth.clock(inner.elapsed())
    }

    fn asks(&self, event: &Event) {
        if let Event::Sending(item) = event {
            self.0.world.lock().truth.has_leave(*item);
        }
    }

    fn commits(&self, event: &Event) {
        self.0.note(format_args!("journal: {event:?}"));
        self.0.world.judge(|inner| {
            let passes = inner.elapsed() < inner.mix.until + GRACE;
            let (machine, now) = (self.0.number(), inner.elapsed());
            let truth = &mut inner.truth;
            match event {
                Event::Claimed(session) => {
                    truth.claims(*session, machine, now, LEASE);
                    Ok(())
                }
                Event::Renewed(session) => {
                    truth.renews(*session, machine, now, LEASE);
                    Ok(())
                }
                Event::Sending(item) => {
                    truth.notes_sending(*item);
                    Ok(())
                }
                Event::Returned(item) => {
                    truth.notes_settled(*item);
                    Ok(())
                }
                Event::Confirmed(item, id) => {
                    truth.notes_settled(*item);
                    truth.confirms(*item, id)
                }
                Event::Duplicate(item, of) => truth.is_the_same(*item, *of),
                Event::Failed(item, reason) => {
                    truth.notes_settled(*item);
                    truth.fails_for_good(*item, reason, passes)
                }
                Event::Quarantined(item) => truth.quarantines(*item),
                Event::Created(session, remote) => truth.names(*session, remote),
                Event::CreateFailed(session, reason) => truth.fails_all(*session, reason, passes),
                Event::Counted(session, unaccounted) => truth.counts(*session, machine, *unaccounted),
                Event::Submitting(session) => truth.submits(*session, machine),
                Event::NotSubmitted(session, reason) if !passes && !truth.has_ended(*session) => {
                    Err(format!("no fault, and a session is not taken: {reason}"))
                }
                Event::NotSubmitted(..) => Ok(()),
            }
        });
    }
}
