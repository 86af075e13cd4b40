//! What the report shows, gathered from the journal in one pass.

use std::collections::BTreeMap;
use std::time::Duration;

use sealpress_media::FindingCode;

use crate::error::Result;
use crate::manifest::hex;
use crate::run::note::Note;
use crate::store::state::{ItemState, Via};
use crate::store::{Only, Record, Store};

/// Records in memory at a time, and failed items that are spelled out.
const PAGE: usize = 4096;
const BAD: usize = 200;
/// Moments of at most this many items are kept for the plots: every n-th beyond it.
const SAMPLES: usize = 1 << 20;

/// Everything the plots show.
#[derive(Default)]
pub(super) struct Figures {
    /// When items ended, and whether they failed.
    pub(super) ended: Vec<(i64, bool)>,
    pub(super) sizes_in: Histogram,
    pub(super) sizes_out: Histogram,
    /// Milliseconds: read, press, sign, wait, send, total.
    pub(super) stages: [Vec<f32>; 6],
    pub(super) reasons: Vec<(String, u64)>,
    pub(super) actions: Vec<(String, u64)>,
    pub(super) duplicate_bytes: u64,
    pub(super) found: u64,
    /// Values of each number that preflight measures, in the order of [`SCORES`].
    pub(super) scores: [Vec<f32>; SCORES.len()],
    /// Findings by code, over all pictures.
    pub(super) findings: Vec<(String, u64)>,
    /// Pictures that were judged.
    pub(super) judged: u64,
    /// Those with the lowest scores, the lowest first.
    pub(super) worst: Vec<Worst>,
    pub(super) bad: Vec<Bad>,
    pub(super) more_bad: u64,
    /// What was left out as told, in the same form.
    pub(super) dropped: Vec<Bad>,
    pub(super) more_dropped: u64,
}

/// What of preflight's numbers is drawn: a name, and the number below or above which it is a finding.
pub(super) const SCORES: [(&str, Bound); 6] = [
    ("sharpness", Bound::AtLeast(FindingCode::Blurred)),
    ("at half size", Bound::AtLeast(FindingCode::BlurredHeavily)),
    ("contrast", Bound::AtLeast(FindingCode::LowContrast)),
    ("brightest 1%", Bound::AtLeast(FindingCode::TooDark)),
    ("noise", Bound::Below(FindingCode::Noisy)),
    ("glare", Bound::Below(FindingCode::Glare)),
];

/// On which side of its limit a number is good.
#[derive(Clone, Copy)]
pub(super) enum Bound {
    AtLeast(FindingCode),
    Below(FindingCode),
}

/// Pictures that are spelled out.
const WORST: usize = 20;

/// A picture with a low score.
pub(super) struct Worst {
    /// `None` of one in which nothing could be measured and something was found.
    pub(super) score: Option<f64>,
    pub(super) line: u64,
    pub(super) session: Option<String>,
    pub(super) sha256: Option<String>,
    /// Of its file as it was read, all of it.
    pub(super) hash: Option<[u8; 32]>,
    /// Where its file is. Not for a page: it is somebody's name as often as not.
    pub(super) media: String,
    pub(super) context: String,
    /// Codes, and none where nothing was found.
    pub(super) findings: String,
}

pub(super) struct Bad {
    pub(super) line: u64,
    /// The provider's id of its session.
    pub(super) session: Option<String>,
    /// The first letters of its file's SHA-256.
    pub(super) sha256: Option<String>,
    pub(super) context: String,
    pub(super) state: ItemState,
    pub(super) reason: String,
    pub(super) message: String,
}

/// Milliseconds without an end that are no pause of a run any more.
const LONG_GAP: i64 = 10 * 60_000;

/// Counts by powers of two of bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Histogram(pub(super) BTreeMap<u32, u64>);

impl Histogram {
    fn add(&mut self, bytes: u64) {
        *self.0.entry(bytes.max(1).ilog2()).or_default() += 1;
    }
}

impl Figures {
    pub(super) async fn gather(store: &dyn Store) -> Result<Self> {
        let mut figures = Self::default();
        let (mut reasons, mut actions, mut findings) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let every = usize::try_from(store.summary().await?.total()).unwrap_or(usize::MAX).div_ceil(SAMPLES).max(1);
        let (mut after, mut seen) = (0, 0usize);
        loop {
            let page = store.page(after, PAGE, Only::All).await?;
            let Some(last) = page.last() else { break };
            after = last.item.id;
            for record in &page {
                seen += 1;
                let sampled = seen.is_multiple_of(every);
                figures.take(record, sampled, &mut reasons, &mut actions);
                figures.judge(record, sampled, &mut findings);
            }
        }
        figures.ended.sort_unstable();
        figures.stages.iter_mut().for_each(|s| s.sort_unstable_by(f32::total_cmp));
        figures.scores.iter_mut().for_each(|s| s.sort_unstable_by(f32::total_cmp));
        figures.findings = ranked(findings);
        figures.reasons = ranked(reasons);
        figures.actions = ranked(actions);
        Ok(figures)
    }

