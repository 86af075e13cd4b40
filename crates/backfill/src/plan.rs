//! What a run would do, without doing it: every row is read, every file's first bytes are seen, and
//! every object's host is asked for its size.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use icu_normalizer::ComposingNormalizerBorrowed;
use sealpress_client::Context;
use sealpress_media::{Format, Media};
use sealpress_pipeline::{Press, Probe};

use crate::config::Config;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest::{Manifest, Row, Who, is_uuid};
use crate::run::RunOptions;
use crate::source::{Found, Object, Sources};

/// Problems that are spelled out; the rest is counted.
const SHOWN: usize = 10;
/// What one worker does in a second, for the estimate: a photo of 12 MP takes 60 to 120 ms of a CPU.
const ITEMS_PER_SECOND_AND_WORKER: f64 = 10.0;
/// Objects that are asked for at a time, and rows between two looks at them.
const ASKED: usize = 16;
const ROWS: usize = 1024;
/// Documents that are opened: an archive of a million is not read whole for a plan.
const OPENED: u64 = 1000;
/// Pages of a document that are sent at most.
const PAGES_SENT: u32 = 5;

/// What a run would do.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// Rows of the manifest.
    pub rows: u64,
    /// Sessions that they belong to.
    pub sessions: u64,
    /// Sessions that have to be made.
    pub subjects: u64,
    /// Bytes of the files and objects that were looked at.
    pub bytes: u64,
    /// Rows whose size nobody says.
    pub bytes_unknown: u64,
    /// Documents among the files.
    pub documents: u64,
    /// Of these, those that were opened: the first thousand that need no password.
    pub documents_opened: u64,
    /// Pages of the documents that were opened.
    pub pages: u64,
    /// Files that these leave as beyond the first, where pages leave one by one.
    #[serde(skip)]
    further: u64,
    /// Frames that will be left out, since others of their burst are better.
    pub not_chosen: u64,
    /// Rows that will fail.
    pub bad: u64,
    /// Rows of which nobody knows whose they are: nothing is submitted while they stand.
    pub unowned: u64,
    /// Rows that name a file again which their session and context have already.
    pub duplicates: u64,
    /// Good rows by context.
    pub contexts: BTreeMap<String, u64>,
    /// Subjects that differ from another one by case, spaces or quotes alone: a slip, as often as not.
    pub look_alikes: u64,
    /// The first of them, each with its line.
    pub look_alike: Vec<String>,
    /// The first problems, each with its line and the file as the manifest names it.
    pub problems: Vec<String>,
    /// Files of a folder that are no media and are left out, the first of them.
    pub left_out: Vec<String>,
    /// How many there are.
    pub left_out_count: u64,
    /// Requests to the provider: sessions, uploads, counts and submissions.
    pub requests: u64,
    /// Estimate of a run's time, in seconds.
    pub seconds: f64,
}

/// Reads the whole manifest, looks at every file and asks for every object's size, and sends nothing.
/// Documents are opened by the press, the first of them.
pub(crate) async fn plan(config: &Config, manifest: &Manifest, press: &Arc<dyn Press>) -> Result<Plan> {
    // What nothing could be prepared with is said before anything else.
    press.check().map_err(sealpress_pipeline::Error::from)?;
    let options = config.run_options()?;
    let sources = Arc::new(Sources::new(manifest.base(), &config.roots(), config.sources()?, options.pipeline.memory)?);
    let mut rows = manifest.rows()?;
    let mut plan = Plan::default();
    // Hashes of keys: millions of sessions fit.
    let mut seen = Seen { best: options.best, ..Seen::default() };
    let limit = options.pipeline.max_input;
    loop {
        let (sources, press) = (Arc::clone(&sources), Arc::clone(press));
        let (mut taken, mut seen_so_far) = (plan, seen);
        let look = move || -> Result<_> {
            let mut objects = Vec::new();
            let mut last = true;
            for row in rows.by_ref().take(ROWS) {
                last = false;
                taken.take(&row?, &sources, &*press, &mut seen_so_far, limit, &mut objects);
            }
            Ok((rows, taken, seen_so_far, objects, last))
        };
        let objects;
        let last;
        (rows, plan, seen, objects, last) = tokio::task::spawn_blocking(look)
            .await
            .map_err(|e| Error::caused(ErrorKind::Manifest, "reading the manifest broke off", e))??;
        plan.ask(objects, limit).await;
        if last {
            break;
        }
    }
    let left = manifest.left_out()?;
    plan.left_out_count = left.len() as u64;
    plan.left_out = left.iter().take(SHOWN).map(|path| path.display().to_string()).collect();
    plan.estimate(&options);
    Ok(plan)
}

