//! What the provider decided of submitted sessions: asked for within its rate, kept in the journal and joined
//! to the results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use sealpress_client::{Decided, SessionId, Verdict};
use sealpress_media::{FindingCode, Subject};
use sealpress_pipeline::{Error as Refusal, ErrorKind as Why, Pipeline};
use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::exit::Exit;
use crate::run::note::Note;
use crate::store::{Only, Store};

/// Sessions asked for before the next look at the journal.
const PAGE: usize = 256;
/// Between two rounds over what is not decided: doubles up to the longest.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(300);

/// What is decided of a journal's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Decisions {
    /// Submitted sessions by what was decided of them: `approved`, `declined`, `resubmission`, `gone`, or a word
    /// of the vendor's own.
    pub verdicts: BTreeMap<String, u64>,
    /// Submitted sessions of which nothing is decided.
    pub undecided: u64,
    /// Of these, those of which the provider could not be asked.
    pub unanswered: u64,
    /// What it said of the last of them.
    pub last_error: Option<String>,
    /// Sessions that were not approved, and for a reason that has a code.
    pub with_reason: u64,
    /// Of these, those of which a picture had a finding of ours that most likely means this reason.
    pub foreseen: u64,
    /// The first of them, with both words side by side.
    pub beside: Vec<Beside>,
}

/// Why a session was not approved, beside what was found in its pictures before they were sent.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Beside {
    /// The provider's id.
    pub session: SessionId,
    /// What was decided.
    pub verdict: String,
    /// The provider's code.
    pub reason_code: String,
    /// The provider's words.
    pub reason: Option<String>,
    /// Codes of what was found in its pictures, whatever preflight was set to say.
    pub findings: BTreeSet<FindingCode>,
    /// Whether one of them most likely means that code. A mapping of ours, and no prediction.
    pub foreseen: bool,
}

/// Sessions that are spelled out.
const SHOWN: usize = 50;
/// Records in memory at a time.
const RECORDS: usize = 4096;

/// Joins what was decided to what preflight had measured. `codes` are the provider's for a finding.
///
/// # Errors
/// What the store says.
pub(crate) async fn compare(
    decisions: &mut Decisions,
    store: &dyn Store,
    codes: impl Fn(FindingCode, Subject) -> &'static [&'static str],
) -> Result<()> {
    let mut of: BTreeMap<SessionId, Beside> = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = store.page(after, RECORDS, Only::All).await?;
        let Some(last) = page.last() else { break };
        after = last.item.id;
        for record in &page {
            let Some((session, decided)) = record.remote.as_ref().zip(record.decided.as_ref()) else { continue };
            let Some(code) = decided.reason_code.as_ref().filter(|_| decided.verdict != Verdict::Approved) else {
                continue;
            };
            let beside = of.entry(session.clone()).or_insert_with(|| Beside {
                session: session.clone(),
                verdict: decided.verdict.to_string(),
                reason_code: code.clone(),
                reason: decided.reason.clone(),
                findings: BTreeSet::new(),
                foreseen: false,
            });
            let note = record.report.as_deref().and_then(Note::stored);
            let Some(judged) = note.and_then(|note| note.summary?.judged) else { continue };
            let subject = record.item.context.subject();
            for finding in judged.quality.findings(subject) {
                beside.foreseen |= codes(finding.code, subject).contains(&code.as_str());
                beside.findings.insert(finding.code);
            }
        }
    }
    decisions.with_reason = of.len() as u64;
    decisions.foreseen = of.values().filter(|beside| beside.foreseen).count() as u64;
    decisions.beside = of.into_values().take(SHOWN).collect();
    Ok(())
}

impl Decisions {
    /// For the shell: whether all of them are decided, and if not, what of it.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match (self.unanswered, self.undecided) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Deadline,
            _ => Exit::Failed,
        }
    }
}

/// Asks for every session of which nothing is decided, again and again for as long as `wait` says.
///
/// # Errors
/// What the store says; `Unauthorized` where the provider does not take the credentials, `Refused` where it decides
/// nothing.
pub(crate) async fn ask(
    store: &Arc<dyn Store>,
    pipeline: &Pipeline,
    at_once: usize,
    wait: Option<Duration>,
) -> Result<Decisions> {
    let until = wait.map(|wait| Instant::now() + wait);
    let mut pause = SHORTEST;
    loop {
        let (unanswered, last_error) = round(store, pipeline, at_once).await?;
        let mut decisions = Decisions { unanswered, last_error, ..Decisions::default() };
        for (verdict, n) in store.verdicts().await? {
            if verdict.is_empty() {
                decisions.undecided = n;
            } else {
                decisions.verdicts.insert(verdict, n);
            }
        }
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        if decisions.undecided == 0 || left.is_zero() {
            return Ok(decisions);
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Asks once for each; how many could not be asked for, and what was said of the last.
async fn round(store: &Arc<dyn Store>, pipeline: &Pipeline, at_once: usize) -> Result<(u64, Option<String>)> {
    let (mut after, mut unanswered, mut last) = (0, 0, None);
    loop {
        let page = store.undecided(after, PAGE).await?;
        let Some((id, _)) = page.last() else { return Ok((unanswered, last)) };
        after = *id;
        let asked = page.into_iter().map(|(id, session)| one(pipeline, id, session));
        let mut answers = stream::iter(asked).buffer_unordered(at_once);
        while let Some((id, answer)) = answers.next().await {
            match answer {
                Ok(Some(decided)) => store.decide(id, decided).await?,
                Ok(None) => {}
                Err(e) if matches!(e.kind(), Why::Unauthorized | Why::Blocked | Why::Request) => {
                    let kind = if e.kind() == Why::Unauthorized { ErrorKind::Unauthorized } else { ErrorKind::Refused };
                    return Err(Error::new(kind, e.to_string()));
                }
                Err(e) => {
                    unanswered += 1;
                    last = Some(e.to_string());
                }
            }
        }
    }
}

async fn one(pipeline: &Pipeline, id: i64, session: SessionId) -> (i64, Result<Option<Decided>, Refusal>) {
    (id, pipeline.decision(&session).await)
}
