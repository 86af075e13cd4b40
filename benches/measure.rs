//! Timing for ratios: contenders take turns in short rounds, so that whatever else the machine does
//! hits all of them, and the median round of each counts.

use std::time::{Duration, Instant};

/// One way of doing the work.
pub struct Contender<'a> {
    /// What the table calls it.
    pub name: &'static str,
    /// Does the work so many times: the call through the box is not part of what is measured.
    run: Box<dyn FnMut(u32) + 'a>,
    rounds: Vec<f64>,
}

impl<'a> Contender<'a> {
    /// `run` does the whole work once.
    pub fn new(name: &'static str, mut run: impl FnMut() + 'a) -> Self {
        Self { name, run: Box::new(move |runs| (0..runs).for_each(|_| run())), rounds: Vec::new() }
    }

    /// Seconds of one run, in the median round.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        let mut rounds = self.rounds.clone();
        rounds.sort_by(f64::total_cmp);
        rounds.get(rounds.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// One run more than is timed comes first, so that nobody pays for what the one before left in
    /// the caches.
    fn round(&mut self, runs: u32) -> f64 {
        (self.run)(1);
        let start = Instant::now();
        (self.run)(runs);
        start.elapsed().as_secs_f64() / f64::from(runs)
    }
}

/// Runs everybody in turns. A round lasts some 100 microseconds, which is shorter than what a busy
/// scheduler gives, or one run; there are 25 to 300 of them, for two seconds of everybody's time
/// where the runs are long.
pub fn race(contenders: &mut [Contender<'_>]) {
    let runs: Vec<u32> = contenders
        .iter_mut()
        .map(|contender| {
            contender.round(1);
            let once = contender.round(3);
            (1e-4 / once).clamp(1.0, 100_000.0) as u32
        })
        .collect();
    let start = Instant::now();
    for round in 0..300 {
        if round >= 25 && start.elapsed() > Duration::from_secs(2) {
            break;
        }
        for (contender, &runs) in contenders.iter_mut().zip(&runs) {
            let seconds = contender.round(runs);
            contender.rounds.push(seconds);
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
