//! The best frames of a burst, prepared once where there is room for that.
//!
//! Frames are prepared one after another, and the best so far are kept with their shares of the byte budget. When
//! somebody waits for room, the next frame of the same burst perhaps, they are let go for good, and whoever sends the
//! best prepares them again: else two bursts could keep from each other what both wait for.

use sealpress_media::Summary;
use sealpress_press::{Grade, order};

use crate::prepare::{Prepared, Preparer};

/// What becomes of one frame. `E` says why one cannot be prepared.
#[derive(Debug)]
pub enum Frame<E> {
    /// It is among the best, prepared unless it had to be let go.
    Best(Option<Box<Prepared>>),
    /// Others are better than this one, of which that was measured.
    Rest(Box<Summary>),
    /// It cannot be prepared.
    Refused(E),
}

impl Preparer {
    /// The best `most` of frames of **one scene**, in the order of the frames: what becomes of each. `prepare` makes
    /// the frame of a place, one after another. Either all of the best come prepared, or none does.
    pub async fn best<E, F>(&self, frames: usize, most: usize, prepare: impl Fn(usize) -> F) -> Vec<Frame<E>>
    where
        F: Future<Output = Result<Prepared, E>>,
    {
        let mut kept: Option<Vec<(usize, Prepared)>> = Some(Vec::new());
        let (mut grades, mut ended) = (Vec::with_capacity(frames), Vec::with_capacity(frames));
        for place in 0..frames {
            let next = prepare(place);
            tokio::pin!(next);
            let prepared = tokio::select! {
                biased;
                prepared = &mut next => prepared,
                () = self.budget().is_short(), if kept.is_some() => {
                    kept = None;
                    next.await
                }
            };
            grades.push(prepared.as_ref().map_or(Grade::Refused, |prepared| Grade::of(&prepared.summary)));
            match prepared {
                Ok(prepared) => {
                    ended.push(Ok(Box::new(prepared.summary.clone())));
                    if let Some(kept) = &mut kept {
                        kept.push((place, prepared));
                        let best = order(&grades);
                        kept.retain(|(place, _)| best.iter().take(most).any(|best| best == place));
                    }
                }
                Err(error) => ended.push(Err(error)),
            }
        }
        let best = order(&grades);
        let mut kept = kept.unwrap_or_default().into_iter().peekable();
        let frame = |(place, ended): (usize, Result<Box<Summary>, E>)| match ended {
            Err(error) => Frame::Refused(error),
            Ok(_) if best.iter().take(most).any(|best| *best == place) => {
                Frame::Best(kept.next_if(|(of, _)| *of == place).map(|(_, prepared)| Box::new(prepared)))
            }
            Ok(summary) => Frame::Rest(summary),
        };
        ended.into_iter().enumerate().map(frame).collect()
    }
}
