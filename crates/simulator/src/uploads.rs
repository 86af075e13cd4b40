//! The pipeline on its own: a caller who restarts it until everything is done.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sealpress_client::SessionId;
use sealpress_pipeline::{Job, Outcome, Pipeline};

use crate::files::{File, OneThread, press_of};
use crate::journal::{Books, Hand, PageState};
use crate::plan::{Plan, Row, Size};
use crate::vendor;
use crate::world::{Machine, World};

/// From when on after the last fault every pass must end everything: circuits have closed, pauses are over.
const GRACE: Duration = Duration::from_secs(600);
/// How long after the last fault all must be done.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);
/// How long a caller waits at most who gives up.
const IMPATIENCE: Duration = Duration::from_secs(120);
/// Jobs that an impatient caller has under way at a time.
const AT_ONCE: usize = 8;

/// How a process ended by itself.
#[derive(PartialEq, Eq)]
enum Ended {
    Done,
    /// It stopped: refused credentials, a journal that failed.
    Stopped,
}

/// One history.
pub(crate) async fn run(world: &World, size: Size) {
    let plan = Plan::draw(world, size);
    let submits = world.lock().tape.chance(500_000);
    // Of a caller who gives up a job or a submission, in parts of a million.
    let gives_up = world.lock().tape.one_of(&[0, 0, 100_000, 500_000]);
    let (books, until) = (Books::default(), world.lock().mix.until);
    loop {
        books.reopen(world);
        let machine = world.start();
        let ended = tokio::select! {
            biased;
            () = machine.ended() => None,
            ended = live(&machine, &plan, &books, submits, gives_up) => Some(ended),
        };
        machine.exit();
        if world.violation().is_some() {
            return;
        }
        if ended == Some(Ended::Done) {
            break;
        }
        if world.elapsed() > until + PATIENCE {
            return world.violate("faults stopped long ago, and not everything is done");
        }
        let down = world.lock().tape.wait(Duration::from_secs(600));
        tokio::time::sleep(down).await;
    }
    world.judge(|inner| inner.truth.ends());
}

/// One process from its start to its end.
async fn live(machine: &Machine, plan: &Plan, books: &Books, submits: bool, gives_up: u32) -> Ended {
    let world = &machine.world;
    let built = Pipeline::shared(vendor::shared(machine, plan.manners), press_of(machine))
        .options(plan.options_of(world))
        .executor(OneThread(machine.clone()))
        .seed(plan.seed)
        .journal(Hand::new(books, machine))
        .build();
    let Ok(pipeline) = built else {
        world.violate("the pipeline did not start");
        return Ended::Stopped;
    };
    loop {
        let must_end = world.elapsed() > world.lock().mix.until + GRACE;
        let mut jobs: Vec<Job> = plan.rows.iter().filter_map(|row| job(machine, books, row)).collect();
        if submits {
            // The pipeline counts, and submits with the last item. One that failed is an item too.
            let mut left: BTreeMap<&str, usize> = BTreeMap::new();
            let is_confirmed = |row: &Row| matches!(books.page(row.item).state, PageState::Confirmed(_));
            for row in plan.rows.iter().filter(|row| !is_confirmed(row)) {
                *left.entry(&row.session).or_default() += 1;
            }
            let of = |job: &Job| left.get(job.item().session.as_str()).copied().unwrap_or_default();
            jobs = jobs.into_iter().map(|job| (of(&job), job)).map(|(n, job)| job.submit_after(n)).collect();
        }
        let outcomes = match gives_up {
            0 => pipeline.process_all(stream::iter(jobs)).collect().await,
            odds => impatiently(machine, &pipeline, jobs, odds).await,
        };
        for outcome in outcomes {
            if let Err(error) = outcome.result
                && must_end
                && error.is_retryable()
            {
                world.violate(format!("no progress: item {} and no fault for {GRACE:?}: {error}", outcome.item.tag));
            }
        }
        let mut is_done = true;
        for session in whole_sessions(plan, books) {
            let submission = tokio::time::timeout(patience(world, gives_up), pipeline.submit(&session));
            match submission.await {
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => machine.note(format_args!("{session} is not submitted: {error}")),
                Err(_) => machine.note(format_args!("the submission of {session} is given up")),
            }
            is_done = false;
        }
        let open =
            plan.rows.iter().any(|row| matches!(books.page(row.item).state, PageState::Open | PageState::Sending));
        // A job that was given up may have ended meanwhile, and made its session whole.
        if is_done && !open && whole_sessions(plan, books).is_empty() {
            return Ended::Done;
        }
        if pipeline.stopped().is_some() {
            return Ended::Stopped;
        }
        let pause = world.lock().tape.wait(Duration::from_secs(60));
        tokio::time::sleep(pause + Duration::from_secs(1)).await;
    }
}

/// How long the caller waits now: mostly until the end.
fn patience(world: &World, gives_up: u32) -> Duration {
    let mut inner = world.lock();
    match gives_up > 0 && inner.happens(gives_up) {
        true => inner.tape.wait(IMPATIENCE),
        false => Duration::MAX,
    }
}

/// A caller who now and then drops the future of a job, wherever the job is by then, and goes on to something else.
async fn impatiently(machine: &Machine, pipeline: &Pipeline, jobs: Vec<Job>, odds: u32) -> Vec<Outcome> {
    let offers = stream::iter(jobs).map(|job| async move {
        let (tag, patience) = (job.item().tag, patience(&machine.world, odds));
        tokio::time::timeout(patience, pipeline.process(job)).await.map_err(|_| tag)
    });
    let mut outcomes = Vec::new();
    let mut offers = std::pin::pin!(offers.buffer_unordered(AT_ONCE));
    while let Some(offered) = offers.next().await {
        match offered {
            Ok(outcome) => outcomes.push(outcome),
            Err(tag) => machine.note(format_args!("the job of item {tag} is given up")),
        }
    }
    outcomes
}

fn job(machine: &Machine, books: &Books, row: &Row) -> Option<Job> {
    let page = books.page(row.item);
    if matches!(page.state, PageState::Confirmed(_) | PageState::Failed) {
        return None;
    }
    let session = SessionId::new(row.session.as_str()).ok()?;
    let file = File { machine: machine.clone(), item: row.item, versions: row.versions.clone() };
    let job = Job::fetch(&session, row.context, file).tag(row.item).timestamp(row.item.to_string());
    Some(if page.state == PageState::Sending { job.in_doubt(page.sent) } else { job })
}

/// Sessions that wait for nothing but their submission.
fn whole_sessions(plan: &Plan, books: &Books) -> Vec<SessionId> {
    let mut whole: BTreeMap<&str, bool> = BTreeMap::new();
    for row in &plan.rows {
        let is_confirmed = matches!(books.page(row.item).state, PageState::Confirmed(_));
        *whole.entry(&row.session).or_insert(true) &= is_confirmed;
    }
    let whole = whole.into_iter().filter(|(session, whole)| *whole && !books.is_submitted(session));
    whole.filter_map(|(session, _)| SessionId::new(session).ok()).collect()
}
