//! What an operator puts right or gives up: rows that are fed back, sessions that are submitted without what
//! failed, sessions that are dropped.

use std::path::Path;

use crate::backfill::{Accepted, Backfill};
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, Row};
use crate::results;
use crate::store::{LeaveOut, LeftOut, Mend, Mended};

impl Backfill {
    /// Leaves what failed of these subjects or sessions out for good, so that they are submitted with the rest.
    /// How many items were left out.
    ///
    /// # Errors
    /// `Config` for a key that no session has, or whose session cannot be submitted so; then none is changed of
    /// it. What the store says; `Mismatch` for another manifest or other rules.
    pub async fn submit_incomplete(&self, keys: &[String], policy: &str, accepted: Accepted) -> Result<u64> {
        self.leave_out(keys, LeaveOut::Failed, policy, accepted).await
    }

    /// Gives these subjects or sessions up: nothing more is sent to them, and they are not submitted. How many
    /// items were left out; what is confirmed stays confirmed.
    ///
    /// # Errors
    /// As [`Self::submit_incomplete`].
    pub async fn drop_sessions(&self, keys: &[String], policy: &str, accepted: Accepted) -> Result<u64> {
        self.leave_out(keys, LeaveOut::Everything, policy, accepted).await
    }

    async fn leave_out(&self, keys: &[String], what: LeaveOut, policy: &str, accepted: Accepted) -> Result<u64> {
        let batch = self.batch(policy, accepted, None).await?;
        let mut items = 0;
        for (left, key) in batch.store.leave_out(keys.to_vec(), what).await?.into_iter().zip(keys) {
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
            return Err(Error::new(ErrorKind::Config, format!("`{key}` {why}")));
        }
        Ok(items)
    }

    /// Takes mended rows in: `from` has the manifest's columns, and those of `failed.csv` that say
    /// which row each was. A row goes to the session that it names, the one that is open included; one
    /// that names no line is added.
    ///
    /// # Errors
    /// `Manifest` for a row that still cannot be read, or that stands for none; then none is taken.
    pub async fn mend(&self, from: &Path, policy: &str, accepted: Accepted) -> Result<u64> {
        let mended = Manifest::open(from)?;
        let mut rows = Vec::new();
        for row in mended.rows()? {
            rows.push(mended_row(row?, from)?);
        }
        let batch = self.batch(policy, accepted, None).await?;
        let lines: Vec<Option<u64>> = rows.iter().map(|mended| mended.line).collect();
        let mut taken = 0;
        for (ended, line) in batch.store.mend(rows).await?.into_iter().zip(lines) {
            let refuse = |why: &str| {
                let line = line.map_or_else(|| "a new row".to_owned(), |line| format!("the row of line {line}"));
                Err(Error::new(ErrorKind::Manifest, format!("{}: {line} {why}", from.display())))
            };
            match ended {
                Mend::Taken => taken += 1,
                Mend::NoSuchLine => return refuse("is no failed row of this journal"),
                Mend::Submitted => return refuse("belongs to a session that is submitted and takes nothing more"),
            }
        }
        Ok(taken)
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
        "" => None,
        text => Some(text.parse().map_err(|_| {
            let message = format!("{}, line {}: `{}` is no line: {text}", from.display(), row.line, results::LINE);
            Error::new(ErrorKind::Manifest, message)
        })?),
    };
    Ok(Mended { line, row })
}
