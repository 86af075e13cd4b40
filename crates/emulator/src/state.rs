//! The state behind both APIs: sessions, attempts, media, and how one becomes the next. Plain data under
//! one lock; nothing here waits, hashes or touches a socket.

use std::collections::HashMap;

use serde_json::Value;

use crate::crypto;
use crate::error::Error;
use crate::faces::Faces;
use crate::ledger::{
    AttemptRecord, DecisionRecord, FaceAuthRecord, MediaRecord, SessionRecord, Status, Vendor, Verdict,
};
use crate::options::Options;
use crate::store::Event;

/// All sessions, with ways to find them by the ids in paths.
#[derive(Debug, Default)]
pub(crate) struct State {
    sessions: Vec<SessionRecord>,
    by_session: HashMap<String, usize>,
    by_attempt: HashMap<String, (usize, usize)>,
    by_media: HashMap<String, (usize, usize, usize)>,
    /// Media by session and content, for finding repeats among thousands.
    seen: HashMap<(usize, usize, String, String), String>,
    /// Sessions whose status may still change by itself.
    open: Vec<usize>,
    recorded: u64,
    deletions_ms: Vec<u64>,
    pub(crate) faces: Faces,
    face_auths: Vec<FaceAuthRecord>,
}

/// What [`State::add_media`] is told.
#[derive(Debug, Clone)]
pub(crate) struct NewMedia {
    pub(crate) context: String,
    pub(crate) sha256: String,
    pub(crate) size: u64,
    pub(crate) mimetype: String,
    pub(crate) declared: Option<String>,
    pub(crate) dimensions: Option<(u32, u32)>,
    pub(crate) feedback: Option<String>,
}

/// A change that the outside is told about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Started(usize),
    Submitted(usize),
    Decided(usize),
}

impl State {
    pub(crate) fn sessions(&self) -> &[SessionRecord] {
        &self.sessions
    }

    pub(crate) fn at(&self, index: usize) -> &SessionRecord {
        &self.sessions[index]
    }

    pub(crate) fn at_mut(&mut self, index: usize) -> &mut SessionRecord {
        &mut self.sessions[index]
    }

    /// A session that the API can see.
    pub(crate) fn find(&self, vendor: Vendor, id: &str) -> Option<usize> {
        let index = *self.by_session.get(id)?;
        let session = self.sessions.get(index)?;
        (session.vendor == vendor && !session.deleted).then_some(index)
    }

    /// Ids that belong to the one in a path, for whoever signed the wrong one of them.
    pub(crate) fn related(&self, id: &str) -> Vec<(&'static str, String)> {
        let media = self.by_media.get(id).copied();
        let attempt = self.by_attempt.get(id).copied();
        let session = self.by_session.get(id).copied();
        let of = media.map(|(s, ..)| s).or(attempt.map(|(s, _)| s)).or(session);
        let Some(record) = of.and_then(|s| self.sessions.get(s)) else { return Vec::new() };
        let attempts = record.attempts.iter().map(|a| ("attempt", a.id.clone()));
        let media = record.media().take(100).map(|m| ("medium", m.id.clone()));
        std::iter::once(("session", record.id.clone())).chain(attempts).chain(media).filter(|(_, i)| i != id).collect()
    }

    pub(crate) fn find_attempt(&self, id: &str) -> Option<(usize, &AttemptRecord)> {
        let &(s, a) = self.by_attempt.get(id)?;
        let session = self.sessions.get(s).filter(|s| !s.deleted)?;
        Some((s, session.attempts.get(a)?))
    }

    pub(crate) fn find_media(&self, id: &str) -> Option<&MediaRecord> {
        let &(s, a, m) = self.by_media.get(id)?;
        self.sessions.get(s).filter(|s| !s.deleted)?.attempts.get(a)?.media.get(m)
    }

    pub(crate) fn create(&mut self, vendor: Vendor, request: Value, now: u64) -> Result<usize, Error> {
        let (id, attempt) = (crypto::uuid()?, crypto::uuid()?);
        let session = SessionRecord {
            id,
            vendor,
            status: Status::Created,
            created_ms: now,
            deleted: false,
            submissions: 0,
            request,
            collected: Vec::new(),
            attempts: vec![AttemptRecord::new(attempt, now)],
            started: false,
        };
        Ok(self.insert(session))
    }

