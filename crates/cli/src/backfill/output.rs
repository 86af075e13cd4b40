//! What a backfill's commands print: one JSON object, or lines for a person.

use std::collections::HashSet;
use std::time::Duration;

use sealpress_backfill::{
    Backfill, Beside, Changed, Config, Decisions, Finished, ItemState, Origin, Plan, SessionState, Status, Summary,
    Value, show_bytes, show_count, show_duration,
};
use sealpress_client::SessionId;
use serde_json::json;

use crate::press;

/// What an operator was told already: a journal is opened for each step, and says the same of
/// itself.
#[derive(Default)]
pub(super) struct Told(HashSet<String>);

impl Told {
    pub(super) fn notices(&mut self, notices: &[String]) {
        for notice in notices {
            if self.0.insert(notice.clone()) {
                crate::print::note(notice);
            }
        }
    }

    pub(super) fn changed(&mut self, changed: &Changed, what: &str) {
        self.notices(&changed.notices);
        crate::print::note(&format!("{} {what}", changed.items));
    }
}

/// A plan.
pub(super) fn plan(plan: &Plan, as_json: bool) {
    if as_json {
        crate::print::line(&serde_json::to_string(plan).unwrap_or_default());
        return;
    }
    crate::print::line(&format!(
        "items      {} in {}, {} of them to be made",
        plan.rows,
        show_count(plan.sessions, "sessions"),
        plan.subjects
    ));
    for (context, n) in &plan.contexts {
        crate::print::line(&format!("           {n:>9} {context}"));
    }
    let more = if plan.bytes_unknown > 0 {
        format!(", and {} whose size nobody says", plan.bytes_unknown)
    } else {
        String::new()
    };
    crate::print::line(&format!("bytes      {}{more}", show_bytes(plan.bytes)));
    if plan.documents > 0 {
        let (all, opened) = (plan.documents, plan.documents_opened);
        let of = if opened < all { format!(" in the {opened} that were opened") } else { String::new() };
        crate::print::line(&format!("documents  {all}, {}{of}", show_count(plan.pages, "pages")));
    }
    crate::print::line(&format!("estimate   {}", show_duration(Duration::from_secs_f64(plan.seconds))));
    crate::print::line(&format!("requests   about {}", plan.requests));
    if plan.duplicates > 0 {
        crate::print::line(&format!(
            "duplicates {} with a file that another row names; it is sent once",
            show_count(plan.duplicates, "rows")
        ));
    }
    if plan.not_chosen > 0 {
        crate::print::line(&format!(
            "frames     {} will be left out: others of their burst are better",
            plan.not_chosen
        ));
    }
    if plan.unowned > 0 {
        crate::print::line(&format!("nobody's   {}: nothing is submitted meanwhile", show_count(plan.unowned, "rows")));
    }
    if plan.look_alikes > 0 {
        crate::print::line(&format!(
            "look alike {}: each is a session of its own",
            show_count(plan.look_alikes, "subjects")
        ));
        for name in &plan.look_alike {
            crate::print::line(&format!("           {name}"));
        }
    }
    if plan.left_out_count > 0 {
        crate::print::line(&format!("left out   {}, no media", plan.left_out_count));
        for name in &plan.left_out {
            crate::print::line(&format!("           {name}"));
        }
    }
    crate::print::line(&format!("problems   {}", plan.bad));
    for problem in &plan.problems {
        crate::print::line(&format!("           {problem}"));
    }
    if plan.bad as usize > plan.problems.len() {
        crate::print::line(&format!("           … and {} more", plan.bad as usize - plan.problems.len()));
    }
}

