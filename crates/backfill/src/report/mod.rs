//! The report: one HTML file that needs nothing else, made from the journal. It names lines of the
//! manifest, never files or people.

mod figures;
mod svg;
mod thumbnails;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use sealpress_client::SessionId;
use sealpress_media::NOT_JUDGED;

use crate::error::{Error, ErrorKind, Result};
use crate::manifest::Manifest;
use crate::results::Whole;
use crate::store::state::{ItemState, SessionState};
use crate::store::{Detail, Store, Summary};
use crate::units::{show_bytes, show_duration};
use figures::{Bad, Bound, Figures};
use thumbnails::Thumbnail;
pub(crate) use thumbnails::Thumbnails;

pub(crate) const FILE: &str = "report.html";
/// The fact that has the settings of the last run.
pub(crate) const SETTINGS: &str = "settings";
const STYLE: &str = include_str!("style.css");

/// Writes the report of what the journal holds now, with thumbnails where there is what makes them.
///
/// # Errors
/// `Io` where the file cannot be written.
pub(crate) async fn write(
    store: &dyn Store,
    manifest: &Manifest,
    out: &Path,
    thumbnails: Option<&Thumbnails>,
) -> Result<()> {
    let summary = store.summary().await?;
    let figures = Figures::gather(store).await?;
    let name = manifest.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let about = About {
        provider: store.fact(crate::account::PROVIDER).await?,
        key: store.fact(crate::account::KEY).await?,
        host: std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
        settings: store.fact(SETTINGS).await?.and_then(|text| serde_json::from_str(&text).ok()),
        detail: store.detail(SHOWN_OPEN + 1).await?,
    };
    let thumbnails = match thumbnails {
        Some(thumbnails) => Some(thumbnails.of(&figures.worst).await),
        None => None,
    };
    let page = page(&name, &summary, &figures, &about, thumbnails.as_deref());
    let mut file = Whole::create(out.to_owned())?;
    file.write_all(page.as_bytes()).map_err(|e| Error::caused(ErrorKind::Io, "the report cannot be written", e))?;
    file.finish()
}

/// Sessions that are not submitted and are named one by one.
const SHOWN_OPEN: usize = 200;

/// Whose journal it is, where it was made into a report, and what is still open in it.
struct About {
    provider: Option<String>,
    key: Option<String>,
    host: String,
    settings: Option<std::collections::BTreeMap<String, String>>,
    detail: Detail,
}

fn page(name: &str, summary: &Summary, figures: &Figures, about: &About, thumbnails: Option<&[Thumbnail]>) -> String {
    let mut page = String::with_capacity(64 * 1024);
    let name = escape(name);
    let _ = write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <meta name=color-scheme content=\"light dark\"><title>Backfill of {name}</title><style>{STYLE}</style>\
         <main><header><h1>Backfill <span>{name}</span></h1>{}</header>",
        verdict(summary)
    );
    next_step(&mut page, summary, about);
    tiles(&mut page, summary, figures);
    section(
        &mut page,
        "Throughput",
        "Items that came to their end, per second. Long stretches without any are cut out.",
        &format!("<div class=scroll>{}</div>", svg::throughput(figures)),
    );
    page.push_str("<div class=two>");
    section(&mut page, "Sizes", "Files as they came, and as they were sent.", &svg::sizes(figures));
    section(
        &mut page,
        "Time by stage",
        "Median, and where 95 of 100 items stay below. Waiting is for leave to send: the rate, connections, pauses.",
        &svg::stages(figures),
    );
    page.push_str("</div><div class=two>");
    let failures = if figures.reasons.is_empty() {
        "<p class=none>Nothing failed.</p>".to_owned()
    } else {
        svg::bars(&figures.reasons)
    };
    section(&mut page, "Failures by reason", "Items that were not sent, or not for certain.", &failures);
    section(
        &mut page,
        "Duplicates",
        "The same file twice in one session and context is sent once.",
        &duplicates(summary, figures),
    );
    page.push_str("</div>");
    actions(&mut page, figures);
    preflight(&mut page, figures, thumbnails);
    settings(&mut page, about);
    open_sessions(&mut page, about);
    orphans(&mut page, about);
    bad_items(&mut page, figures);
    let provider = about.provider.as_deref().unwrap_or("a provider that the journal does not name");
    let key = about.key.as_deref().map_or_else(String::new, |key| format!(", key {}…", crate::account::short(key)));
    let _ = writeln!(
        page,
        "<footer>Made by sealpress {} on {} from its journal of {}{key}. Times are UTC.</footer></main></html>",
        env!("CARGO_PKG_VERSION"),
        escape(if about.host.is_empty() { "a host without a name" } else { &about.host }),
        escape(provider)
    );
    page
}

