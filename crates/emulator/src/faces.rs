//! Faces of bulk imports: which names were processed when, and how many the plan still allows.

use std::collections::HashMap;

use crate::ledger::FaceRecord;

/// A name is processed once in so many milliseconds.
const ONCE_PER: u64 = 5 * 60 * 1000;

/// All faces that came, and the rules over them.
#[derive(Debug, Default)]
pub(crate) struct Faces {
    all: Vec<FaceRecord>,
    /// When each name was last processed.
    processed: HashMap<String, u64>,
    requests: u64,
    counted: u64,
}

/// A face as a request brings it.
#[derive(Debug)]
pub(crate) struct NewFace {
    pub(crate) name: String,
    pub(crate) sha256: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) size: u64,
}

impl Faces {
    pub(crate) fn all(&self) -> &[FaceRecord] {
        &self.all
    }

    /// What the plan still allows.
    pub(crate) fn available(&self, quota: u64) -> u64 {
        quota.saturating_sub(self.counted)
    }

    /// How many of these would count now: names that were not processed within the last five minutes, each
    /// once.
    pub(crate) fn would_count(&self, faces: &[NewFace], now: u64) -> u64 {
        let fresh = |(at, face): &(usize, &NewFace)| {
            !self.is_repeat(&face.name, now) && !faces[..*at].iter().any(|before| before.name == face.name)
        };
        faces.iter().enumerate().filter(fresh).count() as u64
    }

    /// Takes in one request's faces; repeats are dropped without a word.
    pub(crate) fn import(&mut self, faces: Vec<NewFace>, now: u64) -> &[FaceRecord] {
        self.requests += 1;
        let from = self.all.len();
        for face in faces {
            let dropped = self.is_repeat(&face.name, now);
            let record = FaceRecord {
                order: self.all.len() as u64 + 1,
                name: face.name,
                request: self.requests,
                sha256: face.sha256,
                session: face.session,
                size: face.size,
                received_ms: now,
                dropped,
            };
            self.take_up(record);
        }
        &self.all[from..]
    }

    /// A record of this run or an earlier one.
    pub(crate) fn take_up(&mut self, face: FaceRecord) {
        self.requests = self.requests.max(face.request);
        if !face.dropped {
            self.counted += 1;
            self.processed.insert(face.name.clone(), face.received_ms);
        }
        self.all.push(face);
    }

    fn is_repeat(&self, name: &str, now: u64) -> bool {
        self.processed.get(name).is_some_and(|at| at.saturating_add(ONCE_PER) > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(name: &str) -> NewFace {
        NewFace { name: name.into(), sha256: None, session: None, size: 1 }
    }

    #[test]
    fn a_name_counts_once_in_five_minutes() {
        let mut faces = Faces::default();
        let dropped = |records: &[FaceRecord]| records.iter().map(|r| r.dropped).collect::<Vec<_>>();
        assert_eq!(faces.would_count(&[face("a"), face("b"), face("a")], 0), 2);
        assert_eq!(dropped(faces.import(vec![face("a"), face("b"), face("a")], 0)), [false, false, true]);
        assert_eq!(dropped(faces.import(vec![face("a")], ONCE_PER - 1)), [true]);
        assert_eq!(dropped(faces.import(vec![face("a")], ONCE_PER)), [false]);
        // The dropped one did not begin the five minutes anew.
        assert_eq!((faces.available(10), faces.all().len()), (7, 5));
        assert_eq!((faces.available(2), faces.all()[4].request), (0, 3));
    }
}
