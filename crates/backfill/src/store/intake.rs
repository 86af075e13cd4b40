//! The import of rows, but for asking: which statements with which parameters, whatever the dialect. Whoever asks is a
//! loop over the sessions of consecutive rows.

use sealpress_pipeline::planted::{self, Bug};

use super::schema;
use super::state::SessionState;
use super::value::Value;
use crate::error::Result;
use crate::manifest::Row;

/// How far the tables are filled: parameters of [`Intake::new`].
pub(crate) const LAST_ITEM: &str = "SELECT COALESCE(MAX(id), 0) FROM items";
pub(crate) const LAST_SESSION: &str = "SELECT COALESCE(MAX(id), 0) FROM sessions";

/// An import under way.
pub(crate) struct Intake {
    next_item: i64,
    next_session: i64,
}

/// The session that rows are of.
pub(crate) struct Met {
    id: i64,
    is_closed: bool,
    /// Rows of which no item will come.
    bad: i64,
}

impl Intake {
    pub(crate) const fn new(last_item: i64, last_session: i64) -> Self {
        Self { next_item: last_item + 1, next_session: last_session + 1 }
    }

    /// The parameters of `MEET_SESSION`, unless the rows are nobody's.
    pub(crate) fn meets(&self, rows: &[Row]) -> Option<Vec<Value>> {
        let who = rows.iter().find_map(|row| row.who.as_ref())?;
        Some(schema::session_values(self.next_session, who, rows.iter().filter(is_counted).count()))
    }

    /// What it answered.
    pub(crate) fn met(&mut self, rows: &[Row], (id, state): (i64, i64)) -> Result<Met> {
        self.next_session = self.next_session.max(id + 1);
        let state: SessionState = schema::session_state(state)?;
        let is_closed = schema::is_closed(state);
        let bad = rows.iter().filter(is_counted).filter(|row| is_closed || row.bad.is_some()).count() as i64;
        Ok(Met { id, is_closed, bad })
    }

    /// The parameters of `ADD_ITEM`, for each row.
    pub(crate) fn items<'a>(
        &'a mut self,
        rows: &'a [Row],
        met: Option<&'a Met>,
    ) -> impl Iterator<Item = Vec<Value>> + 'a {
        rows.iter().map(move |row| {
            let mut row = row.clone();
            if met.is_some_and(|met| met.is_closed) {
                row.bad.get_or_insert_with(|| schema::too_late(row.line));
            }
            let values = schema::item_values(self.next_item, met.map(|met| met.id), &row);
            self.next_item += 1;
            values
        })
    }
}

impl Met {
    /// The parameters of `COUNT_BAD_ROW`, where there is a bad one.
    pub(crate) fn bad(&self) -> Option<[Value; 2]> {
        (self.bad > 0).then_some([Value::Int(self.id), Value::Int(self.bad)])
    }
}

/// Rows of one session that follow one another.
pub(crate) fn groups(rows: &[Row]) -> impl Iterator<Item = &[Row]> {
    rows.chunk_by(Row::same_session)
}

fn is_counted(row: &&Row) -> bool {
    row.bad.is_none() || !planted::is(Bug::BadRowUncounted)
}