/// What the operator does next.
fn next_step(page: &mut String, summary: &Summary, about: &About) {
    let (failed, unclear) = (summary.of(ItemState::Failed), summary.of(ItemState::Quarantined));
    let step = if summary.ended() < summary.total() {
        "<code>backfill run</code> goes on with what is left."
    } else if unclear > 0 {
        "<code>backfill run</code> looks up again what nobody knows."
    } else if failed > 0 {
        "Mend the rows in <code>failed.csv</code> and say <code>backfill retry-failed MANIFEST --from failed.csv</code>; \
         where the files themselves were put right, <code>backfill retry-failed MANIFEST</code>."
    } else if !about.detail.open.is_empty() {
        "<code>backfill run</code> submits the sessions that are still open."
    } else {
        return;
    };
    let _ = write!(page, "<p>Next: {step}</p>");
}

/// The settings of the last run, but for those that nobody set.
fn settings(page: &mut String, about: &About) {
    let Some(said) = about.settings.as_ref().filter(|said| !said.is_empty()) else { return };
    page.push_str(
        "<section><h2>Settings of the last run</h2><p>As they were set; the others have their defaults.</p><dl>",
    );
    for (name, value) in said {
        let _ = write!(page, "<dt>{}<dd>{}", escape(name), escape(value));
    }
    page.push_str("</dl></section>");
}

/// Sessions that are left behind at the provider, to be looked after there.
fn orphans(page: &mut String, about: &About) {
    if about.detail.orphans.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Sessions left behind</h2><p>Expired and made anew, or dropped: the provider has them.</p><ul>",
    );
    for id in about.detail.orphans.iter().take(SHOWN_OPEN) {
        let _ = write!(page, "<li>{}", escape(id.as_str()));
    }
    page.push_str("</ul></section>");
}

/// Sessions that are not submitted, by the provider's ids: a subject may be a person's name.
fn open_sessions(page: &mut String, about: &About) {
    if about.detail.open.is_empty() {
        return;
    }
    page.push_str(
        "<section><h2>Sessions not submitted</h2><p><code>backfill status --open</code> names their subjects.</p>",
    );
    page.push_str("<div class=scroll><table><thead><tr><th>Session<th>State<th>Confirmed<th>Why<tbody>");
    for session in about.detail.open.iter().take(SHOWN_OPEN) {
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td class=n>{} of {}<td>{}",
            escape(session.session.as_ref().map_or("not made", SessionId::as_str)),
            session.state.as_str(),
            session.confirmed,
            session.items,
            escape(&session.why)
        );
    }
    page.push_str("</table></div>");
    if about.detail.open.len() > SHOWN_OPEN {
        page.push_str("<p>… and more.</p>");
    }
    page.push_str("</section>");
}

fn verdict(summary: &Summary) -> String {
    let (failed, unclear) = (summary.of(ItemState::Failed), summary.of(ItemState::Quarantined));
    let open = summary.total() - summary.ended();
    let dropped = match summary.of(ItemState::Dropped) {
        0 => String::new(),
        n => format!(", {} dropped", items(n)),
    };
    let (class, text) = if open > 0 {
        ("busy", format!("{} to do", items(open)))
    } else if unclear > 0 {
        ("bad", format!("finished, {} in quarantine", items(unclear)))
    } else if failed > 0 {
        ("warn", format!("finished, {} failed", items(failed)))
    } else {
        ("good", "finished, nothing failed".to_owned())
    };
    format!("<p class=\"verdict {class}\">{text}{dropped}</p>")
}

fn items(n: u64) -> String {
    format!("{} item{}", thousands(n), if n == 1 { "" } else { "s" })
}

