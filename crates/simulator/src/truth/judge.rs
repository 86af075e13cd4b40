//! What was promised, held against what is so.

use std::collections::BTreeSet;
use std::time::Duration;

use sealpress_client::MediaId;

use super::{Entry, Item, Looks, State, Truth};

/// A judgement: what was promised and does not hold.
pub(super) type Judged<T = ()> = Result<T, String>;

/// One upload on the wire.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) machine: usize,
    pub(crate) item: u64,
    pub(crate) session: String,
    pub(crate) looks: Looks,
}

/// What its process heard of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It arrived, or it certainly did not.
    Clear,
    /// Nobody can tell.
    Unclear,
}

/// An attempt of which nobody knows whether it arrived.
#[derive(Debug)]
pub(crate) struct InDoubt {
    attempt: Attempt,
    /// Since when it is not on its way any more.
    since: Option<Duration>,
}

impl InDoubt {
    /// Whether the item may have arrived by this attempt, which is not on its way any more.
    pub(super) fn is_open_for(&self, item: u64) -> bool {
        self.attempt.item == item && self.since.is_some()
    }

    pub(super) fn is_on_its_way(&self, machine: usize, session: &str) -> bool {
        self.since.is_none() && self.attempt.machine == machine && self.attempt.session == session
    }

    /// It is not on its way any more, as far as anybody knows who may ask.
    pub(super) const fn ends(&mut self, now: Duration) {
        self.since = Some(now);
    }
}

impl Truth {
    pub(crate) fn opens(&mut self, machine: usize) -> Judged {
        self.traffic.opens(machine, &self.limits)
    }

    pub(crate) fn closes(&mut self, machine: usize) {
        self.traffic.closes(machine);
    }

    /// The vendor wants no request of this process for a while.
    pub(crate) fn is_asked_to_wait(&mut self, machine: usize, pause: Duration, now: Duration) {
        self.traffic.pauses(machine, now + pause.min(self.limits.longest_pause));
    }

    /// An upload got leave to go.
    pub(crate) fn goes(&mut self, machine: usize, item: u64, now: Duration) -> Judged {
        self.granted.insert(item, now);
        self.traffic.goes(machine, now, &self.limits)
    }

    pub(crate) fn presses(&self, machine: usize, needs: u64) -> Judged {
        self.traffic.presses(machine, needs, &self.limits)
    }

    /// The journal has it durably that this item may be on the wire.
    pub(crate) fn notes_sending(&mut self, item: u64) {
        self.sending.insert(item);
    }

    /// The journal has it durably that it is not.
    pub(crate) fn notes_settled(&mut self, item: u64) {
        self.sending.remove(&item);
    }

    /// The journal has it durably that the session's submit may be on the wire.
    pub(crate) fn notes_submitting(&mut self, session: &str) {
        if let Some(session) = self.sessions.get_mut(session) {
            session.submitting = true;
        }
    }

    /// The first byte of an upload leaves.
    pub(crate) fn attempt_begins(&mut self, attempt: &Attempt, now: Duration) -> Judged {
        let Attempt { machine, item, session, looks } = attempt;
        self.posts += 1;
        self.traffic.body(*machine, looks.size);
        let is_taken_over = self.holders.get(session).is_some_and(|holder| holder.machine != *machine);
        if is_taken_over && self.goes_by_an_old_claim(attempt, now) {
            return Ok(());
        }
        // Look-alikes may go side by side. In doubt is what has come back without an answer, or whose process is gone;
        // what had leave to go by then may go.
        let granted = self.granted.get(item).copied().unwrap_or_default();
        let in_doubt = self.doubts.iter().find(|of| {
            let same = of.attempt.session == *session && of.attempt.looks == *looks;
            same && (of.attempt.item == *item || of.since.is_some_and(|since| since < granted))
        });
        let in_doubt = in_doubt.map(|of| of.attempt.item);
        self.doubts.push(InDoubt { attempt: attempt.clone(), since: None });
        let known = self.sessions.get(session).ok_or_else(|| format!("item {item} is sent to no session"))?;
        if self.is_over {
            return Err(format!("item {item} is sent although everything was done"));
        }
        if is_taken_over {
            return Err(format!(
                "item {item} is sent by a process whose claim of its session another one has taken over"
            ));
        }
        if !self.sending.contains(item) {
            return Err(format!("item {item} is sent before its journal has it durably that it is"));
        }
        if let Some(other) = in_doubt {
            return Err(format!("item {item} is sent while item {other} is in doubt and was not looked for"));
        }
        if known.looks.get(machine).is_some_and(|looks| *looks > 0) {
            return Err(format!("item {item} is sent while its session's list is matched"));
        }
        let rivals = self.items.values().filter(|of| of.session == *session && of.context == looks.context).count();
        if (self.serves || rivals == 1) && self.found.contains(&(*machine, *item)) && self.is_the_only_one(*item) {
            return Err(format!("item {item} is sent again although it was looked for and the list had it"));
        }
        Ok(())
    }