#[derive(Default)]
struct Seen {
    sessions: HashSet<u64>,
    folded: HashSet<u64>,
    files: HashSet<u64>,
    /// Frames by burst.
    bursts: HashMap<u64, usize>,
    /// How many of a burst are sent.
    best: Option<usize>,
}

/// An object that is to be asked for, with its row's line and name.
type Asked = (u64, String, Object);

impl Plan {
    fn take(
        &mut self,
        row: &Row,
        sources: &Sources,
        press: &dyn Press,
        seen: &mut Seen,
        limit: u64,
        objects: &mut Vec<Asked>,
    ) {
        self.rows += 1;
        let key = row.who.as_ref().map(Who::key);
        match (&row.who, &key) {
            (Some(who), Some(key)) => {
                if seen.sessions.insert(hash(key)) {
                    self.sessions += 1;
                    self.subjects += u64::from(matches!(who, Who::Subject { .. }));
                    self.compare(row.line, who, seen);
                }
            }
            _ => self.unowned += 1,
        }
        if let Some(bad) = &row.bad {
            return self.problem(bad.message.clone());
        }
        *self.contexts.entry(row.context.to_string()).or_default() += 1;
        if let Some(key) = key
            && !seen.files.insert(hash(&format!("{key}\n{}\n{}", row.context, row.media)))
        {
            self.duplicates += 1;
        }
        if let (Some(best), Some(burst), Some(who)) = (seen.best, &row.burst, &row.who) {
            let frames = seen.bursts.entry(hash(&format!("{}\n{}\n{burst}", who.key(), row.context))).or_default();
            *frames += 1;
            self.not_chosen += u64::from(*frames > best);
        }
        let (line, media) = (row.line, &row.media);
        let session = match &row.who {
            Some(Who::Session(id)) if !is_uuid(id.as_str()) => {
                Some(format!("line {line}: `{id}` is no session id, which is a UUID"))
            }
            _ => None,
        };
        let named = |why: String| format!("line {line}: {media}: {why}");
        let found = match (
            session.or_else(|| context_problem(&row.context).map(|why| format!("line {line}: {why}"))),
            sources.find(media),
        ) {
            (Some(problem), _) => Err(problem),
            (None, Ok(Found::File(path))) => look_at(&path, limit)
                .and_then(|(bytes, format)| self.open(&path, format, press).map(|()| bytes))
                .map_err(named),
            (None, Ok(Found::Elsewhere(_))) => Ok(0),
            (None, Ok(Found::Object(object))) => {
                objects.push((line, media.clone(), *object));
                Ok(0)
            }
            (None, Err(failure)) => Err(named(failure.message)),
        };
        match found {
            Ok(bytes) => self.bytes += bytes,
            Err(problem) => self.problem(problem),
        }
    }

    fn compare(&mut self, line: u64, who: &Who, seen: &mut Seen) {
        let Who::Subject { subject, .. } = who else { return };
        if !seen.folded.insert(hash(&folded(subject))) {
            self.look_alikes += 1;
            if self.look_alike.len() < SHOWN {
                self.look_alike.push(format!("line {line}: `{subject}` is nearly another subject"));
            }
        }
    }

    /// Counts the pages of a document, as long as few were opened: each is read whole.
    fn open(&mut self, path: &Path, format: Format, press: &dyn Press) -> Result<(), String> {
        if format.is_image() {
            return Ok(());
        }
        self.documents += 1;
        if self.documents > OPENED {
            return Ok(());
        }
        let bytes = std::fs::read(path).map_err(unreadable)?;
        let media = Media::sniff(bytes).map_err(|e| e.to_string())?;
        let looked = press.plan(&media).map_err(|e| sealpress_pipeline::Error::from(e).to_string())?;
        if let Probe::Document { pages: Some(pages), .. } = looked.probe {
            self.documents_opened += 1;
            self.pages += u64::from(pages);
            self.further += u64::from(pages.min(PAGES_SENT).saturating_sub(1));
        }
        Ok(())
    }

    /// Asks for the heads of objects, some at a time.
    async fn ask(&mut self, objects: Vec<Asked>, limit: u64) {
        let asked = stream::iter(objects).map(|(line, media, mut object)| async move {
            use sealpress_pipeline::Fetch as _;
            (line, media, object.size().await)
        });
        let answers: Vec<_> = asked.buffered(ASKED).collect().await;
        for (line, media, size) in answers {
            match size {
                Ok(Some(size)) if size > limit => {
                    self.problem(format!("line {line}: {media}: {size} bytes, more than is read"));
                }
                Ok(Some(size)) => self.bytes += size,
                Ok(None) => self.bytes_unknown += 1,
                Err(e) => self.problem(format!("line {line}: {media}: {e}")),
            }
        }
    }

