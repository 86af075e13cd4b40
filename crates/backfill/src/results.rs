//! What a run leaves behind: a line of JSON per item, and the failed rows in the manifest's own
//! columns, to be mended and fed back. Both are made from the journal, so they cannot disagree
//! with it, and appear under their names only when they are whole.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sealpress_client::{Context, Decided, MediaId, SessionId};
use sealpress_media::{Fault, Format, Judged, Summary};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::hex;
use crate::run::note::{Note, Stages};
use crate::store::state::Via;
use crate::store::{Item, Only, Record, Store};

pub(crate) const RESULTS: &str = "results.jsonl";
pub(crate) const FAILED: &str = "failed.csv";
/// Columns that say why, behind the manifest's own.
const WHY: [&str; 5] = ["error_kind", "error_fault", "error_message", LINE, "error_row"];
/// The column that says which row of the manifest this was.
pub(crate) const LINE: &str = "error_line";
/// Whether a column is one of those.
pub(crate) fn is_why(column: &str) -> bool {
    WHY.contains(&column)
}

/// The fact that says that rows of sessions for which better media are wanted stand in `failed.csv`.
pub(crate) const WITH_WANTED: &str = "failed-has-resubmissions";
/// The reason of such rows.
const WANTED: &str = "resubmission";

/// Records in memory at a time.
const PAGE: usize = 4096;

/// One line of `results.jsonl`. The names are a promise.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<&'a SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_state: Option<&'static str>,
    context: &'a Context,
    media: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    /// Of which burst it is a frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<&'a str>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_id: Option<&'a MediaId>,
    /// Of an item that leaves as several files, those that the provider has, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pieces: Vec<Sent<'a>>,
    /// `receipt`, `listing` or `duplicate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'static str>,
    attempts: u32,
    /// Attempts that were in doubt, and looked up.
    #[serde(skip_serializing_if = "is_zero")]
    doubts: u32,
    /// The same by its name of before, for one release.
    #[serde(skip_serializing_if = "is_zero")]
    ambiguous: u32,
    /// Media of its session that no item accounts for: recorded twice, or somebody else's.
    #[serde(skip_serializing_if = "is_none_of")]
    unaccounted: u64,
    /// The row as the manifest has it, where it could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<Vec<u32>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    /// What was measured of a picture, and what follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    preflight: Option<Judged>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<Stages>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Why<'a>>,
    /// What was decided of its session.
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a Decided>,
    #[serde(skip_serializing_if = "Option::is_none")]
    extra: Option<Map<String, Value>>,
}

/// One of several files that an item left as.
#[derive(Serialize)]
struct Sent<'a> {
    media_id: &'a MediaId,
    /// Which page of the document it shows, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
}

#[derive(Serialize)]
struct Why<'a> {
    kind: &'a str,
    fault: Fault,
    message: &'a str,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn is_none_of(n: &u64) -> bool {
    *n == 0
}

/// Writes both files into `folder`; returns how many items failed or are in quarantine.
///
/// # Errors
/// `Io` where a file cannot be written.
pub(crate) async fn write(store: &dyn Store, columns: &[String], folder: &Path) -> Result<u64> {
    let mut results = Whole::create(folder.join(RESULTS))?;
    let mut after = 0;
    loop {
        let page = store.page(after, PAGE, Only::All).await?;
        let Some(last) = page.last() else { break };
        after = last.item.id;
        for record in &page {
            serde_json::to_writer(&mut results.file, &line(record)).map_err(|e| results.failed(e))?;
            results.file.write_all(b"\n").map_err(|e| results.failed(e))?;
        }
    }
    results.finish()?;

    let failed = Whole::create(folder.join(FAILED))?;
    let path = failed.path.clone();
    let broken = |e: csv::Error| Error::caused(ErrorKind::Io, format!("{} cannot be written", path.display()), e);
    let mut table = csv::Writer::from_writer(failed);
    // A list that was fed back before has our columns already.
    let columns: Vec<&str> = columns.iter().map(String::as_str).filter(|c| !WHY.contains(c)).collect();
    table.write_record(columns.iter().copied().chain(WHY)).map_err(broken)?;
    let with_wanted = store.fact(WITH_WANTED).await?.is_some();
    let only = if with_wanted { Only::BadOrWantedAgain } else { Only::Bad };
    let (mut after, mut bad) = (0, 0);
    loop {
        let page = store.page(after, PAGE, only).await?;
        let Some(last) = page.last() else { break };
        after = last.item.id;
        for record in &page {
            table.write_record(row(record, &columns)).map_err(broken)?;
            bad += 1;
        }
    }
    let whole =
        table.into_inner().map_err(|e| Error::caused(ErrorKind::Io, "failed.csv cannot be written", e.to_string()))?;
    whole.finish()?;
    Ok(bad)
}