    /// Whether no other item, and no other version of its file, can stand behind what was stored for it.
    fn is_the_only_one(&self, item: u64) -> bool {
        let Some(of) = self.items.get(&item) else { return false };
        let same =
            |other: &&Item| other.session == of.session && other.contents.iter().any(|c| of.contents.contains(c));
        of.contents.len() == 1 && self.items.values().filter(same).count() == 1
    }

    /// What the process heard of its upload.
    pub(crate) fn attempt_ends(&mut self, attempt: &Attempt, answer: Answer, now: Duration) {
        self.traffic.body_is_gone(attempt.machine, attempt.looks.size);
        let Attempt { machine, item, .. } = attempt;
        let open = |of: &InDoubt| of.since.is_none() && of.attempt.machine == *machine && of.attempt.item == *item;
        match answer {
            Answer::Clear => self.doubts.retain(|of| !open(of)),
            Answer::Unclear => {
                self.doubts.iter_mut().filter(|of| open(of)).for_each(|of| of.since = Some(now));
                if let Some(session) = self.sessions.get_mut(&attempt.session) {
                    session.doubted = true;
                }
            }
        }
    }

    /// A process is no more: what it had on the wire nobody waits for.
    pub(crate) fn machine_ends(&mut self, machine: usize, now: Duration) {
        for of in self.doubts.iter_mut().filter(|of| of.attempt.machine == machine && of.since.is_none()) {
            of.since = Some(now);
            if let Some(session) = self.sessions.get_mut(&of.attempt.session) {
                session.doubted = true;
            }
        }
    }

    pub(crate) fn look_begins(&mut self, machine: usize, session: &str) -> Judged {
        if let Some(session) = self.sessions.get_mut(session) {
            *session.looks.entry(machine).or_default() += 1;
        }
        let under_way = |of: &&InDoubt| of.is_on_its_way(machine, session);
        match self.doubts.iter().find(under_way) {
            Some(of) => Err(format!("the session's list is asked for while item {} is on its way", of.attempt.item)),
            None => Ok(()),
        }
    }

    /// The look is over, with what it showed where it showed anything.
    pub(crate) fn look_ends(&mut self, machine: usize, session: &str, listed: Option<&[Entry]>, begun: Duration) {
        let settle = self.settle;
        if let Some(known) = self.sessions.get_mut(session) {
            if let Some(looks) = known.looks.get_mut(&machine) {
                *looks -= 1;
            }
            if let Some(listed) = listed {
                known.shown.insert(machine, listed.iter().map(|entry| entry.id.clone()).collect());
                let is_there = |item: u64| listed.iter().any(|entry| entry.item == item);
                self.found.retain(|(to, item)| *to != machine || is_there(*item));
                let looked_for = |of: &InDoubt| of.since.is_some_and(|since| since + settle <= begun);
                let (settled, open) = std::mem::take(&mut self.doubts)
                    .into_iter()
                    .partition(|of| of.attempt.session == session && looked_for(of));
                self.doubts = open;
                let there = settled.into_iter().map(|of: InDoubt| of.attempt.item).filter(|item| is_there(*item));
                self.found.extend(there.map(|item| (machine, item)));
            }
        }
    }

    /// A process is told to submit nothing.
    pub(crate) fn withholds(&mut self, machine: usize) {
        self.withheld.insert(machine);
    }

    /// The last list that this process had shows nothing by which an item could be found.
    pub(crate) fn finds_nothing(&mut self, machine: usize) {
        self.found.retain(|(to, _)| *to != machine);
    }

    /// Somebody is told that the vendor has it.
    pub(crate) fn confirms(&mut self, item: u64, id: &MediaId) -> Judged {
        let entry =
            self.entry(id).cloned().ok_or_else(|| format!("item {item} is confirmed by {id}, which is nowhere"))?;
        let of = self.items.get_mut(&item).ok_or_else(|| format!("nobody knows item {item}"))?;
        // A failure that its process did not live to write down never was.
        of.state = State::Confirmed(id.clone());
        let of = &self.items[&item];
        if entry.looks.context != of.context || entry.session != of.session {
            return Err(format!("item {item} is confirmed by {id}, which is elsewhere"));
        }
        if self.serves && !of.contents.contains(&entry.content) {
            return Err(format!("item {item} is confirmed by {id}, which holds the bytes of item {}", entry.item));
        }
        let others =
            self.items.iter().filter(|(other, of)| **other != item && of.state == State::Confirmed(id.clone()));
        if self.lists_receipts
            && let Some((other, _)) = others.into_iter().next()
        {
            return Err(format!("items {other} and {item} are both confirmed by {id}"));
        }
        self.has_a_copy_each(of)
    }

