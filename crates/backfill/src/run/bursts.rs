//! Bursts: frames of one context in one session, of which the best are sent. Which these are is written down in one
//! change before any of them leaves, so that whoever goes on after a kill sends the same ones: as long as more frames
//! are open than may be sent nothing was decided, and nothing of them was sent.

use std::sync::Arc;

use sealpress_pipeline::{ErrorKind as Why, Frame, Prepared};

use super::claimed::ClaimedSession;
use super::pass::Pass;
use super::record::{fail, refused};
use super::send::{Unprepared, prepare};
use super::{Runner, note};
use crate::chaos;
use crate::error::Result;
use crate::store::Item;
use crate::store::state::{Change, ItemState};

/// What became of a burst.
pub(super) enum Choice<'a> {
    /// These of its frames are sent; those that are not prepared had to be let go.
    Chosen(Vec<(&'a Item, Option<Prepared>)>),
    /// Some of its frames cannot be had now: all of them are worth another pass.
    Again(Vec<&'a Item>),
    /// The run stops: nothing is decided.
    Left,
}

/// Chooses among the frames of this one's burst, where that is to be done. `items` has those that may be worked on.
pub(super) async fn choose<'a>(
    runner: &Runner,
    claimed: &Arc<ClaimedSession>,
    items: &[&'a Item],
    item: &Item,
    pass: u32,
) -> Result<Option<Choice<'a>>> {
    let undecided = runner.options.best.and_then(|best| claimed.undecided(item.id, best));
    let Some((open, most)) = undecided else { return Ok(None) };
    // Where only a part is worked on, the best of that.
    let frames: Vec<&Item> = items.iter().copied().filter(|item| open.contains(&item.id)).collect();
    if frames.len() <= most {
        return Ok(None);
    }
    if most == 0 {
        leave_out(runner, claimed, frames.iter().map(|frame| (frame.id, None)).collect()).await?;
        return Ok(Some(Choice::Chosen(Vec::new())));
    }
    let choosing = runner.pipeline.preparer();
    let ranked = tokio::select! {
        biased;
        ranked = choosing.best(frames.len(), most, |place| prepare(runner, frames[place])) => ranked,
        () = runner.stop.token.cancelled() => return Ok(Some(Choice::Left)),
    };
    let (mut chosen, mut rest, mut unprepared) = (Vec::new(), Vec::new(), Vec::new());
    for (frame, became) in frames.iter().copied().zip(ranked) {
        match became {
            Frame::Best(prepared) => chosen.push((frame, prepared.map(|prepared| *prepared))),
            Frame::Rest(summary) => rest.push((frame.id, Some(note::of_prepared(&summary)))),
            Frame::Refused(why) => unprepared.push((frame, why)),
        }
    }
    // Who cannot be asked says nothing about the frame.
    let is_away = |why: &Unprepared| match why {
        Unprepared::Refused(refusal) => match refusal.kind() {
            Why::Unreachable | Why::CircuitOpen => pass < runner.options.passes,
            kind => matches!(kind, Why::NoPress | Why::Unauthorized | Why::Stopped | Why::Cancelled),
        },
        Unprepared::NotFound(_) => false,
    };
    if let Some(at) = unprepared.iter().position(|(_, why)| is_away(why))
        && let (frame, Unprepared::Refused(refusal)) = unprepared.swap_remove(at)
    {
        return Ok(Some(match refused(runner, claimed, frame, refusal, None).await? {
            Pass::Again(_) => Choice::Again(frames),
            _ => Choice::Left,
        }));
    }
    // One that cannot be read is not missed where enough others are there; else it is missing.
    if chosen.len() == most {
        rest.extend(unprepared.drain(..).map(|(frame, _)| (frame.id, None)));
    }
    leave_out(runner, claimed, rest).await?;
    for (frame, why) in unprepared {
        match why {
            Unprepared::NotFound(failure) => fail(runner, claimed, frame, failure, None).await?,
            Unprepared::Refused(refusal) => drop(refused(runner, claimed, frame, refusal, None).await?),
        }
    }
    Ok(Some(Choice::Chosen(chosen)))
}

/// These are not sent, with what was measured of each.
async fn leave_out(runner: &Runner, claimed: &Arc<ClaimedSession>, rest: Vec<(i64, Option<String>)>) -> Result<()> {
    if rest.is_empty() {
        return Ok(());
    }
    let frames: Vec<i64> = rest.iter().map(|(item, _)| *item).collect();
    let changes = rest.into_iter().map(|(item, report)| Change::NotChosen { item, report }).collect();
    runner.journal.apply(claimed, changes).await?;
    chaos::point("confirmed-durable");
    for item in &frames {
        claimed.with(*item, |progress| progress.state = ItemState::NotChosen);
    }
    runner.tally.not_chosen(frames.len() as u64);
    Ok(())
}
