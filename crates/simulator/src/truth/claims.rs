//! What a shared journal adds: whose a session is, and what the journal says of sessions by their numbers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::judge::Attempt;
use super::{Judged, State, Truth};

/// A process's claim of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    pub(super) machine: usize,
    /// Until when, by the process's own clock.
    until: Duration,
    /// The same by the database's clock, in milliseconds.
    until_there: i64,
}

/// A claim that the database's clock ended, by a jump, while its process still counts on it.
#[derive(Debug)]
pub(super) struct Ousted {
    machine: usize,
    session: String,
    until: Duration,
    /// Items that were noted as on the wire by then, and may still be sent, once each.
    leave: BTreeSet<u64>,
}

/// Reasons that pass: the weather was bad, and whoever runs it again may do better.
const PASSING: [&str; 9] = [
    "unreachable",
    "circuit-open",
    "in-doubt",
    "blocked",
    "unauthorized",
    "unreadable",
    "internal",
    "session-refused",
    "media-missing",
];

impl Truth {
    /// The numbers that the journal has for sessions: the order in which they are met, from 1.
    pub(crate) fn numbers_sessions<'a>(&mut self, in_order: impl Iterator<Item = &'a str>) {
        for name in in_order {
            if !self.numbers.iter().any(|(_, known)| known == name) {
                self.numbers.push((0, name.to_owned()));
            }
        }
        (1..).zip(&mut self.numbers).for_each(|(number, of)| of.0 = number);
    }

    fn name_of(&self, session: i64) -> Judged<String> {
        let found = self.numbers.iter().find(|(number, _)| *number == session).map(|(_, name)| name.clone());
        found.ok_or_else(|| format!("nobody knows session {session}"))
    }

    /// What the database's clock shows, in milliseconds.
    pub(crate) fn clock(&self, now: Duration) -> i64 {
        i64::try_from(now.as_millis()).unwrap_or(i64::MAX) + self.ahead * 1000
    }

    fn claim(&self, machine: usize, now: Duration, lease: Duration) -> Claim {
        Claim { machine, until: now + lease, until_there: self.clock(now + lease) }
    }

    /// A session is a process's until another one has it.
    pub(crate) fn claims(&mut self, session: i64, machine: usize, now: Duration, lease: Duration) {
        let Ok(name) = self.name_of(session) else { return };
        // What it saw under an earlier claim others may have judged otherwise since: the journal says how.
        let of_session = |item: &u64| self.items.get(item).is_some_and(|of| of.session == name);
        self.found.retain(|(to, item)| *to != machine || !of_session(item));
        if let Some(before) = self.holders.insert(name.clone(), self.claim(machine, now, lease))
            && before.machine != machine
            && before.until > now
            && before.until_there <= self.clock(now)
        {
            self.ousts(name, before, now);
        }
    }

    /// The claim goes on.
    pub(crate) fn renews(&mut self, session: i64, machine: usize, now: Duration, lease: Duration) {
        let claim = self.claim(machine, now, lease);
        if let Ok(name) = self.name_of(session)
            && let Some(holder) = self.holders.get_mut(&name)
            && holder.machine == machine
        {
            *holder = claim;
        }
    }

    /// A jump ended a claim. What its process has on the wire is lost sight of now, and what was noted may still follow;
    /// from now on the journal says that all of it is in doubt.
    fn ousts(&mut self, session: String, claim: Claim, now: Duration) {
        let Claim { machine, until, .. } = claim;
        for of in self.doubts.iter_mut().filter(|of| of.is_on_its_way(machine, &session)) {
            of.ends(now);
        }
        let is_noted = |item: &&u64| self.items.get(*item).is_some_and(|of| of.session == session);
        let leave: BTreeSet<u64> = self.sending.iter().filter(is_noted).copied().collect();
        if let Some(of) = self.sessions.get_mut(&session) {
            of.doubted |= !leave.is_empty();
        }
        self.ousted.push(Ousted { machine, session, until, leave });
    }

    /// Whether an upload leaves by a claim that a jump ended: once, until the claim would have ended by itself. It is
    /// judged only by what must be reported of it.
    pub(super) fn goes_by_an_old_claim(&mut self, attempt: &Attempt, now: Duration) -> bool {
        let of = |of: &&mut Ousted| of.machine == attempt.machine && of.session == attempt.session && now < of.until;
        self.ousted.iter_mut().filter(of).any(|of| of.leave.remove(&attempt.item))
    }

    /// An upload is about to be noted; what came into doubt before may have been seen by it.
    pub(crate) fn has_leave(&mut self, item: u64) {
        self.granted.remove(&item);
    }

    /// The provider made this session for the subject that it is numbered by.
    pub(crate) fn names(&mut self, session: i64, remote: &str) -> Judged {
        let old = self.name_of(session)?;
        // A commit whose answer was lost is told twice.
        if old == remote {
            return Ok(());
        }
        let items = self.sessions.remove(&old).map(|of| of.items).unwrap_or_default();
        for item in &items {
            if let Some(item) = self.items.get_mut(item) {
                remote.clone_into(&mut item.session);
            }
        }
        let Some(made) = self.sessions.get_mut(remote) else {
            return Err(format!("session {remote} was never made"));
        };
        made.items = items;
        if let Some(holder) = self.holders.remove(&old) {
            self.holders.insert(remote.to_owned(), holder);
        }
        for (number, name) in &mut self.numbers {
            if *number == session {
                remote.clone_into(name);
            }
        }
        Ok(())
    }

    /// Sessions that the vendor made and nobody sends anything to.
    pub(crate) fn orphans(&self) -> u64 {
        self.sessions.values().filter(|session| session.items.is_empty()).count() as u64
    }

    /// Another item, with the same bytes, stands for this one.
    pub(crate) fn is_the_same(&mut self, item: u64, of: u64) -> Judged {
        let same = |a: &super::Item, b: &super::Item| {
            a.session == b.session && a.context == b.context && a.contents.iter().any(|c| b.contents.contains(c))
        };
        let (Some(one), Some(other)) = (self.items.get(&item), self.items.get(&of)) else {
            return Err(format!("nobody knows items {item} and {of}"));
        };
        if !matches!(other.state, State::Confirmed(_)) || !same(one, other) {
            return Err(format!(
                "item {item} is not sent because of item {of}, which is not confirmed or not the same"
            ));
        }
        if let Some(one) = self.items.get_mut(&item) {
            one.state = State::Duplicate;
        }
        Ok(())
    }

    /// An item is failed in the journal. `passes`: the weather may be to blame.
    pub(crate) fn fails_for_good(&mut self, item: u64, reason: &str, passes: bool) -> Judged {
        if self.doubts.iter().any(|of| of.is_open_for(item)) {
            return Err(format!("item {item} is failed as {reason}, and may have arrived"));
        }
        if passes && PASSING.contains(&reason) {
            self.excuse(item, reason);
        }
        self.fails(item, reason)
    }

    /// All items of a session that could not be made are failed.
    pub(crate) fn fails_all(&mut self, session: i64, reason: &str, passes: bool) -> Judged {
        let name = self.name_of(session)?;
        let open = |item: &super::Item| item.session == name && item.state == State::Open;
        let items: Vec<u64> = self.items.iter().filter(|(_, item)| open(item)).map(|(number, _)| *number).collect();
        items.into_iter().try_for_each(|item| self.fails_for_good(item, reason, passes))
    }

    /// Whether a session has ended at the vendor, and somebody was told.
    pub(crate) fn has_ended(&self, session: i64) -> bool {
        self.name_of(session).is_ok_and(|name| self.sessions.get(&name).is_some_and(|of| of.is_gone))
    }

    /// Nobody knows of an item whether it arrived.
    pub(crate) fn quarantines(&self, item: u64) -> Judged {
        match self.sending.contains(&item) {
            true => Ok(()),
            false => Err(format!("item {item} is in quarantine, and was not on the wire")),
        }
    }

    /// A session's media were counted.
    pub(crate) fn counts(&mut self, session: i64, machine: usize, unaccounted: u64) -> Judged {
        let name = self.name_of(session)?;
        self.counted(&name, machine, Some(unaccounted))?;
        if let Some(of) = self.sessions.get_mut(&name) {
            of.is_counted = true;
        }
        Ok(())
    }

    /// A session's submit may be on the wire from now on.
    pub(crate) fn submits(&mut self, session: i64, machine: usize) -> Judged {
        let name = self.name_of(session)?;
        if let Some(of) = self.sessions.get(&name)
            && of.doubted
            && !of.is_counted
        {
            self.counted(&name, machine, None)?;
        }
        self.notes_submitting(&name);
        Ok(())
    }

    /// How many items are confirmed, twins included, and failed.
    pub(crate) fn ended(&self) -> [u64; 2] {
        let count = |of: fn(&State) -> bool| self.items.values().filter(|item| of(&item.state)).count() as u64;
        [
            count(|state| matches!(state, State::Confirmed(_) | State::Duplicate)),
            count(|state| matches!(state, State::Failed(_))),
        ]
    }
}