    /// As many copies of these bytes as items that were confirmed with them.
    fn has_a_copy_each(&self, of: &Item) -> Judged {
        let confirmed = |other: &&Item| {
            matches!(other.state, State::Confirmed(_))
                && other.session == of.session
                && other.context == of.context
                && other.contents == of.contents
        };
        let confirmed = self.items.values().filter(confirmed).count();
        let stored = self.stored.iter().filter(|entry| {
            entry.session == of.session && entry.looks.context == of.context && of.contents.contains(&entry.content)
        });
        if stored.count() < confirmed {
            return Err(format!(
                "{confirmed} items of session {} are confirmed with bytes that are not stored",
                of.session
            ));
        }
        Ok(())
    }

    /// Whoever was told lost it: the books do not have it.
    pub(crate) fn forgets(&mut self, item: u64) {
        if let Some(of) = self.items.get_mut(&item) {
            of.state = State::Open;
        }
    }

    /// Somebody is told that it will not be sent.
    pub(crate) fn fails(&mut self, item: u64, reason: &str) -> Judged {
        let of = self.items.get_mut(&item).ok_or_else(|| format!("nobody knows item {item}"))?;
        of.state = State::Failed(reason.to_owned());
        if of.excuses.contains(reason) {
            return Ok(());
        }
        Err(format!("item {item} is failed as {reason}, and nothing of that kind happened to it"))
    }

    /// The media of a session were counted.
    pub(crate) fn counted(&self, session: &str, machine: usize, unaccounted: Option<u64>) -> Judged {
        if !self.lists_receipts {
            return Ok(());
        }
        let known = self.sessions.get(session).ok_or_else(|| format!("nobody knows session {session}"))?;
        let Some(unaccounted) = unaccounted else {
            return match known.doubted {
                true => Err(format!("session {session} is submitted uncounted, and some upload of it was in doubt")),
                false => Ok(()),
            };
        };
        let confirmed: BTreeSet<&MediaId> = self.confirmed_of(session).collect();
        let shown = known.shown.get(&machine).ok_or("a session was counted that was never listed")?;
        let extra = shown.iter().filter(|id| !confirmed.contains(id)).count() as u64;
        if extra != unaccounted {
            return Err(format!(
                "session {session}: {extra} media beyond what was confirmed, {unaccounted} are reported"
            ));
        }
        Ok(())
    }

    fn confirmed_of(&self, session: &str) -> impl Iterator<Item = &MediaId> {
        let of_session = self.items.values().filter(move |item| item.session == session);
        of_session.filter_map(|item| match &item.state {
            State::Confirmed(id) => Some(id),
            _ => None,
        })
    }

    /// The first byte of a submission leaves.
    pub(crate) fn finish_begins(&self, machine: usize, session: &str) -> Judged {
        if self.withheld.contains(&machine) {
            return Err(format!("session {session} is submitted by a process that was told not to"));
        }
        let known = self.sessions.get(session).ok_or_else(|| format!("nobody knows session {session}"))?;
        if self.is_over {
            return Err(format!("session {session} is submitted although everything was done"));
        }
        if !known.submitting {
            return Err(format!("session {session} is submitted before its journal has it durably that it is"));
        }
        Ok(())
    }

    /// The vendor takes a submission, or says no.
    pub(crate) fn finishes(&mut self, session: &str) -> Judged<Result<(), u16>> {
        let items: Vec<&Item> = self.items.values().filter(|item| item.session == session).collect();
        let stored = |item: &Item| {
            let has = |entry: &&Entry| {
                entry.session == session
                    && entry.looks.context == item.context
                    && item.contents.contains(&entry.content)
            };
            self.stored.iter().any(|entry| has(&entry))
        };
        for (what, fails) in [
            ("not confirmed", items.iter().find(|item| matches!(item.state, State::Open | State::Failed(_)))),
            ("not stored", items.iter().find(|item| !stored(item))),
        ] {
            if fails.is_some() {
                return Err(format!("session {session} is submitted early: an item of it is {what}"));
            }
        }
        let known = self.sessions.get_mut(session).ok_or_else(|| format!("nobody knows session {session}"))?;
        Ok(if std::mem::replace(&mut known.submitted, true) { Err(409) } else { Ok(()) })
    }

    /// When all is done: every item is where it belongs, and every session that can be is submitted.
    pub(crate) fn ends(&self) -> Judged {
        for (number, item) in &self.items {
            if item.state == State::Open {
                return Err(format!("item {number} is lost: it ended neither confirmed nor failed"));
            }
        }
        let stands = |session: &super::Session| !session.items.is_empty() && (!session.is_gone || session.submitted);
        for (name, session) in self.sessions.iter().filter(|(_, session)| stands(session)) {
            let whole = session.items.iter().all(|item| !matches!(self.items[item].state, State::Failed(_)));
            if whole != session.submitted {
                let (is, should) = if whole { ("not submitted", "whole") } else { ("submitted", "short") };
                return Err(format!("session {name} is {is} although it is {should}"));
            }
        }
        Ok(())
    }
}
