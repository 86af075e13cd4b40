//! A manifest that was edited after its journal was begun: rows whose items failed may name another file,
//! context or owner now. Any other row must be as it was.

use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::extent::{READ, note_extent};
use crate::manifest::{Manifest, Row, Who};
use crate::store::state::ItemState;
use crate::store::{Mend, Mended, Only, Record, Store};

/// Records in memory at a time.
const PAGE: usize = 4096;

/// Takes the rows that were put right; how many.
///
/// # Errors
/// `Mismatch` where other rows were changed, were taken away or are in another order; then none is taken.
pub(crate) async fn take(store: &dyn Store, manifest: &Manifest, fingerprint: String) -> Result<usize> {
    let mut rows = manifest.rows()?;
    let (mut mended, mut read, mut after) = (Vec::new(), 0, 0);
    let mut row = rows.next().transpose()?;
    loop {
        let page = store.page(after, PAGE, Only::All).await?;
        let Some(last) = page.last() else { break };
        after = last.item.id;
        for record in &page {
            // Rows that were fed back in a file of their own are not the manifest's.
            let Some(now) = row.as_ref().filter(|row| row.line == record.line) else { continue };
            if !is_same(now, record) {
                mended.push(put_right(now, record, manifest)?);
            }
            read += 1;
            row = rows.next().transpose()?;
        }
    }
    let known = store.fact(READ).await?.and_then(|text| text.parse::<usize>().ok());
    if known.is_none_or(|known| read < known) {
        return Err(refused(manifest, "rows were taken away, or moved"));
    }
    // What is left was added behind the last.
    while let Some(new) = row {
        if let Some(bad) = &new.bad {
            return Err(refused(manifest, &bad.message));
        }
        mended.push(Mended { line: None, row: new });
        read += 1;
        row = rows.next().transpose()?;
    }
    let n = mended.len();
    for ended in store.mend(mended).await? {
        if ended != Mend::Taken {
            return Err(refused(manifest, "a row belongs to a session that is submitted and takes nothing more"));
        }
    }
    note_extent(store, manifest, read).await?;
    store.finish_import(fingerprint, true).await?;
    Ok(n)
}

fn put_right(now: &Row, record: &Record, manifest: &Manifest) -> Result<Mended> {
    if let Some(bad) = &now.bad {
        return Err(refused(manifest, &bad.message));
    }
    if record.item.state != ItemState::Failed {
        let state = record.item.state.as_str();
        return Err(refused(manifest, &format!("line {} is another, and its item is {state}", record.line)));
    }
    Ok(Mended { line: Some(record.line), row: now.clone() })
}

fn is_same(row: &Row, record: &Record) -> bool {
    let item = &record.item;
    let same_owner = match &row.who {
        Some(Who::Session(id)) => record.subject.is_none() && record.remote.as_ref() == Some(id),
        Some(Who::Subject { subject, .. }) => record.subject.as_ref() == Some(subject),
        None => record.subject.is_none() && record.remote.is_none(),
    };
    // A row that could not be read and can be now is another, whatever its columns say.
    let same_text = row.raw == record.raw;
    let same_columns = row.burst == item.burst && row.extra == record.extra;
    same_owner
        && same_text
        && row.context == item.context
        && row.media == item.media
        && row.timestamp == item.timestamp
        && (same_columns || is_carried(row, record))
}

/// Whether the other columns are the same to a version that only carried the column `burst` through.
fn is_carried(row: &Row, record: &Record) -> bool {
    let columns = |text: &Option<String>| -> Map<String, Value> {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let mut known = columns(&record.extra);
    let Some(name) = known.keys().find(|name| name.eq_ignore_ascii_case("burst")).cloned() else { return false };
    let carried = known.remove(&name);
    let carried = carried.as_ref().and_then(Value::as_str).map(str::trim).unwrap_or_default();
    record.item.burst.is_none() && carried == row.burst.as_deref().unwrap_or_default() && known == columns(&row.extra)
}

fn refused(manifest: &Manifest, why: &str) -> Error {
    let message = format!(
        "the manifest {} was changed since this journal was begun: {why}. Only rows that failed may be edited, and \
         rows be added at the end",
        manifest.path().display()
    );
    Error::new(ErrorKind::Mismatch, message)
}