fn tiles(page: &mut String, summary: &Summary, figures: &Figures) {
    let sessions: u64 = summary.sessions.iter().sum();
    let span = figures.span().map_or_else(|| "–".to_owned(), show_duration);
    let saved = match summary.bytes_in {
        0 => "–".to_owned(),
        all => format!("{:.0}%", summary.bytes_out as f64 * 100.0 / all as f64),
    };
    page.push_str("<section class=tiles>");
    for (label, value, note) in [
        (
            "confirmed",
            thousands(summary.of(ItemState::Confirmed)),
            match summary.of(ItemState::NotChosen) {
                0 => format!("of {}", items(summary.total())),
                n => format!("of {}, {} not chosen of bursts", items(summary.total()), thousands(n)),
            },
        ),
        (
            "failed",
            thousands(summary.of(ItemState::Failed)),
            match summary.of(ItemState::Dropped) {
                0 => format!("{} in quarantine", summary.of(ItemState::Quarantined)),
                n => format!("{} in quarantine, {n} dropped", summary.of(ItemState::Quarantined)),
            },
        ),
        (
            "sessions submitted",
            thousands(summary.sessions_of(SessionState::Submitted)),
            format!("of {}", thousands(sessions)),
        ),
        ("read", show_bytes(summary.bytes_in), format!("{} sent", show_bytes(summary.bytes_out))),
        ("of the bytes sent", saved, "compared with the files".to_owned()),
        ("first to last", span, format!("{} attempts", thousands(summary.attempts))),
    ] {
        let _ = write!(page, "<div><b>{value}</b><span>{label}</span><small>{note}</small></div>");
    }
    page.push_str("</section>");
}

fn section(page: &mut String, title: &str, about: &str, content: &str) {
    let _ = write!(page, "<section><h2>{title}</h2><p>{about}</p>{content}</section>");
}

fn duplicates(summary: &Summary, figures: &Figures) -> String {
    let mut text = String::from("<dl>");
    for (label, value) in [
        ("files not sent, because the same file was", thousands(summary.duplicates)),
        ("bytes saved by that", show_bytes(figures.duplicate_bytes)),
        ("uploads whose answer was lost and looked up", thousands(summary.doubts)),
        ("of them found in the provider's list", thousands(figures.found)),
        ("media at the provider that are no item's", thousands(summary.unaccounted)),
        ("confirmed media that the provider did not list", thousands(summary.missing)),
        ("sessions that are, or may be, left behind at the provider", thousands(summary.orphans)),
    ] {
        let _ = write!(text, "<dt>{label}<dd>{value}");
    }
    text.push_str("</dl>");
    text
}

fn actions(page: &mut String, figures: &Figures) {
    if figures.actions.is_empty() {
        return;
    }
    let content = svg::bars(&figures.actions);
    section(page, "What was done", "Actions on the files, by how many had them.", &content);
}

/// What preflight measured over the run: how each number is spread, and the pictures with the lowest scores.
fn preflight(page: &mut String, figures: &Figures, thumbnails: Option<&[Thumbnail]>) {
    if figures.judged == 0 {
        return;
    }
    let _ = write!(
        page,
        "<section><h2>Pictures</h2><p>Measured of {} before they were sent; the broken line is the limit of a finding. \
         Not judged: {}.</p><div class=spreads>",
        pictures(figures.judged),
        NOT_JUDGED.map(|name| name.replace('_', " ")).join(", ")
    );
    for ((name, bound), sorted) in figures::SCORES.iter().zip(&figures.scores) {
        let (Bound::AtLeast(code) | Bound::Below(code)) = bound;
        let limit = code.threshold();
        let is_good = |value: f64| match bound {
            Bound::AtLeast(_) => value >= limit,
            Bound::Below(_) => value < limit,
        };
        page.push_str(&svg::spread(name, sorted, limit, is_good));
    }
    page.push_str("</div>");
    if figures.findings.is_empty() {
        page.push_str("<p class=none>Nothing was found.</p>");
    } else {
        page.push_str(&svg::bars(&figures.findings));
    }
    page.push_str("</section><section><h2>Lowest scores</h2><p>Pictures that a person would look at first. Scores of different scenes are a hint, not a rank.");
    if thumbnails.is_some() {
        page.push_str(" <b>This page shows people and their documents: it is as confidential as the files.</b>");
    }
    let _ = write!(
        page,
        "</p><div class=scroll><table><thead><tr>{}<th>Line<th>Score<th>Found<th>Context<th>Session<th>File<tbody>",
        if thumbnails.is_some() { "<th>Picture" } else { "" }
    );
    for (n, worst) in figures.worst.iter().enumerate() {
        let picture = match thumbnails.and_then(|all| all.get(n)) {
            Some(Thumbnail::Picture(uri)) => format!("<td><img src=\"{}\" alt=\"line {}\">", escape(uri), worst.line),
            Some(Thumbnail::Absent(why)) => format!("<td class=why>{why}"),
            None => String::new(),
        };
        let _ = write!(
            page,
            "<tr>{picture}<td class=n>{}<td class=n>{}<td>{}<td>{}<td>{}<td>{}",
            worst.line,
            worst.score.map_or_else(|| "–".to_owned(), |score| format!("{score:.2}")),
            if worst.findings.is_empty() { "nothing" } else { &worst.findings },
            escape(&worst.context),
            escape(worst.session.as_deref().unwrap_or("not made")),
            worst.sha256.as_deref().unwrap_or("not read")
        );
    }
    page.push_str("</table></div></section>");
}

