//! Which of several frames of one scene to send.

use std::cmp::Ordering;

use sealpress_media::{Media, Summary};

use crate::error::Error;
use crate::press::{Press, Pressed};

/// A frame in its rank.
#[derive(Debug)]
#[non_exhaustive]
pub struct Ranked {
    /// Its place among those that were given, from 0.
    pub frame: usize,
    /// The frame as it may be sent, or why it may not be.
    pub outcome: Result<Pressed, Error>,
}

/// How a frame stands among others of its scene.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Grade {
    /// It may not be sent.
    Refused,
    /// It may, and could not be judged.
    Unjudged,
    /// Judged, by its score.
    Scored(f64),
}

impl Grade {
    /// Of one that may be sent.
    #[must_use]
    pub fn of(summary: &Summary) -> Self {
        let score = summary.judged.as_ref().and_then(|judged| judged.quality.score);
        score.map_or(Self::Unjudged, Self::Scored)
    }

    /// The score, where there is one.
    #[must_use]
    pub const fn score(self) -> Option<f64> {
        match self {
            Self::Scored(score) => Some(score),
            Self::Unjudged | Self::Refused => None,
        }
    }
}

/// The places of frames of **one scene**, the best first: by score, ties in the order in which they were given, behind
/// them those without a score, behind those the refused ones.
#[must_use]
pub fn order(grades: &[Grade]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..grades.len()).collect();
    // Stable: ties stay in order.
    places.sort_by(|a, b| grades[*b].partial_cmp(&grades[*a]).unwrap_or(Ordering::Equal));
    places
}

impl Ranked {
    /// The score by which it was ranked; `None` of what could not be judged (documents, small pictures, frames that
    /// were refused, and everything under [`Preflight::Off`](sealpress_media::Preflight)).
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.grade().score()
    }

    fn grade(&self) -> Grade {
        self.outcome.as_ref().map_or(Grade::Refused, |pressed| Grade::of(&pressed.summary))
    }
}

/// Presses frames of **one scene** and ranks them in [`order`]. It knows blur, noise and contrast; of glare, over-exposure, framing and closed eyes it says nothing, and frames of different scenes cannot be compared.
#[must_use]
pub fn rank(press: &dyn Press, frames: &[Media]) -> Vec<Ranked> {
    let mut worker = press.worker();
    let ranked: Vec<Ranked> =
        frames.iter().enumerate().map(|(frame, media)| Ranked { frame, outcome: worker.press(media) }).collect();
    let grades: Vec<Grade> = ranked.iter().map(Ranked::grade).collect();
    let mut ranked: Vec<Option<Ranked>> = ranked.into_iter().map(Some).collect();
    order(&grades).into_iter().filter_map(|place| ranked[place].take()).collect()
}
