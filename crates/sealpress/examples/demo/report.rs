//! One self-contained page: no scripts, no fonts, nothing fetched.

use std::fmt::Write as _;

use crate::Story;
use crate::table::{self, Cells};
use crate::thumbnails::Pair;

pub(crate) fn html(story: &Story, thumbnails: &[Pair]) -> String {
    let mut out = String::from(HEAD);
    let (sent, before, after) = table::totals(story);
    let submitted = story.submissions.values().filter(|s| s.is_ok()).count();
    let _ = write!(
        out,
        "<header><h1>sealpress demo</h1><dl class=facts>\
         <div><dt>files uploaded</dt><dd>{sent} of {}</dd></div>\
         <div><dt>sessions submitted</dt><dd>{submitted} of {}</dd></div>\
         <div><dt>bytes</dt><dd>{} → {}</dd></div>\
         <div><dt>took</dt><dd>{:.1} s</dd></div></dl></header><main>",
        story.rows.len(),
        story.submissions.len(),
        table::bytes(before),
        table::bytes(after),
        story.took.as_secs_f64(),
    );
    let widest = story.rows.iter().map(|r| r.outcome.input_bytes).max().unwrap_or(1).max(1);
    let mut session = "";
    for (row, pair) in story.rows.iter().zip(thumbnails) {
        if row.session != session {
            if !session.is_empty() {
                out.push_str("</section>");
            }
            session = &row.session;
            let state = match story.submissions.get(session) {
                Some(Ok(())) => match table::failed(story, session) {
                    0 => "<span class=ok>submitted</span>".to_owned(),
                    n => format!("<span class=bad>submitted without {}</span>", table::count(n, "failed file")),
                },
                Some(Err(error)) => format!("<span class=bad>not submitted: {}</span>", escape(error)),
                None => "<span class=bad>nothing to submit</span>".to_owned(),
            };
            let _ = write!(out, "<section><h2>Session <code>{}</code> {state}</h2>", escape(session));
        }
        card(&mut out, &Cells::of(row), row, pair, widest);
    }
    out.push_str("</section></main></body></html>\n");
    out
}

fn card(out: &mut String, cells: &Cells, row: &crate::Row, pair: &Pair, widest: u64) {
    let ok = row.outcome.result.is_ok();
    let after = row.outcome.result.as_ref().map_or(0, |r| r.size);
    let share = |n: u64| n as f64 / widest as f64 * 100.0;
    let _ = write!(
        out,
        "<article{}><div class=pair><figure>{}<figcaption>as it came</figcaption></figure>\
         <figure>{}<figcaption>as it arrived</figcaption></figure></div>\
         <div class=text><h3>{}</h3><p class=tags><span class=tag>{}</span> <span class=muted>{}</span></p>",
        if ok { "" } else { " class=failed" },
        picture(pair.before.as_deref(), turned_back(pair.orientation), "as it came"),
        picture(pair.after.as_deref(), "", "as it arrived"),
        escape(&cells.file),
        escape(&row.file.context),
        escape(&cells.was),
    );
    if let Some(report) = &row.outcome.summary {
        out.push_str("<ul>");
        for action in &report.actions {
            let _ = write!(out, "<li>{}</li>", escape(&action.text));
        }
        for warning in &report.warnings {
            let _ = write!(out, "<li class=warn>{}</li>", escape(&warning.text));
        }
        out.push_str("</ul>");
    }
    let _ = write!(
        out,
        "<div class=bars title='bytes before and after'><i style='width:{:.2}%'></i><span>{}</span>\
         <i class=after style='width:{:.2}%'></i><span>{}</span></div>\
         <p class=muted>{} ms of computing · <code>{}</code></p></div></article>",
        share(row.outcome.input_bytes),
        cells.before,
        share(after),
        cells.after,
        cells.milliseconds,
        escape(&cells.media_id),
    );
}

