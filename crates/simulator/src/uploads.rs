//! The pipeline on its own: a caller who restarts it until everything is done.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use sealpress_client::SessionId;
use sealpress_pipeline::{Job, Pipeline};

use crate::files::{File, OneThread, press_of};
use crate::journal::{Books, Hand, PageState};
use crate::plan::{Plan, Row, Size};
use crate::vendor;
use crate::world::{Machine, World};

/// From when on after the last fault every pass must end everything: circuits have closed, pauses are over.
const GRACE: Duration = Duration::from_secs(600);
/// How long after the last fault all must be done.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

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
    let (books, until) = (Books::default(), world.lock().mix.until);
    loop {
        books.reopen(world);
        let machine = world.start();
        let ended = tokio::select! {
            biased;
            () = machine.ended() => None,
            ended = live(&machine, &plan, &books, submits) => Some(ended),
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
async fn live(machine: &Machine, plan: &Plan, books: &Books, submits: bool) -> Ended {
    let world = &machine.world;
    let built = Pipeline::shared(vendor::shared(machine, plan.manners), press_of(machine))
        .options(plan.options.clone())
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
        let outcomes: Vec<_> = pipeline.process_all(stream::iter(jobs)).collect().await;
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
            if let Err(error) = pipeline.submit(&session).await {
                machine.note(format_args!("{session} is not submitted: {error}"));
                is_done = false;
            }
        }
        let open =
            plan.rows.iter().any(|row| matches!(books.page(row.item).state, PageState::Open | PageState::Sending));
        if is_done && !open {
            return Ended::Done;
        }
        if pipeline.stopped().is_some() {
            return Ended::Stopped;
        }
        let pause = world.lock().tape.wait(Duration::from_secs(60));
        tokio::time::sleep(pause + Duration::from_secs(1)).await;
    }
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