    fn take(
        &mut self,
        record: &Record,
        sampled: bool,
        reasons: &mut BTreeMap<String, u64>,
        actions: &mut BTreeMap<String, u64>,
    ) {
        let (bad, dropped) = (record.item.state.is_bad(), record.item.state == ItemState::Dropped);
        // When it was left out is no moment at which something ended.
        if sampled
            && !dropped
            && let Some(ended) = record.ended
        {
            self.ended.push((ended, bad));
        }
        if record.item.via == Some(Via::Duplicate) {
            self.duplicate_bytes += record.bytes_in.unwrap_or(0);
        } else if record.item.state == ItemState::Confirmed {
            if let Some(bytes) = record.bytes_in.filter(|n| *n > 0) {
                self.sizes_in.add(bytes);
            }
            if let Some(bytes) = record.item.all_bytes_out().filter(|n| *n > 0) {
                self.sizes_out.add(bytes);
            }
            self.found += u64::from(record.item.via == Some(Via::Listing));
        }
        if let Some(note) = record.report.as_deref().and_then(Note::stored) {
            if sampled {
                let ms = [note.ms.read, note.ms.press, note.ms.sign, note.ms.wait, note.ms.send, note.ms.total];
                self.stages.iter_mut().zip(ms).for_each(|(stage, ms)| stage.push(ms as f32));
            }
            for action in note.summary.into_iter().flat_map(|done| done.actions) {
                *actions.entry(action.name).or_default() += 1;
            }
        }
        if bad || dropped {
            let (reason, message) = match &record.failure {
                Some(failure) => (failure.reason.clone(), failure.message.clone()),
                None => (record.item.state.as_str().to_owned(), String::new()),
            };
            if bad {
                *reasons.entry(reason.clone()).or_default() += 1;
            }
            let (list, more) = match bad {
                true => (&mut self.bad, &mut self.more_bad),
                false => (&mut self.dropped, &mut self.more_dropped),
            };
            if list.len() < BAD {
                let (context, state) = (record.item.context.to_string(), record.item.state);
                let session = record.remote.as_ref().map(ToString::to_string);
                let sha256 = record.item.sha256.map(|hash| hex(&hash[..4]));
                list.push(Bad { line: record.line, session, sha256, context, state, reason, message });
            } else {
                *more += 1;
            }
        }
    }

    /// Takes what preflight measured of a picture. Findings are made of the numbers here, whatever was asked for then.
    fn judge(&mut self, record: &Record, sampled: bool, findings: &mut BTreeMap<String, u64>) {
        let note = record.report.as_deref().and_then(Note::stored);
        let Some(judged) = note.and_then(|note| note.summary?.judged) else { return };
        self.judged += 1;
        let quality = &judged.quality;
        let found = quality.findings(record.item.context.subject());
        for finding in &found {
            *findings.entry(finding.code.as_str().to_owned()).or_default() += 1;
        }
        let values = [
            quality.sharpness,
            quality.coarse_sharpness,
            Some(quality.contrast98),
            Some(quality.p99),
            Some(quality.noise),
            Some(quality.glare),
        ];
        if sampled {
            self.scores.iter_mut().zip(values).for_each(|(all, value)| all.extend(value.map(|value| value as f32)));
        }
        if quality.score.is_none() && found.is_empty() {
            return;
        }
        let score = quality.score;
        let rank = |score: Option<f64>| score.unwrap_or(f64::NEG_INFINITY);
        let at = self.worst.partition_point(|other| rank(other.score) <= rank(score));
        if at < WORST {
            let codes: Vec<&str> = found.iter().map(|finding| finding.code.as_str()).collect();
            self.worst.insert(
                at,
                Worst {
                    score,
                    line: record.line,
                    session: record.remote.as_ref().map(ToString::to_string),
                    sha256: record.item.sha256.map(|hash| hex(&hash[..4])),
                    hash: record.item.sha256,
                    media: record.item.media.clone(),
                    context: record.item.context.to_string(),
                    findings: codes.join(", "),
                },
            );
            self.worst.truncate(WORST);
        }
    }

    /// Stretches in which nothing ended, longer than any pause of a run at work: nobody worked, or waited.
    pub(super) fn gaps(&self) -> Vec<(i64, i64)> {
        let pairs = self.ended.windows(2).map(|pair| (pair[0].0, pair[1].0));
        let whole = self.span().map_or(0, |span| span.as_millis() as i64);
        // Long by the clock, and long beside the whole.
        let long = LONG_GAP.max(whole / 50);
        pairs.filter(|(from, to)| to - from > long).collect()
    }

    /// From the first ended item to the last.
    pub(super) fn span(&self) -> Option<Duration> {
        let (first, last) = (self.ended.first()?.0, self.ended.last()?.0);
        Some(super::span(last - first))
    }
}

fn ranked(counts: BTreeMap<String, u64>) -> Vec<(String, u64)> {
    let mut ranked: Vec<_> = counts.into_iter().collect();
    ranked.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    ranked
}