fn picture(data: Option<&str>, style: &str, alt: &str) -> String {
    match data {
        // A click or the tab key gives the frame the focus, and the style sheet enlarges what has it.
        Some(data) => {
            format!(
                "<div class=frame tabindex=0 title='click to enlarge'><img alt='{alt}' style='{style}' src='{data}'></div>"
            )
        }
        None => "<div class=frame><span class=muted>no picture</span></div>".to_owned(),
    }
}

/// The inverse of an EXIF orientation, in CSS: the upright thumbnail, laid down again.
fn turned_back(orientation: u8) -> &'static str {
    match orientation {
        2 => "transform:scaleX(-1)",
        3 => "transform:rotate(180deg)",
        4 => "transform:scaleY(-1)",
        5 => "transform:rotate(-90deg) scaleX(-1)",
        6 => "transform:rotate(-90deg)",
        7 => "transform:rotate(90deg) scaleX(-1)",
        8 => "transform:rotate(90deg)",
        _ => "",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

const HEAD: &str = "<!doctype html><html lang=en><head><meta charset=utf-8>\
<meta name=viewport content='width=device-width,initial-scale=1'><title>sealpress demo</title><style>
:root{color-scheme:light dark;--bg:#f6f6f4;--card:#fff;--ink:#1d1d1b;--muted:#6b6b66;--line:#e2e1dc;--ok:#19734a;--bad:#b3261e;--bar:#b9b7ae;--after:#2f7d5b}
@media(prefers-color-scheme:dark){:root{--bg:#171716;--card:#212120;--ink:#ecebe6;--muted:#9b9a93;--line:#35342f;--ok:#6fcf9f;--bad:#ff8a80;--bar:#56544c;--after:#5fb08a}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
header,main{max-width:1180px;margin:0 auto;padding:24px}h1{margin:0 0 12px;font-size:26px}h2{font-size:16px;margin:28px 0 12px}h3{margin:0;font-size:15px;overflow-wrap:anywhere}
.facts{display:flex;flex-wrap:wrap;gap:12px;margin:0}.facts div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 16px}
dt{color:var(--muted);font-size:13px}dd{margin:0;font-size:18px;font-weight:600}
section{display:grid;grid-template-columns:repeat(auto-fill,minmax(520px,1fr));gap:14px}section h2{grid-column:1/-1}
@media(max-width:600px){section{grid-template-columns:1fr}article{flex-direction:column}}
article{display:flex;gap:16px;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px;min-width:0}
article.failed{border-color:var(--bad)}.pair{display:flex;gap:8px;flex:none}figure{margin:0;width:116px;text-align:center}figcaption{font-size:12px;line-height:1.3;color:var(--muted)}
.frame{width:116px;height:116px;display:flex;align-items:center;justify-content:center;overflow:hidden;background:var(--bg);border-radius:8px}
.frame img{max-width:112px;max-height:112px}.frame[tabindex]{cursor:zoom-in}\
.frame:focus{position:fixed;inset:0;width:auto;height:auto;z-index:1;border-radius:0;background:rgb(0 0 0/.8);cursor:zoom-out;outline:0}.frame:focus img{max-width:94vmin;max-height:94vmin}.text{min-width:0;flex:1}.tags{margin:4px 0}.tag{background:var(--bg);border:1px solid var(--line);border-radius:99px;padding:1px 9px;font-size:13px}
ul{margin:6px 0;padding-left:18px;font-size:14px}.warn{color:var(--bad)}.muted{color:var(--muted);font-size:13px;margin:4px 0}code{font-size:12px;overflow-wrap:anywhere}
.bars{display:grid;grid-template-columns:1fr auto;gap:2px 8px;align-items:center;font-size:13px}.bars i{height:8px;border-radius:4px;background:var(--bar);min-width:2px}.bars i.after{background:var(--after)}
.ok{color:var(--ok)}.bad{color:var(--bad)}
</style></head><body>";
