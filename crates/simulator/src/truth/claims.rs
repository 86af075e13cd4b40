//! What a shared journal adds: whose a session is, and what the journal says of sessions by their numbers.

use super::{Judged, State, Truth};

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

    /// A session is a process's until another one has it.
    pub(crate) fn claims(&mut self, session: i64, machine: usize) {
        if let Ok(name) = self.name_of(session) {
            self.holders.insert(name, machine);
        }
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

    /// Nobody knows of an item whether it arrived.
    pub(crate) fn quarantines(&self, item: u64) -> Judged {
        match self.sending.contains(&item) {
            true => Ok(()),
            false => Err(format!("item {item} is in quarantine, and was not on the wire")),
        }
    }

    /// A session's media were counted.
    pub(crate) fn counts(&mut self, session: i64, unaccounted: u64) -> Judged {
        let name = self.name_of(session)?;
        self.counted(&name, Some(unaccounted))?;
        if let Some(of) = self.sessions.get_mut(&name) {
            of.is_counted = true;
        }
        Ok(())
    }

    /// A session's submit may be on the wire from now on.
    pub(crate) fn submits(&mut self, session: i64) -> Judged {
        let name = self.name_of(session)?;
        if let Some(of) = self.sessions.get(&name)
            && of.doubted
            && !of.is_counted
        {
            self.counted(&name, None)?;
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
