//! What an operator puts right or gives up: items that are set back to work, rows that are fed back, sessions that are
//! submitted without what failed, sessions that are dropped.

use std::collections::HashSet;
use std::path::Path;

use crate::backfill::{Accepted, Backfill, Retry};
use crate::batch::Edits;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, Row};
use crate::ready::{Changed, Then, Wiring, account_of};
use crate::results;
use crate::store::{LeaveOut, LeftOut, Mend, Mended, Which};

impl Backfill {
    /// Sets items back to work; how many. A manifest in which failed rows were put right is taken in: they
    /// name other files now, or other contexts.
    ///
    /// # Errors
    /// Settings that make no sense, what the store says; `Mismatch` for another manifest, other rules or another
    /// account.
    pub async fn retry(&self, which: Retry, wiring: &Wiring, accepted: Accepted, then: Then) -> Result<Changed> {
        let account = account_of(&self.config, &self.manifest, then, wiring)?;
        let batch = self.opened(&wiring.policy, accepted, account, Edits::OfFailedRows).await?;
        let which = if which == Retry::Failed { Which::Failed } else { Which::Both };
        Ok(Changed { items: batch.store.retry(which).await?, notices: batch.notices })
    }

    /// Leaves what failed of these subjects or sessions out for good, so that they are submitted with the rest.
    /// How many items were left out.
    ///
    /// # Errors
    /// `Config` for a key that no session has, or whose session cannot be submitted so, and settings with which no
    /// run could follow; then nothing is changed. What the store says; `Mismatch` for another manifest, other rules
    /// or another account.
    pub async fn submit_incomplete(&self, keys: &[String], wiring: &Wiring, accepted: Accepted) -> Result<Changed> {
        self.leave_out(keys, LeaveOut::Failed, wiring, accepted).await
    }

    /// Gives these subjects or sessions up: nothing more is sent to them, and they are not submitted. How many
    /// items were left out; what is confirmed stays confirmed.
    ///
    /// # Errors
    /// As [`Self::submit_incomplete`].
    pub async fn drop_sessions(&self, keys: &[String], wiring: &Wiring, accepted: Accepted) -> Result<Changed> {
        self.leave_out(keys, LeaveOut::Everything, wiring, accepted).await
    }

    async fn leave_out(&self, keys: &[String], what: LeaveOut, wiring: &Wiring, accepted: Accepted) -> Result<Changed> {
        let account = account_of(&self.config, &self.manifest, Then::Run, wiring)?;
        let batch = self.batch(&wiring.policy, accepted, account).await?;
        let mut met = HashSet::new();
        let keys: Vec<String> = keys.iter().filter(|key| met.insert(key.as_str())).cloned().collect();
        let mut items = 0;
        for (left, key) in batch.store.leave_out(keys.clone(), what).await?.into_iter().zip(&keys) {
            let why = match left {
                LeftOut::Done(n) => {
                    items += n;
                    continue;
                }
                LeftOut::Unknown => "is no subject or session of this journal",
                LeftOut::Closed => "is submitted already, or was dropped",
                LeftOut::NothingFailed => "has no failed item",
                LeftOut::NothingConfirmed => "has no confirmed item: there is nothing to submit",
            };
            return Err(Error::new(ErrorKind::Config, format!("`{key}` {why}; nothing was left out")));
        }
        Ok(Changed { items, notices: batch.notices })
    }

    /// Takes mended rows in: `from` has the manifest's columns, and those of `failed.csv` that say
    /// which row each was. A row goes to the session that it names, the one that is open included; one
    /// that names no line is added.
    ///
    /// # Errors
    /// `Manifest` for a row that still cannot be read, that stands for none, or for the same as another, and settings
    /// that make no sense; then none is taken. What the store says; `Mismatch` for another manifest, other rules or
    /// another account.
    pub async fn mend(&self, from: &Path, wiring: &Wiring, accepted: Accepted, then: Then) -> Result<Changed> {
        let account = account_of(&self.config, &self.manifest, then, wiring)?;
        let mended = Manifest::open(from)?;
        let mut rows = Vec::new();
        for row in mended.rows()? {
            rows.push(mended_row(row?, from)?);
        }
        let lines: Vec<Option<u64>> = rows.iter().map(|mended| mended.line).collect();
        let mut met = HashSet::new();
        if let Some(twice) = lines.iter().flatten().find(|line| !met.insert(**line)) {
            let message = format!("{}: two rows stand for line {twice}; nothing was taken in", from.display());
            return Err(Error::new(ErrorKind::Manifest, message));
        }
        let batch = self.batch(&wiring.policy, accepted, account).await?;
        let mut items = 0;
        for (ended, line) in batch.store.mend(rows).await?.into_iter().zip(lines) {
            let refuse = |why: &str| {
                let line = line.map_or_else(|| "a new row".to_owned(), |line| format!("the row of line {line}"));
                let message = format!("{}: {line} {why}; nothing was taken in", from.display());
                Err(Error::new(ErrorKind::Manifest, message))
            };
            match ended {
                Mend::Taken => items += 1,
                // Of the row that was refused is said why.
                Mend::Withheld => {}
                Mend::NoSuchLine => return refuse("is no failed row of this journal"),
                Mend::Several => return refuse("stands for several failed rows: without its line it is a new one"),
                Mend::Submitted => return refuse("belongs to a session that is submitted and takes nothing more"),
            }
        }
        Ok(Changed { items, notices: batch.notices })
    }
}

/// A row of a file that was fed back, and the line that it says it stands for.
fn mended_row(mut row: Row, from: &Path) -> Result<Mended> {
    if let Some(bad) = &row.bad {
        return Err(Error::new(ErrorKind::Manifest, format!("{}, {}", from.display(), bad.message)));
    }
    let mut extra: serde_json::Map<String, serde_json::Value> =
        row.extra.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let line = extra.get(results::LINE).and_then(|line| line.as_str()).map(str::trim).unwrap_or_default().to_owned();
    extra.retain(|name, _| !results::is_why(name));
    row.extra = (!extra.is_empty()).then(|| serde_json::Value::Object(extra).to_string());
    let line = match line.as_str() {
        "" => {
            // Its line is one of this file, and the manifest has another row there.
            row.line = 0;
            None
        }
        text => Some(text.parse().map_err(|_| {
            let message = format!("{}, line {}: `{}` is no line: {text}", from.display(), row.line, results::LINE);
            Error::new(ErrorKind::Manifest, message)
        })?),
    };
    Ok(Mended { line, row })
}