    /// Records a medium in the latest attempt; opens a new attempt where the last one ended in a
    /// resubmission. The caller has judged that the session takes uploads.
    pub(crate) fn add_media(&mut self, index: usize, new: NewMedia, now: u64) -> Result<MediaRecord, Error> {
        let id = crypto::uuid()?;
        self.reopen(index, now)?;
        self.recorded += 1;
        let session = &mut self.sessions[index];
        let a = session.attempts.len() - 1;
        let key = (index, a, new.context.clone(), new.sha256.clone());
        let duplicate_of = self.seen.get(&key).cloned();
        if duplicate_of.is_none() {
            self.seen.insert(key, id.clone());
        }
        let attempt = &mut session.attempts[a];
        let media = MediaRecord {
            id: id.clone(),
            session: session.id.clone(),
            attempt: attempt.id.clone(),
            context: new.context,
            sha256: new.sha256,
            size: new.size,
            mimetype: new.mimetype,
            declared: new.declared,
            width: new.dimensions.map(|d| d.0),
            height: new.dimensions.map(|d| d.1),
            order: self.recorded,
            received_ms: now,
            duplicate_of,
            feedback: new.feedback,
        };
        if attempt.status == Status::Created {
            attempt.status = Status::Started;
        }
        if session.status == Status::Created {
            session.status = Status::Started;
        }
        self.by_media.insert(id, (index, a, attempt.media.len()));
        attempt.media.push(media.clone());
        Ok(media)
    }

    /// A new attempt, where the session asks for a resubmission; nothing otherwise.
    pub(crate) fn reopen(&mut self, index: usize, now: u64) -> Result<(), Error> {
        let session = &mut self.sessions[index];
        if session.status == Status::ResubmissionRequested {
            let attempt = crypto::uuid()?;
            self.by_attempt.insert(attempt.clone(), (index, session.attempts.len()));
            session.attempts.push(AttemptRecord::new(attempt, now));
            session.status = Status::Created;
            self.open.push(index);
        }
        Ok(())
    }

    /// The end user has opened a session; whether that started it.
    pub(crate) fn open(&mut self, index: usize) -> bool {
        let session = &mut self.sessions[index];
        let starts = session.status == Status::Created;
        if starts {
            session.status = Status::Started;
            if let Some(attempt) = session.attempts.last_mut() {
                attempt.status = Status::Started;
            }
        }
        starts
    }

    /// Closes the latest attempt for uploads.
    pub(crate) fn submit(&mut self, index: usize, now: u64) {
        let session = &mut self.sessions[index];
        session.status = Status::Submitted;
        session.submissions += 1;
        if let Some(attempt) = session.attempts.last_mut() {
            attempt.status = Status::Submitted;
            attempt.submitted_ms = Some(now);
        }
    }

    /// Decides the latest attempt.
    pub(crate) fn decide(&mut self, index: usize, decision: DecisionRecord) {
        let session = &mut self.sessions[index];
        session.status = decision.verdict.status();
        if let Some(attempt) = session.attempts.last_mut() {
            attempt.status = session.status;
            attempt.decision = Some(decision);
        }
    }

