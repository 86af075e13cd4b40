//! Timing for ratios: contenders take turns in short rounds, so that whatever else the machine does
//! hits all of them, and the fastest round of each counts.

use std::time::Instant;

/// One way of doing the work.
pub struct Contender<'a> {
    /// What the table calls it.
    pub name: &'static str,
    run: Box<dyn FnMut() + 'a>,
    best: f64,
}

impl<'a> Contender<'a> {
    /// `run` does the whole work once.
    pub fn new(name: &'static str, run: impl FnMut() + 'a) -> Self {
        Self { name, run: Box::new(run), best: f64::INFINITY }
    }

    /// Seconds of one run, in the fastest round.
    #[must_use]
    pub const fn seconds(&self) -> f64 {
        self.best
    }

    fn round(&mut self, runs: u32) -> f64 {
        let start = Instant::now();
        (0..runs).for_each(|_| (self.run)());
        start.elapsed().as_secs_f64() / f64::from(runs)
    }
}

/// Runs everybody in turns. A round lasts some 100 microseconds, which is shorter than what a busy
/// scheduler gives, or one run.
pub fn race(contenders: &mut [Contender<'_>], rounds: u32) {
    let runs: Vec<u32> = contenders
        .iter_mut()
        .map(|contender| {
            contender.round(1);
            let once = contender.round(3);
            (1e-4 / once).clamp(1.0, 100_000.0) as u32
        })
        .collect();
    for _ in 0..rounds {
        for (contender, &runs) in contenders.iter_mut().zip(&runs) {
            contender.best = contender.best.min(contender.round(runs));
        }
    }
}

/// Bytes without a pattern.
#[must_use]
pub fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..len).map(|_| byte()).collect()
}

/// `64`, `16K`, `17M` (of 1,000) as people say them.
#[must_use]
pub fn size(bytes: usize) -> String {
    match bytes {
        17_000_000 => "17 MB".to_owned(),
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}
