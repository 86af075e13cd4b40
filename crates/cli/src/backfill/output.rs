//! What a backfill's commands print: one JSON object, or lines for a person.

use std::time::Duration;

use sealpress_backfill::{
    Backfill, Config, Finished, ItemState, Plan, SessionState, Status, Summary, Value, show_bytes, show_duration,
};
use serde_json::json;

/// A plan.
pub(super) fn plan(plan: &Plan, as_json: bool) {
    if as_json {
        println!("{}", serde_json::to_string(plan).unwrap_or_default());
        return;
    }
    println!("items      {} in {} sessions, {} of them to be made", plan.rows, plan.sessions, plan.subjects);
    for (context, n) in &plan.contexts {
        println!("           {n:>9} {context}");
    }
    let more = if plan.bytes_unknown > 0 {
        format!(", and {} in stores that were not asked", plan.bytes_unknown)
    } else {
        String::new()
    };
    println!("bytes      {}{more}", show_bytes(plan.bytes));
    println!("estimate   {}", show_duration(Duration::from_secs_f64(plan.seconds)));
    println!("problems   {}", plan.bad);
    for problem in &plan.problems {
        println!("           {problem}");
    }
    if plan.bad as usize > plan.problems.len() {
        println!("           … and {} more", plan.bad as usize - plan.problems.len());
    }
}

/// Where a journal stands.
pub(super) fn status(backfill: &Backfill, status: &Status, as_json: bool) {
    let summary = &status.summary;
    if as_json {
        let value = json!({
            "finished": status.finished,
            "items": counts(summary),
            "sessions": session_counts(summary),
            "bytes_in": summary.bytes_in,
            "bytes_out": summary.bytes_out,
            "attempts": summary.attempts,
            "ambiguous": summary.ambiguous,
            "twins": summary.twins,
        });
        println!("{value}");
        return;
    }
    if !status.imported {
        println!("the manifest is being read");
    }
    print_summary(summary, backfill);
}

/// How a run ended.
pub(super) fn finished(backfill: &Backfill, finished: &Finished, as_json: bool) {
    let summary = &finished.summary;
    if as_json {
        let files = backfill.files();
        let value = json!({
            "exit": finished.exit.code(),
            "stopped": finished.stopped,
            "seconds": finished.took.as_secs_f64(),
            "items": counts(summary),
            "sessions": session_counts(summary),
            "results": files.results,
            "failed": files.failed,
            "report": files.report,
        });
        println!("{value}");
        return;
    }
    if let Some(why) = &finished.stopped {
        println!("{why}");
    }
    print_summary(summary, backfill);
    println!("took       {}", show_duration(finished.took));
}

/// Every setting, with its origin where asked.
pub(super) fn settings(config: &Config, origins: bool) {
    for setting in config.settings() {
        let value = match setting.value {
            Value::Hidden => "set, not shown".to_owned(),
            Value::Shown(text) => text.into_owned(),
            _ => "not set".to_owned(),
        };
        let (name, about) = (setting.name, setting.about);
        if origins {
            println!("{name:<16} {value:<28} {:<24} {about}", setting.origin.to_string());
        } else {
            println!("{name:<16} {value:<28} {about}");
        }
    }
}

fn counts(summary: &Summary) -> serde_json::Value {
    let mut map: serde_json::Map<_, _> =
        ItemState::ALL.iter().map(|s| (s.as_str().to_owned(), summary.of(*s).into())).collect();
    map.insert("total".to_owned(), summary.total().into());
    map.into()
}

fn session_counts(summary: &Summary) -> serde_json::Value {
    let map: serde_json::Map<_, _> =
        SessionState::ALL.iter().map(|s| (s.as_str().to_owned(), summary.sessions_of(*s).into())).collect();
    map.into()
}

fn print_summary(summary: &Summary, backfill: &Backfill) {
    let sessions: u64 = summary.sessions.iter().sum();
    println!(
        "items      {} of {} confirmed, {} failed, {} in quarantine, {} to do",
        summary.of(ItemState::Confirmed),
        summary.total(),
        summary.of(ItemState::Failed),
        summary.of(ItemState::Quarantined),
        summary.total() - summary.ended(),
    );
    println!("sessions   {} of {sessions} submitted", summary.sessions_of(SessionState::Submitted));
    if summary.sessions_of(SessionState::Failed) + summary.sessions_of(SessionState::Quarantined) > 0 {
        println!(
            "           {} failed, {} in doubt",
            summary.sessions_of(SessionState::Failed),
            summary.sessions_of(SessionState::Quarantined)
        );
    }
    println!("bytes      {} read, {} sent", show_bytes(summary.bytes_in), show_bytes(summary.bytes_out));
    if summary.twins + summary.ambiguous > 0 {
        println!("           {} duplicates not sent, {} uploads looked up", summary.twins, summary.ambiguous);
    }
    println!("state      {}", backfill.state().display());
}