    fn problem(&mut self, problem: String) {
        self.bad += 1;
        if self.problems.len() < SHOWN {
            self.problems.push(problem);
        }
    }

    fn estimate(&mut self, options: &RunOptions) {
        let items = self.rows.saturating_sub(self.bad + self.duplicates + self.not_chosen);
        // Those that were not opened are taken to be like the others.
        let further = match (options.pieces, self.documents_opened) {
            (true, opened) if opened > 0 => self.further.saturating_mul(self.documents) / opened,
            _ => 0,
        };
        // One to make a session, one per file, one to count its media and one to submit it.
        self.requests = self.subjects + items + further + 2 * self.sessions;
        let by_cpu = items as f64 / (ITEMS_PER_SECOND_AND_WORKER * options.pipeline.workers.get() as f64);
        let by_rate = options.pipeline.rps.map_or(0.0, |rps| self.requests as f64 / rps);
        // What is sent is a fraction of the files; base64 adds a third to it.
        let by_bytes = options.pipeline.max_bytes_per_s.map_or(0.0, |limit| self.bytes as f64 / 3.0 / limit as f64);
        self.seconds = by_cpu.max(by_rate).max(by_bytes);
    }
}

fn unreadable(e: std::io::Error) -> String {
    sealpress_pipeline::Error::unreadable(e).to_string()
}

/// The size of a file whose first bytes are those of something that is sent.
fn look_at(path: &Path, limit: u64) -> Result<(u64, Format), String> {
    let size = std::fs::metadata(path).map_err(unreadable)?.len();
    if size == 0 {
        return Err("the file is empty".to_owned());
    }
    if size > limit {
        return Err(format!("{size} bytes, more than is read"));
    }
    let mut head = Vec::new();
    let opened = std::fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    opened.map_err(unreadable)?;
    // The head says what it is; whether it is whole, the run says.
    Media::sniff(Bytes::from(head)).map(|media| (size, media.format())).map_err(|e| e.to_string())
}

/// What is wrong with a context, with the name that was probably meant.
fn context_problem(context: &Context) -> Option<String> {
    let name = context.as_str();
    if !context.is_uploadable() {
        return Some(format!("`{name}` is made by the provider and cannot be uploaded"));
    }
    let Context::Other(_) = context else { return None };
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', ' '], "-");
    let meant = if plain(name) == "selfie" {
        Some("face")
    } else {
        let near = |known: &&Context| known.is_uploadable() && distance(&plain(name), known.as_str()) <= 2;
        let mut known: Vec<&Context> = Context::KNOWN.iter().filter(near).collect();
        known.sort_by_key(|known| distance(&plain(name), known.as_str()));
        known.first().map(|known| known.as_str())
    };
    Some(match meant {
        Some(meant) => format!("`{name}` is no context that is known; did you mean `{meant}`?"),
        None => format!("`{name}` is no context that is known"),
    })
}

/// Letters to change, add or leave out (Levenshtein), for names of a few dozen letters.
fn distance(a: &str, b: &str) -> usize {
    if a.len().abs_diff(b.len()) > 2 || a.len() > 100 {
        return usize::MAX;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

/// A key as somebody may have slipped: without case, spaces and quotes, and in one of the ways to write its letters.
fn folded(key: &str) -> String {
    const ONE_WAY: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
    ONE_WAY
        .normalize(key)
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\'' | '"' | '`' | '#'))
        .flat_map(char::to_lowercase)
        .collect()
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_guessed() {
        assert_eq!(context_problem(&"document-front".into()), None);
        for (written, meant) in [
            ("document_front", "document-front"),
            ("Face", "face"),
            ("selfie", "face"),
            ("documnt-back", "document-back"),
        ] {
            let said = context_problem(&written.into()).unwrap();
            assert!(said.contains(&format!("did you mean `{meant}`")), "{said}");
        }
        assert!(!context_problem(&"moon".into()).unwrap().contains("did you mean"));
        assert!(context_problem(&"selfid_video".into()).unwrap().contains("cannot be uploaded"));
    }

    #[test]
    fn keys_that_look_alike_are_one() {
        for other in ["zo\u{eb}-1", "ZOE\u{308}-1", " Zo\u{eb} -\u{ff11}", "'Zo\u{eb}-1'"] {
            assert_eq!(folded(other), folded("Zo\u{eb}-1"), "{other}");
        }
        assert_ne!(folded("Zoe-1"), folded("Zo\u{eb}-1"));
    }

    #[test]
    fn session_ids_have_a_shape() {
        assert!(is_uuid("3f0a1a80-2d53-4c9b-8a4f-6f2a7a1c9d10"));
        assert!(!is_uuid("customer-7") && !is_uuid("3f0a1a80-2d53-4c9b-8a4f-6f2a7a1c9d1g"));
    }
}
