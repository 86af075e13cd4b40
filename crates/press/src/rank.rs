//! Which of several frames of one scene to send.

use sealpress_media::Media;

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

impl Ranked {
    /// The score by which it was ranked; `None` of what could not be judged (documents, small pictures, frames that
    /// were refused, and everything under [`Preflight::Off`](sealpress_media::Preflight)).
    #[must_use]
    pub fn score(&self) -> Option<f64> {
        self.outcome.as_ref().ok()?.summary.judged.as_ref()?.quality.score
    }
}

/// Presses frames of **one scene** and ranks them, the best first: by score, ties in the order in which they were
/// given, behind them those without a score, behind those the refused ones. It knows blur, noise and contrast; of
/// glare, over-exposure, framing and closed eyes it says nothing, and frames of different scenes cannot be compared.
#[must_use]
pub fn rank(press: &dyn Press, frames: &[Media]) -> Vec<Ranked> {
    let mut worker = press.worker();
    let mut ranked: Vec<Ranked> =
        frames.iter().enumerate().map(|(frame, media)| Ranked { frame, outcome: worker.press(media) }).collect();
    let key = |ranked: &Ranked| (ranked.outcome.is_ok(), ranked.score().unwrap_or(f64::NEG_INFINITY));
    // Stable: ties stay in order.
    ranked.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        b.0.cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    ranked
}