/// Where a journal stands.
pub(super) fn status(backfill: &Backfill, status: &Status, open: bool, as_json: bool) {
    let (summary, detail) = (&status.summary, &status.detail);
    if as_json {
        let value = json!({
            "finished": status.finished,
            "items": counts(summary),
            "sessions": session_counts(summary),
            "bytes_in": summary.bytes_in,
            "bytes_out": summary.bytes_out,
            "attempts": summary.attempts,
            "doubts": summary.doubts,
            // Its name of before, for one release.
            "ambiguous": summary.doubts,
            "duplicates": summary.duplicates,
            "unaccounted": summary.unaccounted,
            "missing": summary.missing,
            "orphans": summary.orphans,
            "unowned": summary.unowned,
            "failures": detail.failures.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            "last_error": detail.last_error,
            "last_minute": detail.last_minute,
            "sessions_at_work": detail.at_work,
            "workers": detail.workers,
            "left_behind": open.then_some(&detail.orphans),
            "open": open.then_some(&detail.open),
            "provider": status.account.as_ref().map(|(provider, _)| provider),
            "account": status.account.as_ref().map(|(_, key)| key),
        });
        crate::print::line(&format!("{value}"));
        return;
    }
    if !status.imported {
        crate::print::line("the manifest is being read");
    }
    print_summary(summary, backfill);
    let left = summary.total() - summary.ended();
    if !status.finished {
        crate::print::line(&match detail.workers {
            0 => "workers    none is at work: `backfill run` goes on".to_owned(),
            n => format!("workers    {n} alive"),
        });
    }
    if detail.at_work > 0 && detail.last_minute > 0 && left > 0 {
        let eta = Duration::from_secs(left * 60 / detail.last_minute);
        crate::print::line(&format!(
            "at work    {}, {} a minute, about {} left",
            show_count(detail.at_work, "sessions"),
            show_count(detail.last_minute, "items"),
            show_duration(eta)
        ));
    }
    for (n, (reason, count)) in detail.failures.iter().enumerate() {
        crate::print::line(&format!("{} {count:>9} {reason}", if n == 0 { "failures  " } else { "          " }));
    }
    if let Some(said) = &detail.last_error {
        crate::print::under("the last", said);
    }
    if open {
        for session in &detail.open {
            let name = session.subject.as_deref().or(session.session.as_ref().map(SessionId::as_str)).unwrap_or("-");
            crate::print::under("open", &format!("{name}: {}", session.why));
        }
        for session in &detail.orphans {
            crate::print::under("left", &format!("{session} at the provider: expired, or dropped"));
        }
    }
    if let Some((provider, key)) = &status.account {
        crate::print::line(&format!("provider   {provider}, key {key}…"));
    }
}

/// How a run ended.
pub(super) fn finished(backfill: &Backfill, finished: &Finished, as_json: bool) {
    let summary = &finished.summary;
    if finished.met_nothing {
        crate::print::note(
            "nothing was done: no session that is free and has work left is part of this run (--only-subject, --include, \
             --exclude)",
        );
    }
    if as_json {
        let files = backfill.files();
        let value = json!({
            "exit": finished.exit.code(),
            "stopped": finished.stopped,
            "error": finished.cause,
            "seconds": finished.took.as_secs_f64(),
            "items": counts(summary),
            "sessions": session_counts(summary),
            "doubts": summary.doubts,
            // Its name of before, for one release.
            "ambiguous": summary.doubts,
            "unaccounted": summary.unaccounted,
            "missing": summary.missing,
            "orphans": summary.orphans,
            "unowned": summary.unowned,
            "results": files.results,
            "failed": files.failed,
            "report": files.report,
        });
        crate::print::line(&format!("{value}"));
        return;
    }
    if let Some(why) = &finished.stopped {
        crate::print::line(why);
    }
    print_summary(summary, backfill);
    crate::print::line(&format!("took       {}", show_duration(finished.took)));
}