    /// Everything that happens by the passing of time: expiry and delayed decisions, of all sessions.
    pub(crate) fn tick(&mut self, now: u64, options: &Options) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut open = std::mem::take(&mut self.open);
        open.retain(|&index| {
            changes.extend(self.tick_one(index, now, options));
            let session = &self.sessions[index];
            match session.status {
                Status::Created | Status::Started => !session.deleted,
                // Without a wish it is decided by hand, if ever.
                Status::Submitted => !session.deleted && wish(session, options).is_some(),
                _ => false,
            }
        });
        self.open.append(&mut open);
        changes
    }

    /// The same for one session.
    pub(crate) fn tick_one(&mut self, index: usize, now: u64, options: &Options) -> Option<Change> {
        let session = &self.sessions[index];
        if session.deleted || session.vendor != Vendor::Veriff {
            return None;
        }
        let (verdict, reason, reason_code) = match session.status {
            Status::Created | Status::Started if now >= session.created_ms.saturating_add(options.expiry_ms) => {
                let seen = session.status == Status::Started;
                (if seen { Verdict::Abandoned } else { Verdict::Expired }, None, None)
            }
            Status::Submitted => {
                let at = session.latest().and_then(|a| a.submitted_ms).unwrap_or(now);
                wish(session, options).filter(|_| now >= at.saturating_add(options.decision_delay_ms))?
            }
            _ => return None,
        };
        self.decide(index, DecisionRecord { verdict, at_ms: now, reason, reason_code });
        Some(Change::Decided(index))
    }

    /// Looks at every session again, after the options have changed.
    pub(crate) fn reconsider(&mut self) {
        self.open = (0..self.sessions.len()).collect();
    }

    /// Counts a deletion against the limits, or says in how many milliseconds the next one is allowed.
    pub(crate) fn allow_deletion(&mut self, now: u64, per_hour: u32, per_day: u32) -> Result<(), u64> {
        const HOUR: u64 = 3_600_000;
        self.deletions_ms.retain(|t| t.saturating_add(24 * HOUR) > now);
        let times = &self.deletions_ms;
        let wait = |limit: u32, span: u64| {
            let within: Vec<u64> = times.iter().copied().filter(|t| t.saturating_add(span) > now).collect();
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            (within.len() >= limit).then(|| within.first().map_or(span, |t| t + span - now))
        };
        match wait(per_day, 24 * HOUR).max(wait(per_hour, HOUR)) {
            Some(ms) => Err(ms),
            None => {
                self.deletions_ms.push(now);
                Ok(())
            }
        }
    }

    pub(crate) fn face_auths(&self) -> &[FaceAuthRecord] {
        &self.face_auths
    }

    pub(crate) fn add_face_auth(&mut self, record: FaceAuthRecord) {
        self.face_auths.push(record);
    }

    pub(crate) fn face_auth(&mut self, id: &str) -> Option<&mut FaceAuthRecord> {
        self.face_auths.iter_mut().find(|auth| auth.id == id)
    }

    /// Takes up what an earlier run wrote down.
    pub(crate) fn replay(&mut self, events: Vec<Event>) {
        for event in events {
            match event {
                Event::Session(mut session) => match self.by_session.get(&session.id) {
                    None => {
                        self.insert(session);
                    }
                    Some(&index) => {
                        let known = &mut self.sessions[index];
                        for (new, old) in session.attempts.iter_mut().zip(&mut known.attempts) {
                            new.media = std::mem::take(&mut old.media);
                        }
                        *known = session;
                        for (a, attempt) in known.attempts.iter().enumerate() {
                            self.by_attempt.insert(attempt.id.clone(), (index, a));
                        }
                    }
                },
                Event::Face(face) => self.faces.take_up(face),
                Event::Media(media) => {
                    if let Some(&(s, a)) = self.by_attempt.get(&media.attempt) {
                        let list = &mut self.sessions[s].attempts[a].media;
                        self.by_media.insert(media.id.clone(), (s, a, list.len()));
                        let key = (s, a, media.context.clone(), media.sha256.clone());
                        self.seen.entry(key).or_insert_with(|| media.id.clone());
                        self.recorded = self.recorded.max(media.order);
                        list.push(media);
                    }
                }
            }
        }
    }

    fn insert(&mut self, session: SessionRecord) -> usize {
        let index = self.sessions.len();
        self.by_session.insert(session.id.clone(), index);
        for (a, attempt) in session.attempts.iter().enumerate() {
            self.by_attempt.insert(attempt.id.clone(), (index, a));
        }
        self.open.push(index);
        self.sessions.push(session);
        index
    }
}

impl AttemptRecord {
    fn new(id: String, now: u64) -> Self {
        Self { id, status: Status::Created, created_ms: now, submitted_ms: None, decision: None, media: Vec::new() }
    }
}

/// The decision that a first name asks for, as in the vendor's test integrations.
fn wish(session: &SessionRecord, options: &Options) -> Option<(Verdict, Option<String>, Option<u32>)> {
    let name = session.request.pointer("/person/firstName").and_then(Value::as_str).unwrap_or("");
    let verdict = match name.to_ascii_lowercase().as_str() {
        "approve" | "approved" => Verdict::Approved,
        "decline" | "declined" => Verdict::Declined,
        "resubmit" | "resubmission" | "resubmission_requested" => Verdict::ResubmissionRequested,
        "review" => Verdict::Review,
        _ => options.default_decision?,
    };
    // The tenth attempt is declined, whatever was wished.
    if verdict == Verdict::ResubmissionRequested && session.attempts.len() >= 10 {
        return Some((Verdict::Declined, Some("Resubmission limit reached".into()), Some(539)));
    }
    Some(match verdict {
        Verdict::Declined => (verdict, Some("Physical document not used".into()), Some(106)),
        Verdict::ResubmissionRequested => (verdict, Some("Poor image quality".into()), Some(204)),
        _ => (verdict, None, None),
    })
}