fn line(record: &Record) -> Line<'_> {
    let item = &record.item;
    let note = record.report.as_deref().and_then(Note::stored);
    let summary = note.as_ref().and_then(|note| note.summary.as_ref());
    let names = |notes: &[sealpress_media::Note]| notes.iter().map(|note| note.name.clone()).collect();
    Line {
        line: record.line,
        subject: record.subject.as_deref(),
        session: record.remote.as_ref(),
        session_state: record.session_state.map(|s| s.as_str()),
        context: &item.context,
        media: &item.media,
        timestamp: item.timestamp.as_deref(),
        burst: item.burst.as_deref(),
        state: item.state.as_str(),
        media_id: item.media_id.as_ref().filter(|_| item.before.is_empty()),
        pieces: pieces(item, summary),
        via: record.item.via.map(|v| v.as_str()),
        attempts: item.attempt,
        doubts: item.doubts,
        ambiguous: item.doubts,
        // Said of the items that may have left them.
        unaccounted: record.unaccounted.filter(|_| item.doubts > 0).unwrap_or(0),
        row: record.raw.as_deref().map(|raw| String::from_utf8_lossy(raw).into_owned()),
        sha256: item.sha256.map(|hash| hex(&hash)),
        bytes_in: record.bytes_in,
        bytes_out: item.all_bytes_out(),
        mime: item.format.map(Format::mime),
        pages: summary.and_then(|done| done.pages.clone()),
        actions: summary.map(|done| names(&done.actions)).unwrap_or_default(),
        warnings: summary.map(|done| names(&done.warnings)).unwrap_or_default(),
        preflight: summary.and_then(|done| done.judged.as_deref().cloned()),
        ms: note.as_ref().map(|note| note.ms),
        error: record.failure.as_ref().map(|f| Why { kind: &f.reason, fault: f.fault, message: &f.message }),
        decision: record.decided.as_ref(),
        extra: extra(record),
    }
}

fn pieces<'a>(item: &'a Item, summary: Option<&Summary>) -> Vec<Sent<'a>> {
    let pages = summary.and_then(|done| done.pages.as_deref()).unwrap_or_default();
    let sent = |(n, (media_id, via, bytes_out)): (usize, (&'a MediaId, Option<Via>, Option<u64>))| Sent {
        media_id,
        page: pages.get(n).copied(),
        via: via.map(|via| via.as_str()),
        bytes_out,
    };
    if item.before.is_empty() {
        return Vec::new();
    }
    let before = item.before.iter().map(|piece| (&piece.media_id, piece.via, piece.bytes_out));
    let last = item.media_id.as_ref().map(|media_id| (media_id, item.via, item.bytes_out));
    before.chain(last).enumerate().map(sent).collect()
}

fn extra(record: &Record) -> Option<Map<String, Value>> {
    record.extra.as_deref().and_then(|text| serde_json::from_str(text).ok())
}

fn row(record: &Record, columns: &[&str]) -> Vec<Vec<u8>> {
    let item = &record.item;
    let extra = extra(record).unwrap_or_default();
    let own = |name: &str| match name {
        // A session that we made belongs to its subject's row.
        "session" if record.subject.is_none() => record.remote.as_ref().map(SessionId::as_str),
        "subject" => record.subject.as_deref(),
        "first_name" => record.first_name.as_deref(),
        "last_name" => record.last_name.as_deref(),
        "vendor_data" => record.vendor_data.as_deref(),
        "context" => Some(item.context.as_str()),
        "media" => Some(item.media.as_str()),
        "timestamp" => item.timestamp.as_deref(),
        "burst" => item.burst.as_deref(),
        _ => None,
    };
    let value = |name: &&str| match own(name).or_else(|| extra.get(*name).and_then(Value::as_str)) {
        Some(text) => text.as_bytes().to_vec(),
        None => Vec::new(),
    };
    let wanted = record.decided.as_ref().filter(|_| !item.state.is_bad());
    let words = wanted.map_or_else(String::new, |decided| {
        let code = decided.reason_code.as_deref().map_or_else(String::new, |code| format!(" ({code})"));
        format!("better media are wanted{code}: {}", decided.reason.as_deref().unwrap_or("no reason given"))
    });
    let why = match &record.failure {
        _ if wanted.is_some() => [WANTED, Fault::Input.as_str(), &words],
        Some(why) => [why.reason.as_str(), why.fault.as_str(), &why.message],
        None => [item.state.as_str(), "", ""],
    };
    // The row as it stands, whatever bytes it has: what was read of it stands in its columns.
    let raw = record.raw.clone().unwrap_or_default();
    let why = why.map(|text| text.as_bytes().to_vec()).into_iter().chain([record.line.to_string().into_bytes()]);
    columns.iter().map(value).chain(why).chain([raw]).collect()
}

/// A file that gets its name when it is whole and on disk.
pub(crate) struct Whole {
    file: BufWriter<File>,
    part: PathBuf,
    path: PathBuf,
}

impl Whole {
    pub(crate) fn create(path: PathBuf) -> Result<Self> {
        let mut part = path.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = crate::private::replaceable(&path)
            .and_then(|()| crate::private::create(&part))
            .map_err(|e| Error::caused(ErrorKind::Io, format!("{} cannot be written", path.display()), e))?;
        Ok(Self { file: BufWriter::with_capacity(1 << 18, file), part, path })
    }

    fn failed(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
        Error::caused(ErrorKind::Io, format!("{} cannot be written", self.part.display()), error)
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        let done = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        done.and_then(|()| std::fs::rename(&self.part, &self.path)).map_err(|e| self.failed(e))
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
