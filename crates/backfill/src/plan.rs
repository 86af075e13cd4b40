//! What a run would do, without doing it: every row is read, every file's size looked at.

use std::collections::{BTreeMap, HashSet};

use crate::config::Config;
use crate::error::Result;
use crate::manifest::{Manifest, Row, Who};
use crate::source::{Found, Sources};

/// Problems that are spelled out; the rest is counted.
const SHOWN: usize = 10;
/// What one worker does in a second, for the estimate: a photo of 12 MP takes 60 to 120 ms of a CPU.
const ITEMS_PER_SECOND_AND_WORKER: f64 = 10.0;

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
    /// Bytes of the files that were looked at.
    pub bytes: u64,
    /// Rows whose size only a store knows, which was not asked.
    pub bytes_unknown: u64,
    /// Rows that will fail.
    pub bad: u64,
    /// Good rows by context.
    pub contexts: BTreeMap<String, u64>,
    /// The first problems, each with its line.
    pub problems: Vec<String>,
    /// Estimate of a run's time, in seconds.
    pub seconds: f64,
}

/// Reads the whole manifest and looks at every file's size, and sends nothing.
pub(crate) async fn plan(config: &Config, manifest: &Manifest) -> Result<Plan> {
    let options = config.run_options()?;
    let sources = Sources::new(manifest.base(), &config.roots(), config.sources()?)?;
    let rows = manifest.rows()?;
    let look = move || -> Result<Plan> {
        let mut plan = Plan::default();
        // Hashes of keys: millions of sessions fit.
        let mut seen = HashSet::new();
        for row in rows {
            plan.take(&row?, &sources, &mut seen);
        }
        Ok(plan)
    };
    let mut plan = tokio::task::spawn_blocking(look)
        .await
        .map_err(|e| crate::Error::caused(crate::ErrorKind::Manifest, "reading the manifest broke off", e))??;
    let items = (plan.rows - plan.bad) as f64;
    let by_cpu = items / (ITEMS_PER_SECOND_AND_WORKER * options.pipeline.workers.get() as f64);
    let by_rate = options.pipeline.rps.map_or(0.0, |rps| (items + plan.sessions as f64) / rps);
    // What is sent is a fraction of the files; base64 adds a third to it.
    let by_bytes = options.pipeline.max_bytes_per_s.map_or(0.0, |limit| plan.bytes as f64 / 3.0 / limit as f64);
    plan.seconds = by_cpu.max(by_rate).max(by_bytes);
    Ok(plan)
}

impl Plan {
    fn take(&mut self, row: &Row, sources: &Sources, seen: &mut HashSet<u64>) {
        self.rows += 1;
        if let Some(who) = &row.who
            && seen.insert(hash(&who.key()))
        {
            self.sessions += 1;
            self.subjects += u64::from(matches!(who, Who::Subject { .. }));
        }
        let problem = match &row.bad {
            Some(bad) => Some(bad.message.clone()),
            None => {
                *self.contexts.entry(row.context.clone()).or_default() += 1;
                match sources.find(&row.media) {
                    Ok(Found::File(path)) => {
                        let size = std::fs::metadata(path).map(|m| m.len()).unwrap_or(0);
                        self.bytes += size;
                        (size == 0).then(|| format!("line {}: the file is empty", row.line))
                    }
                    Ok(Found::Object(_)) => {
                        self.bytes_unknown += 1;
                        None
                    }
                    Err(failure) => Some(format!("line {}: {}", row.line, failure.message)),
                }
            }
        };
        if let Some(problem) = problem {
            self.bad += 1;
            if self.problems.len() < SHOWN {
                self.problems.push(problem);
            }
        }
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