fn pictures(n: u64) -> String {
    format!("{} picture{}", thousands(n), if n == 1 { "" } else { "s" })
}

fn bad_items(page: &mut String, figures: &Figures) {
    let about = "By line of the manifest; a file by the beginning of its SHA-256. failed.csv has all of them, with their names.";
    listed_items(page, "Failed items", about, &figures.bad, figures.more_bad);
    let about = "Left out as told, and no failures. results.jsonl has all of them, as <code>dropped</code>.";
    listed_items(page, "Dropped items", about, &figures.dropped, figures.more_dropped);
}

fn listed_items(page: &mut String, title: &str, about: &str, items: &[Bad], more: u64) {
    if items.is_empty() {
        return;
    }
    let _ = write!(page, "<section><h2>{title}</h2><p>{about}</p>");
    page.push_str("<div class=scroll><table><thead><tr><th>Line<th>Session<th>File<th>Context<th>State<th>Reason<th>What it says<tbody>");
    for bad in items {
        let _ = write!(
            page,
            "<tr><td class=n>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            bad.line,
            escape(bad.session.as_deref().unwrap_or("not made")),
            bad.sha256.as_deref().unwrap_or("not read"),
            escape(&bad.context),
            bad.state.as_str(),
            escape(&bad.reason),
            escape(&bad.message)
        );
    }
    page.push_str("</table></div>");
    if more > 0 {
        let _ = write!(page, "<p>… and {} more.</p>", thousands(more));
    }
    page.push_str("</section>");
}

/// `1 234 567`, with spaces that do not break.
pub(super) fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(c);
    }
    text
}

pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

/// `14:05` of a moment in milliseconds since 1970, UTC; with the day where a run spans several.
pub(super) fn clock(ms: i64, days: bool) -> String {
    let minutes = ms.div_euclid(60_000);
    let (day, minute) = (minutes.div_euclid(1440), minutes.rem_euclid(1440));
    let time = format!("{:02}:{:02}", minute / 60, minute % 60);
    if !days {
        return format!("{time}:{:02}", ms.div_euclid(1000).rem_euclid(60));
    }
    let (month, day) = civil(day);
    format!(
        "{day} {} {time}",
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"][month]
    )
}

/// Month (0 to 11) and day of a day number since 1970, by the civil calendar's 400-year cycle.
fn civil(days: i64) -> (usize, i64) {
    let shifted = days + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    (usize::try_from((month + 2) % 12).unwrap_or(0), day)
}

/// A span of milliseconds.
pub(super) fn span(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_utc() {
        assert_eq!(clock(1_772_323_199_000, false), "23:59:59");
        assert_eq!(clock(1_772_323_199_000, true), "28 Feb 23:59");
        assert_eq!(clock(1_772_323_200_000, true), "1 Mar 00:00");
        assert_eq!(clock(1_709_164_800_000, true), "29 Feb 00:00");
        assert_eq!(clock(1_798_761_599_000, true), "31 Dec 23:59");
    }

    #[test]
    fn what_a_manifest_says_is_text() {
        assert_eq!(escape("<script>\"&\n"), "&lt;script&gt;&quot;&amp; ");
        assert_eq!(thousands(1_234_567), "1\u{202f}234\u{202f}567");
    }
}
