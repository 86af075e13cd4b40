use std::collections::{BTreeMap, HashSet};

use crate::config::Config;
use crate::error::Result;
use crate::exit::Exit;
use crate::manifest::{Manifest, Row, Who};
use crate::source::{Found, Sources};
use crate::units::{show_bytes, show_duration};

/// Problems that are spelled out; the rest is counted.
const SHOWN: usize = 10;
/// What one worker does in a second, for the estimate: a photo of 12 MP takes 60 to 120 ms of a CPU.
const ITEMS_PER_SECOND_AND_WORKER: f64 = 10.0;

#[derive(Default, serde::Serialize)]
struct Plan {
    rows: u64,
    sessions: u64,
    subjects: u64,
    bytes: u64,
    bytes_unknown: u64,
    bad: u64,
    contexts: BTreeMap<String, u64>,
    problems: Vec<String>,
    seconds: f64,
}

/// Reads the whole manifest and looks at every file's size, and sends nothing.
pub(super) async fn plan(config: &Config, manifest: &Manifest, json: bool) -> Result<Exit> {
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
    if json {
        println!("{}", serde_json::to_string(&plan).unwrap_or_default());
    } else {
        plan.print();
    }
    Ok(if plan.bad > 0 { Exit::Failed } else { Exit::Done })
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

    fn print(&self) {
        println!("items      {} in {} sessions, {} of them to be made", self.rows, self.sessions, self.subjects);
        for (context, n) in &self.contexts {
            println!("           {n:>9} {context}");
        }
        let more = if self.bytes_unknown > 0 {
            format!(", and {} in stores that were not asked", self.bytes_unknown)
        } else {
            String::new()
        };
        println!("bytes      {}{more}", show_bytes(self.bytes));
        println!("estimate   {}", show_duration(std::time::Duration::from_secs_f64(self.seconds)));
        println!("problems   {}", self.bad);
        for problem in &self.problems {
            println!("           {problem}");
        }
        if self.bad as usize > self.problems.len() {
            println!("           … and {} more", self.bad as usize - self.problems.len());
        }
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}
