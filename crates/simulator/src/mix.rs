//! How bad the weather is: which faults there are in a history, how often, and for how long.

use std::time::Duration;

use crate::tape::{MILLION, Tape};

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Create,
    Upload,
    List,
    Media,
    Finish,
    State,
}

/// What can happen to a request, and what the vendor has of it afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// No connection: nothing was processed, and it shows.
    Refused,
    /// The connection broke before the vendor had all of it.
    LostBefore,
    /// Processed; the connection broke before the answer.
    LostAfter,
    /// The connection broke, and the request is processed a good while later.
    Late,
    /// Processed; no answer for ever.
    Silent,
    /// Swallowed by something on the way; no answer for ever.
    Swallowed,
    /// Processed; half an answer.
    Truncated,
    /// Processed; the answer's signature is wrong.
    BadSignature,
    /// Processed; 500.
    BrokenAfter,
    /// Not processed; 502.
    BrokenBefore,
    /// 429 without a word about when to come back.
    Throttled,
    /// 429 with a Retry-After.
    ThrottledFor,
    /// 503 with a Retry-After.
    Unavailable,
    /// 403 of a firewall.
    Firewall,
    /// 401.
    Unauthorized,
    /// Processed twice.
    Twice,
    /// Processed; the answer takes minutes.
    Slow,
    /// A listing of some time ago.
    Stale,
    /// A listing with other sizes than were sent.
    Lies,
}

const FAULTS: [Fault; 19] = [
    Fault::Refused,
    Fault::LostBefore,
    Fault::LostAfter,
    Fault::Late,
    Fault::Silent,
    Fault::Swallowed,
    Fault::Truncated,
    Fault::BadSignature,
    Fault::BrokenAfter,
    Fault::BrokenBefore,
    Fault::Throttled,
    Fault::ThrottledFor,
    Fault::Unavailable,
    Fault::Firewall,
    Fault::Unauthorized,
    Fault::Twice,
    Fault::Slow,
    Fault::Stale,
    Fault::Lies,
];

const ROUTES: usize = 6;

impl Fault {
    /// Whether it can happen to such a request.
    const fn meets(self, route: Route) -> bool {
        match self {
            Self::Twice | Self::Late => matches!(route, Route::Upload),
            Self::Stale | Self::Lies => matches!(route, Route::List),
            _ => true,
        }
    }

    /// Some faults end a whole run; were they as frequent as others, nothing else would be seen.
    const fn rarity(self) -> u64 {
        match self {
            Self::Unauthorized => 20,
            Self::Silent | Self::Swallowed | Self::Slow => 2,
            _ => 1,
        }
    }
}

/// The odds of a history's faults, in parts of a million for each request, and of what happens to its machines.
#[derive(Clone, Debug)]
pub(crate) struct Mix {
    odds: [[u32; FAULTS.len()]; ROUTES],
    /// Of the task of a press being lost, as with a panic.
    pub(crate) press_dies: u32,
    /// Of a file that cannot be fetched for the moment.
    pub(crate) source_fails: u32,
    /// Of a journal whose write fails.
    pub(crate) journal_fails: u32,
    /// Of a transaction that is aborted, or whose answer is lost, where machines share a journal.
    pub(crate) journal_aborts: u32,
    /// Of a process that is killed in its life.
    pub(crate) killed: u32,
    /// Of a machine that stands still for a while in its life.
    pub(crate) stopped: u32,
    /// Of a session that the vendor ends after a while.
    pub(crate) expires: u32,
    /// Of a database's clock that jumps, at each statement.
    pub(crate) jumps: u32,
    /// When the faults stop.
    pub(crate) until: Duration,
}

impl Mix {
    /// From calm (no fault at all) to cruel (most requests fail).
    pub(crate) fn draw(tape: &mut Tape) -> Self {
        let worst = tape.one_of(&[0u64, 20_000, 60_000, 150_000, 300_000]);
        let mut odds = |rarity: u64| {
            let (there, most) = (tape.chance(500_000), worst / rarity);
            let odds = tape.below(most + 1);
            if there { u32::try_from(odds).unwrap_or(u32::MAX) } else { 0 }
        };
        let mut table = [[0; FAULTS.len()]; ROUTES];
        for row in &mut table {
            for (fault, cell) in FAULTS.iter().zip(row.iter_mut()) {
                *cell = odds(fault.rarity());
            }
        }
        let (press_dies, source_fails, journal_fails, journal_aborts) = (odds(4), odds(2), odds(20), odds(2));
        let (killed, stopped) = (tape.one_of(&[0, 300_000, 900_000]), tape.one_of(&[0, 200_000, 800_000]));
        let expires = tape.one_of(&[0, 0, 0, 200_000]);
        let until = Duration::from_secs(tape.one_of(&[0, 60, 300, 900, 3600]));
        Self {
            odds: table,
            press_dies,
            source_fails,
            journal_fails,
            journal_aborts,
            killed,
            stopped,
            expires,
            jumps: 0,
            until,
        }
    }

    /// What happens to one request. One draw, whatever the odds are.
    pub(crate) fn fate(&self, tape: &mut Tape, route: Route) -> Option<Fault> {
        let odds = &self.odds[route as usize];
        let sum: u64 =
            FAULTS.iter().zip(odds).filter(|(fault, _)| fault.meets(route)).map(|(_, o)| u64::from(*o)).sum();
        // However bad, one request in ten is left alone.
        let whole = MILLION.max(sum * 10 / 9);
        let mut from_top = whole - 1 - tape.fate(whole);
        for (fault, odds) in FAULTS.into_iter().zip(odds).filter(|(fault, _)| fault.meets(route)) {
            match from_top.checked_sub(u64::from(*odds)) {
                Some(rest) => from_top = rest,
                None => return Some(fault),
            }
        }
        None
    }

    /// A vendor that serves nothing back and lists twice what it was sent once cannot be told from one that lists two
    /// files of one size: nobody could keep the promise there, so that this pair of faults is left out.
    pub(crate) fn never_twice(&mut self) {
        for (fault, odds) in FAULTS.iter().zip(&mut self.odds[Route::Upload as usize]) {
            if *fault == Fault::Twice {
                *odds = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_of_zero_is_good_weather() {
        let mut cruel = Mix::draw(&mut Tape::recorded(vec![u64::MAX; 400]));
        let mut tape = Tape::recorded(Vec::new());
        assert_eq!(cruel.fate(&mut tape, Route::Upload), None);
        let met: Vec<_> = (0..1000).filter_map(|n| cruel.fate(&mut Tape::of_seed(n), Route::Upload)).collect();
        assert!(met.len() > 800 && met.contains(&Fault::Twice) && !met.contains(&Fault::Stale), "{}", met.len());
        cruel.never_twice();
        assert!((0..1000).all(|n| cruel.fate(&mut Tape::of_seed(n), Route::Upload) != Some(Fault::Twice)));
        let calm = Mix::draw(&mut Tape::recorded(Vec::new()));
        assert!((0..1000).all(|n| calm.fate(&mut Tape::of_seed(n), Route::List).is_none()));
    }
}
