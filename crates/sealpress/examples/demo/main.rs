//! Every kind of file through the whole way against the local emulator: sniff → normalize or trim →
//! sign → upload, several images per context → submit the session.
//!
//! `cargo xtask demo [--input DIR]`; the table goes to the terminal, the page to
//! `target/demo/report.html`.

#![forbid(unsafe_code)]

mod files;
mod report;
mod table;
mod thumbnails;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use indicatif::{ProgressBar, ProgressStyle};
use sealpress::veriff::{self, NewSession, SessionId};
use sealpress::{Credentials, Isolated, Job, Outcome, Pipeline, Policies};
use sealpress_emulator::Emulator;

use crate::files::{File, Group};

/// How one file fared.
struct Row {
    file: File,
    session: String,
    outcome: Outcome,
}

/// Everything the table and the page tell.
struct Story {
    rows: Vec<Row>,
    /// Session id → how its submission ended.
    submissions: BTreeMap<String, Result<(), String>>,
    took: Duration,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// True when every file was uploaded and every session submitted.
async fn run() -> Result<bool, Box<dyn Error>> {
    let groups = match input()? {
        Some(folder) => files::of_folder(&folder)?,
        None => files::specimens()?,
    };
    let emulator = Emulator::builder().configure(|o| o.media = sealpress_emulator::MediaMode::Strict).start().await?;
    let credentials = Credentials::new(emulator.api_key(), emulator.secret());
    let client = veriff::Client::builder(emulator.url(), credentials).build()?;
    println!("emulator of both APIs at {} (its page shows the sessions)\n", emulator.url());

    let story = upload(&client, groups).await?;
    table::print(&story);

    let page = PathBuf::from("target/demo/report.html");
    std::fs::create_dir_all("target/demo")?;
    let thumbnails = thumbnails::of(&client, &story).await;
    std::fs::write(&page, report::html(&story, &thumbnails))?;
    println!("\nreport: {}", page.display());

    let all_in = story.rows.iter().all(|row| row.outcome.result.is_ok());
    let all_submitted = story.submissions.values().all(Result::is_ok);
    // The emulator's own books are the judge, not what the client believes.
    let ledger = emulator.ledger();
    let stored = ledger.media().count();
    let submitted = ledger.submitted().count();
    println!("the emulator's ledger: {stored} media stored, {submitted} sessions submitted");
    emulator.shutdown().await;
    Ok(all_in && all_submitted && stored == story.rows.len() && submitted == story.submissions.len())
}

fn input() -> Result<Option<PathBuf>, lexopt::Error> {
    let mut folder = None;
    let mut flags = lexopt::Parser::from_env();
    while let Some(arg) = flags.next()? {
        match arg {
            lexopt::Arg::Long("input") => folder = Some(PathBuf::from(flags.value()?)),
            other => return Err(other.unexpected()),
        }
    }
    Ok(folder)
}

async fn upload(client: &veriff::Client, groups: Vec<Group>) -> Result<Story, Box<dyn Error>> {
    let start = Instant::now();
    let press = Isolated::new(Policies::within(&veriff::limits()));
    let pipeline = Pipeline::builder(client.clone(), press).build()?;

    let mut waiting = Vec::new();
    let mut jobs = Vec::new();
    for group in groups {
        let vendor_data = format!("demo-{}", group.name);
        let session = client.create_session(&NewSession::new().with_vendor_data(vendor_data)).await?.id;
        for file in group.files {
            let tag = waiting.len() as u64;
            jobs.push(Job::file(&session, file.context.as_str(), &file.path).tag(tag));
            waiting.push(Some((file, session.to_string())));
        }
    }

    let bar = ProgressBar::new(jobs.len() as u64).with_style(
        ProgressStyle::with_template("{bar:40.green} {pos}/{len} {msg}").unwrap_or(ProgressStyle::default_bar()),
    );
    let mut rows = Vec::new();
    let mut outcomes = std::pin::pin!(pipeline.process_all(futures_util::stream::iter(jobs)));
    while let Some(outcome) = outcomes.next().await {
        let place = usize::try_from(outcome.item.tag)?;
        if let Some((file, session)) = waiting.get_mut(place).and_then(Option::take) {
            bar.set_message(file.name.clone());
            bar.inc(1);
            rows.push((place, Row { file, session, outcome }));
        }
    }
    bar.finish_and_clear();
    rows.sort_by_key(|(place, _)| *place);
    let rows: Vec<Row> = rows.into_iter().map(|(_, row)| row).collect();

    // A session with nothing in it has nothing to submit.
    let mut submissions = BTreeMap::new();
    for row in &rows {
        if row.outcome.result.is_ok() && !submissions.contains_key(&row.session) {
            let answer = client.submit_session(&SessionId::new(row.session.clone())?).await;
            submissions.insert(row.session.clone(), answer.map(|_| ()).map_err(|e| e.to_string()));
        }
    }
    Ok(Story { rows, submissions, took: start.elapsed() })
}