/// What was decided.
pub(super) fn decisions(backfill: &Backfill, decisions: &Decisions, as_json: bool) {
    if as_json {
        let mut value = json!({"exit": decisions.exit().code(), "results": backfill.files().results});
        if let (Some(all), Ok(serde_json::Value::Object(more))) =
            (value.as_object_mut(), serde_json::to_value(decisions))
        {
            all.extend(more);
        }
        crate::print::json(&value);
        return;
    }
    for (verdict, n) in &decisions.verdicts {
        crate::print::line(&format!("{n:>9} {verdict}"));
    }
    if decisions.undecided > 0 {
        crate::print::line(&format!("{:>9} not decided yet", decisions.undecided));
    }
    if decisions.with_reason > 0 {
        let (all, foreseen) = (decisions.with_reason, decisions.foreseen);
        crate::print::line(&format!(
            "{foreseen:>9} of {all} that were not approved had a finding of ours that means the same"
        ));
    }
    for beside in &decisions.beside {
        let Beside { session, verdict, reason_code, reason, findings, .. } = beside;
        let reason = reason.as_deref().map_or_else(String::new, |reason| format!(" {reason}"));
        let found: Vec<&str> = findings.iter().map(|code| code.words()).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        crate::print::below("", &format!("{session} {verdict} {reason_code}{reason}; found before: {found}"));
    }
    if let Some(said) = decisions.last_error.as_ref().filter(|_| decisions.unanswered > 0) {
        crate::print::line(&format!("{:>9} of them could not be asked for: {said}", decisions.unanswered));
    }
    crate::print::line(&format!("results   {}", backfill.files().results.display()));
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
            crate::print::line(&format!("{name:<16} {value:<28} {:<24} {about}", setting.origin.to_string()));
        } else {
            crate::print::line(&format!("{name:<16} {value:<28} {about}"));
        }
    }
    // Not a setting of the file: a debugger's, by the environment alone.
    let (name, value) = ("isolation", press::isolation());
    let about = format!("where files are decoded; {}=off: in this process", sealpress_press::ISOLATION);
    if origins {
        let is_set = std::env::var_os(sealpress_press::ISOLATION).is_some();
        let origin = if is_set { Origin::Variable(sealpress_press::ISOLATION.to_owned()) } else { Origin::Default };
        crate::print::line(&format!("{name:<16} {value:<28} {:<24} {about}", origin.to_string()));
    } else {
        crate::print::line(&format!("{name:<16} {value:<28} {about}"));
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
    crate::print::line(&format!(
        "items      {} of {} confirmed, {} failed, {} in quarantine, {} to do",
        summary.of(ItemState::Confirmed),
        summary.total(),
        summary.of(ItemState::Failed),
        summary.of(ItemState::Quarantined),
        summary.total() - summary.ended(),
    ));
    if summary.of(ItemState::NotChosen) > 0 {
        let frames = show_count(summary.of(ItemState::NotChosen), "frames");
        crate::print::line(&format!("           {frames} not chosen: others of their burst are better"));
    }
    let dropped = (summary.of(ItemState::Dropped), summary.sessions_of(SessionState::Dropped));
    if dropped != (0, 0) {
        let sessions = match dropped.1 {
            0 => String::new(),
            n => format!(", {} given up", show_count(n, "sessions")),
        };
        crate::print::line(&format!("           {} dropped as told{sessions}", dropped.0));
    }
    crate::print::line(&format!("sessions   {} of {sessions} submitted", summary.sessions_of(SessionState::Submitted)));
    if summary.sessions_of(SessionState::Failed) + summary.sessions_of(SessionState::Quarantined) > 0 {
        crate::print::line(&format!(
            "           {} failed, {} in doubt",
            summary.sessions_of(SessionState::Failed),
            summary.sessions_of(SessionState::Quarantined)
        ));
    }
    crate::print::line(&format!(
        "bytes      {} read, {} sent",
        show_bytes(summary.bytes_in),
        show_bytes(summary.bytes_out)
    ));
    if summary.duplicates + summary.doubts > 0 {
        crate::print::line(&format!(
            "           {} not sent, {} looked up",
            show_count(summary.duplicates, "duplicates"),
            show_count(summary.doubts, "uploads")
        ));
    }
    for (n, things, what) in [
        (summary.unaccounted, "media", "at the provider and no item's: recorded twice, or somebody else's"),
        (summary.missing, "media", "confirmed and not in the provider's list: not submitted"),
        (summary.orphans, "sessions", "left behind at the provider, or perhaps (`status --open`)"),
        (summary.unowned, "rows", "that cannot be read, nobody's"),
    ] {
        if n > 0 {
            crate::print::line(&format!("           {} {what}", show_count(n, things)));
        }
    }
    crate::print::line(&format!("state      {}", backfill.state().display()));
}
