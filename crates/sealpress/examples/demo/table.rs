//! The table a person reads.

use std::time::Duration;

use sealpress::Outcome;

use crate::{Row, Story};

/// One row's cells, shared by the table and the page.
pub(crate) struct Cells {
    pub(crate) file: String,
    pub(crate) was: String,
    pub(crate) done: String,
    pub(crate) before: String,
    pub(crate) after: String,
    pub(crate) milliseconds: String,
    pub(crate) media_id: String,
}

impl Cells {
    pub(crate) fn of(row: &Row) -> Self {
        let Outcome { result, summary: report, input_bytes, timings, .. } = &row.outcome;
        let (after, media_id) = match result {
            Ok(receipt) => (bytes(receipt.size), receipt.media_id.to_string()),
            Err(error) => (String::from("–"), format!("{}: {error}", error.fault())),
        };
        Self {
            file: row.file.name.clone(),
            was: report.as_ref().map_or_else(String::new, |r| {
                let size = r.original.map(|d| format!(" {d}")).unwrap_or_default();
                let pages = r.source_pages.map(|n| format!(" {n} p.")).unwrap_or_default();
                format!("{}{size}{pages}", r.format)
            }),
            done: report.as_ref().map_or_else(String::new, |r| {
                // What was removed is listed below the table, in words.
                let names = r.actions.iter().map(|note| note.name.as_str());
                let mut names: Vec<&str> =
                    names.map(|name| if name.ends_with("-removed") { "parts removed" } else { name }).collect();
                names.dedup();
                let size = r.dimensions.filter(|d| Some(*d) != r.original).map(|d| format!(" → {d}"));
                let pages = r.pages.as_ref().map(|kept| format!(" → pages {}", list(kept)));
                format!("{}{}{}", names.join(", "), size.unwrap_or_default(), pages.unwrap_or_default())
            }),
            before: bytes(*input_bytes),
            after,
            milliseconds: ms(timings.press),
            media_id,
        }
    }
}

pub(crate) fn print(story: &Story) {
    let head = ["file", "what it was", "what was done", "before", "after", "ms"].map(str::to_owned);
    let rows: Vec<[String; 6]> = story
        .rows
        .iter()
        .map(|row| {
            let c = Cells::of(row);
            [c.file, c.was, c.done, c.before, c.after, c.milliseconds]
        })
        .collect();
    let mut widths = head.clone().map(|h| h.chars().count());
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; 6]| {
        let mut out = String::new();
        for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let space = " ".repeat(width - cell.chars().count());
            // Numbers stand to the right.
            let padded = if (3..6).contains(&i) { format!("{space}{cell}") } else { format!("{cell}{space}") };
            out.push_str(&padded);
            out.push_str("  ");
        }
        println!("{}", out.trim_end());
    };
    line(&head);
    println!("{}", widths.map(|w| "─".repeat(w)).join("  "));
    let mut session = "";
    for (row, cells) in story.rows.iter().zip(&rows) {
        if row.session != session {
            session = &row.session;
            let state = match story.submissions.get(session) {
                Some(Ok(())) => match failed(story, session) {
                    0 => "submitted".to_owned(),
                    n => format!("submitted WITHOUT {}", count(n, "failed file")),
                },
                Some(Err(error)) => format!("NOT submitted: {error}"),
                None => "nothing to submit".to_owned(),
            };
            println!("session {session} · {state}");
        }
        line(cells);
        if let Err(error) = &row.outcome.result {
            println!("  {}: {error}", error.fault());
        }
    }
    removed(story);
    let (sent, before, after) = totals(story);
    println!(
        "\n{sent} of {} uploaded, {} → {}, {} submitted, in {:.1} s",
        count(story.rows.len(), "file"),
        bytes(before),
        bytes(after),
        count(story.submissions.values().filter(|s| s.is_ok()).count(), "session"),
        story.took.as_secs_f64(),
    );
}

/// What the PDFs lost, in words: what leaves a document must not leave it in silence.
fn removed(story: &Story) {
    let of_file = |row: &Row| {
        let report = row.outcome.summary.as_ref()?;
        let notes = report.actions.iter().chain(&report.warnings).filter(|note| note.name.ends_with("-removed"));
        let texts: Vec<&str> = notes.map(|note| note.text.trim_start_matches("removed ")).collect();
        (!texts.is_empty()).then(|| format!("  {}: {}", row.file.name, texts.join("; ")))
    };
    let lines: Vec<String> = story.rows.iter().filter_map(of_file).collect();
    if !lines.is_empty() {
        println!("\nremoved from PDFs:\n{}", lines.join("\n"));
    }
}

/// Files of a session that are not with the vendor.
pub(crate) fn failed(story: &Story, session: &str) -> usize {
    story.rows.iter().filter(|row| row.session == session && row.outcome.result.is_err()).count()
}

/// A number of things, in words that agree with it.
pub(crate) fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}

/// Files uploaded, bytes they had, bytes that were sent.
pub(crate) fn totals(story: &Story) -> (usize, u64, u64) {
    story
        .rows
        .iter()
        .filter_map(|row| Some((row, row.outcome.result.as_ref().ok()?)))
        .fold((0, 0, 0), |(n, before, after), (row, receipt)| {
            (n + 1, before + row.outcome.input_bytes, after + receipt.size)
        })
}

pub(crate) fn bytes(n: u64) -> String {
    let n = n as f64;
    if n < 1000.0 {
        format!("{n} B")
    } else if n < 1e6 {
        format!("{:.0} kB", n / 1e3)
    } else {
        format!("{:.1} MB", n / 1e6)
    }
}

fn ms(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e3)
}

fn list(pages: &[u32]) -> String {
    pages.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}
