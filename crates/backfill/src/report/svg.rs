//! Plots as inline SVG. Colours are the page's, so that they follow light and dark.

use std::fmt::Write;

use super::figures::Figures;
use super::{clock, escape, span, thousands};
use crate::units::{show_bytes, show_duration};

const WIDTH: f64 = 1000.0;
const NARROW: f64 = 480.0;

/// Items per second over time: all that ended, and those that failed. Where nothing ended for long the plot
/// is cut, and says how long that was.
pub(super) fn throughput(figures: &Figures) -> String {
    let (Some(first), Some(last)) = (figures.ended.first(), figures.ended.last()) else {
        return none("Nothing has ended yet.");
    };
    const HEIGHT: f64 = 210.0;
    const LEFT: f64 = 52.0;
    const BOTTOM: f64 = 24.0;
    /// Width of a cut.
    const CUT: f64 = 72.0;
    let (from, to) = (first.0, last.0.max(first.0 + 1000));
    let gaps = figures.gaps();
    let pieces = pieces(from, to, &gaps);
    let busy: i64 = pieces.iter().map(|(from, to)| to - from).sum();
    let room = WIDTH - LEFT - CUT * gaps.len() as f64;
    let buckets = usize::try_from(busy / 1000).unwrap_or(1).clamp(8, 120);
    let seconds = busy as f64 / 1000.0 / buckets as f64;
    // Each piece has its share of the buckets and of the width.
    let mut drawn = Vec::with_capacity(pieces.len());
    let mut left = LEFT;
    for (from, to) in &pieces {
        let wide = room * (to - from) as f64 / busy as f64;
        let n = ((to - from) as f64 / 1000.0 / seconds).round().max(2.0) as usize;
        drawn.push(Piece { from: *from, to: *to, left, wide, all: vec![0.0; n], bad: vec![0.0; n] });
        left += wide + CUT;
    }
    for (at, failed) in &figures.ended {
        let Some(piece) = drawn.iter_mut().find(|piece| *at <= piece.to) else { continue };
        piece.count(*at, *failed);
    }
    let most = drawn.iter().flat_map(|piece| piece.all.iter().copied()).fold(0.0, f64::max);
    let top = ceiling(most);
    let y = |value: f64| (HEIGHT - BOTTOM) * (1.0 - value / top) + 6.0;
    let mut svg = open(WIDTH, HEIGHT + 6.0, "items per second over time");
    for step in 0..=4 {
        let value = top * f64::from(step) / 4.0;
        let at = y(value);
        let _ = write!(svg, "<line class=grid x1={LEFT} x2={WIDTH} y1={at:.1} y2={at:.1} />");
        text(&mut svg, LEFT - 8.0, at + 4.0, "end", "", &rate(value));
    }
    let floor = y(0.0);
    for piece in &drawn {
        let (left, right) = (piece.left, piece.left + piece.wide);
        let line = piece.line(&piece.all, y);
        let _ = write!(svg, "<polygon class=area points=\"{left:.1},{floor:.1} {line} {right:.1},{floor:.1}\" />");
        let _ = write!(svg, "<polyline class=stroke points=\"{line}\" />");
        if piece.bad.iter().any(|v| *v > 0.0) {
            let _ = write!(svg, "<polyline class=\"stroke worse\" points=\"{}\" />", piece.line(&piece.bad, y));
        }
    }
    for (piece, (from, to)) in drawn.iter().zip(&gaps) {
        let middle = piece.left + piece.wide + CUT / 2.0;
        let _ = write!(svg, "<line class=cut x1={middle:.1} x2={middle:.1} y1=6 y2={floor:.1} />");
        text(&mut svg, middle, 18.0, "middle", "", &show_duration(span(to - from)));
    }
    if drawn.iter().any(|piece| piece.bad.iter().any(|v| *v > 0.0)) {
        legend(&mut svg, WIDTH - 190.0, 4.0, &[("main", "ended"), ("fail", "of them failed")]);
    }
    moments(&mut svg, &drawn, HEIGHT + 4.0, span(to - from).as_secs() > 86_400);
    svg.push_str("</svg>");
    svg
}

/// The times at the ends of the pieces, and between them where there is but one.
fn moments(svg: &mut String, drawn: &[Piece], y: f64, days: bool) {
    let mut last = String::new();
    let steps: i32 = if drawn.len() == 1 { 4 } else { 1 };
    for (n, piece) in drawn.iter().enumerate() {
        // A narrow piece between two cuts has no room for words.
        if n > 0 && piece.wide < 90.0 && n + 1 < drawn.len() {
            continue;
        }
        for step in 0..=steps {
            let share = f64::from(step) / f64::from(steps);
            let at = clock(piece.from + ((piece.to - piece.from) as f64 * share) as i64, days);
            // A run of a second or two has fewer moments than the axis has places.
            if at == last || (piece.wide < 90.0 && step != if n == 0 { 0 } else { steps }) {
                continue;
            }
            let anchor = match step {
                0 => "start",
                step if step == steps => "end",
                _ => "middle",
            };
            text(svg, piece.left + piece.wide * share, y, anchor, "", &at);
            last = at;
        }
    }
}

/// A stretch of time without a gap, and what ended in it, in items per second.
struct Piece {
    from: i64,
    to: i64,
    left: f64,
    wide: f64,
    all: Vec<f64>,
    bad: Vec<f64>,
}

impl Piece {
    fn count(&mut self, at: i64, failed: bool) {
        let buckets = self.all.len();
        let seconds = (self.to - self.from) as f64 / 1000.0 / buckets as f64;
        let n = ((at - self.from) as f64 / (self.to - self.from) as f64 * buckets as f64) as usize;
        let n = n.min(buckets - 1);
        self.all[n] += 1.0 / seconds;
        self.bad[n] += if failed { 1.0 / seconds } else { 0.0 };
    }

    fn line(&self, values: &[f64], y: impl Fn(f64) -> f64) -> String {
        let x = |n: usize| self.left + self.wide * n as f64 / (values.len() - 1) as f64;
        let points: Vec<String> = values.iter().enumerate().map(|(n, v)| format!("{:.1},{:.1}", x(n), y(*v))).collect();
        points.join(" ")
    }
}

/// The stretches between the gaps; each is a second long at least, so that it can be drawn.
fn pieces(from: i64, to: i64, gaps: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let starts = std::iter::once(from).chain(gaps.iter().map(|gap| gap.1));
    let ends = gaps.iter().map(|gap| gap.0).chain([to]);
    starts.zip(ends).map(|(from, to)| (from, to.max(from + 1000))).collect()
}

/// Sizes before and after, side by side for each power of two.
pub(super) fn sizes(figures: &Figures) -> String {
    let (before, after) = (&figures.sizes_in.0, &figures.sizes_out.0);
    let keys = || before.keys().chain(after.keys()).copied();
    let (Some(low), Some(high)) = (keys().min(), keys().max()) else { return none("Nothing was sent yet.") };
    const HEIGHT: f64 = 230.0;
    const TOP: f64 = 26.0;
    const BOTTOM: f64 = 24.0;
    let most = before.values().chain(after.values()).copied().max().unwrap_or(1) as f64;
    let slots = f64::from(high - low + 1);
    // Few sizes make no wider bars than many.
    let step = (NARROW / slots).min(96.0);
    let mut svg = open(NARROW, HEIGHT, "sizes of files before and after");
    legend(&mut svg, 0.0, 0.0, &[("pale", "before"), ("main", "after")]);
    let labelled = (slots / 7.0).ceil() as u32;
    for key in low..=high {
        let left = step * f64::from(key - low);
        for (class, counts, offset) in [("pale", before, 0.1), ("main", after, 0.5)] {
            let n = counts.get(&key).copied().unwrap_or(0);
            if n == 0 {
                continue;
            }
            let tall = ((HEIGHT - TOP - BOTTOM) * n as f64 / most).max(1.5);
            let (x, wide) = (left + step * offset, step * 0.38);
            let title = format!("{} items of {} to {}", thousands(n), show_bytes(1 << key), show_bytes(2 << key));
            let at = HEIGHT - BOTTOM - tall;
            rect(&mut svg, class, [x, at, wide, tall], &title);
        }
        if (key - low).is_multiple_of(labelled) {
            text(&mut svg, left, HEIGHT - 6.0, "start", "", &show_bytes(1 << key).replace(".0 ", " "));
        }
    }
    let floor = HEIGHT - BOTTOM;
    let _ = write!(svg, "<line class=grid x1=0 x2={NARROW} y1={floor} y2={floor} /></svg>");
    svg
}

/// Median and 95th percentile of every stage.
pub(super) fn stages(figures: &Figures) -> String {
    const ROW: f64 = 40.0;
    const NAME: f64 = 56.0;
    const VALUE: f64 = 150.0;
    let names = ["read", "press", "sign", "wait", "send", "total"];
    let at = |sorted: &[f32], share: f64| {
        let n = (sorted.len() as f64 * share) as usize;
        sorted.get(n.min(sorted.len().saturating_sub(1))).copied().map_or(0.0, f64::from)
    };
    if figures.stages[0].is_empty() {
        return none("Nothing was sent yet.");
    }
    let rows: Vec<_> = names.iter().zip(&figures.stages).map(|(n, s)| (*n, at(s, 0.5), at(s, 0.95))).collect();
    let most = rows.iter().map(|r| r.2).fold(0.001, f64::max);
    let wide = NARROW - NAME - VALUE;
    let mut svg = open(NARROW, ROW * rows.len() as f64 + 26.0, "milliseconds by stage");
    legend(&mut svg, 0.0, 0.0, &[("main", "median"), ("pale", "95 of 100")]);
    for (n, (name, median, most_of_them)) in rows.iter().enumerate() {
        let y = 30.0 + ROW * n as f64;
        text(&mut svg, 0.0, y + 17.0, "start", "name", name);
        rect(&mut svg, "pale", [NAME, y, (wide * most_of_them / most).max(1.0), 24.0], "");
        rect(&mut svg, "main", [NAME, y, (wide * median / most).max(1.0), 24.0], "");
        let words = format!("{} · {}", milliseconds(*median), milliseconds(*most_of_them));
        text(&mut svg, NARROW, y + 17.0, "end", "", &words);
    }
    svg.push_str("</svg>");
    svg
}

/// How the values of one number are spread, in 24 steps from the lowest to the highest of 98 in 100; those beyond its
/// limit in another colour, and the limit as a line.
pub(super) fn spread(name: &str, sorted: &[f32], limit: f64, is_good: impl Fn(f64) -> bool) -> String {
    const STEPS: usize = 24;
    const WIDE: f64 = 240.0;
    const HEIGHT: f64 = 92.0;
    const TOP: f64 = 20.0;
    const BOTTOM: f64 = 18.0;
    let at = |share: f64| {
        let place = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
        sorted.get(place).copied().map_or(0.0, f64::from)
    };
    if sorted.is_empty() {
        return none(&format!("{name}: of no picture."));
    }
    let (low, high) = (at(0.01).min(limit), at(0.99).max(limit));
    let wide = (high - low).max(f64::EPSILON);
    let mut steps = [(0u64, 0.0); STEPS];
    for value in sorted.iter().copied().map(f64::from) {
        let step = ((value - low) / wide * STEPS as f64).clamp(0.0, STEPS as f64 - 1.0) as usize;
        steps[step].0 += 1;
        steps[step].1 += value;
    }
    let most = steps.iter().map(|(n, _)| *n).max().unwrap_or(1).max(1) as f64;
    let mut svg = open(WIDE, HEIGHT, name);
    text(&mut svg, 0.0, 12.0, "start", "name", name);
    text(&mut svg, WIDE, 12.0, "end", "", &format!("median {}", short(at(0.5))));
    let floor = HEIGHT - BOTTOM;
    for (n, (count, sum)) in steps.iter().enumerate().filter(|(_, (count, _))| *count > 0) {
        let tall = ((floor - TOP) * *count as f64 / most).max(1.5);
        let x = WIDE * n as f64 / STEPS as f64;
        let mean = sum / *count as f64;
        let class = if is_good(mean) { "main" } else { "fail" };
        let title = format!("{} pictures, about {}", thousands(*count), short(mean));
        rect(&mut svg, class, [x, floor - tall, WIDE / STEPS as f64 - 1.0, tall], &title);
    }
    let x = WIDE * (limit - low) / wide;
    let _ = write!(
        svg,
        "<line class=grid x1=0 x2={WIDE} y1={floor} y2={floor} /><line class=cut x1={x:.1} x2={x:.1} y1={TOP} y2={floor} />"
    );
    text(&mut svg, 0.0, HEIGHT - 4.0, "start", "", &short(low));
    text(&mut svg, WIDE, HEIGHT - 4.0, "end", "", &short(high));
    svg.push_str("</svg>");
    svg
}

/// A number of any size in few letters.
fn short(value: f64) -> String {
    if value.abs() >= 10.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// Counts by name, the most first.
pub(super) fn bars(counts: &[(String, u64)]) -> String {
    const ROW: f64 = 30.0;
    const NAME: f64 = 170.0;
    const VALUE: f64 = 70.0;
    const SHOWN: usize = 12;
    let most = counts.iter().map(|c| c.1).max().unwrap_or(1) as f64;
    let rows = counts.len().min(SHOWN);
    let mut svg = open(NARROW, ROW * rows as f64, "counts by name");
    for (n, (name, count)) in counts.iter().take(SHOWN).enumerate() {
        let y = ROW * n as f64;
        text(&mut svg, 0.0, y + 19.0, "start", "name", name);
        let wide = ((NARROW - NAME - VALUE) * *count as f64 / most).max(2.0);
        rect(&mut svg, "main", [NAME, y + 5.0, wide, 20.0], "");
        text(&mut svg, NAME + wide + 8.0, y + 19.0, "start", "", &thousands(*count));
    }
    svg.push_str("</svg>");
    if counts.len() > SHOWN {
        let rest: u64 = counts[SHOWN..].iter().map(|c| c.1).sum();
        let _ = write!(svg, "<p>… and {} under {} other names.</p>", thousands(rest), counts.len() - SHOWN);
    }
    svg
}

fn none(words: &str) -> String {
    format!("<p>{words}</p>")
}

fn open(width: f64, height: f64, what: &str) -> String {
    // Half-width plots that stand alone must not be blown up to the whole page.
    format!("<svg viewBox=\"0 0 {width} {height}\" style=\"max-width:{width}px\" role=img aria-label=\"{what}\">")
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, class: &str, words: &str) {
    let words = escape(words);
    let _ = write!(svg, "<text x={x:.1} y={y:.1} text-anchor={anchor} class=\"{class}\">{words}</text>");
}

fn rect(svg: &mut String, class: &str, [x, y, wide, tall]: [f64; 4], title: &str) {
    let _ = write!(svg, "<rect class={class} x={x:.1} y={y:.1} width={wide:.1} height={tall:.1} rx=2>");
    if !title.is_empty() {
        let _ = write!(svg, "<title>{}</title>", escape(title));
    }
    svg.push_str("</rect>");
}

fn legend(svg: &mut String, x: f64, y: f64, entries: &[(&str, &str)]) {
    let mut at = x;
    for (class, words) in entries {
        rect(svg, class, [at, y + 2.0, 11.0, 11.0], "");
        text(svg, at + 17.0, y + 12.0, "start", "", words);
        at += 34.0 + 7.0 * words.len() as f64;
    }
}

/// The next of 1, 2, 5 times a power of ten.
fn ceiling(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * unit).find(|n| *n >= value).unwrap_or(10.0 * unit)
}

fn rate(value: f64) -> String {
    if value.fract() == 0.0 || value >= 100.0 {
        thousands(value as u64)
    } else if value < 1.0 {
        format!("{value:.2}").trim_end_matches('0').to_owned()
    } else {
        format!("{value:.1}")
    }
}

fn milliseconds(ms: f64) -> String {
    if ms >= 10_000.0 {
        show_duration(span(ms as i64))
    } else if ms >= 10.0 {
        format!("{ms:.0} ms")
    } else {
        format!("{ms:.1} ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_is_never_drawn_larger_than_it_was_made() {
        for n in [1, 2, 20] {
            let counts: Vec<_> = (0..n).map(|i| (format!("action-{i}"), 1)).collect();
            let tall = 30 * n.min(12);
            let svg = bars(&counts);
            assert!(svg.starts_with(&format!("<svg viewBox=\"0 0 480 {tall}\" style=\"max-width:480px\"")), "{svg}");
        }
    }

    #[test]
    fn a_night_without_work_is_a_cut_and_no_valley() {
        let hour = 3_600_000;
        let ended = (0..600).map(|n| (n * 1000, n % 50 == 0)).collect();
        let mut figures = Figures { ended, ..Figures::default() };
        figures.ended.extend((0..600).map(|n| (9 * hour + n * 1000, false)));
        assert_eq!(figures.gaps(), [(599_000, 9 * hour)]);
        let svg = throughput(&figures);
        assert!(svg.matches("class=area").count() == 2 && svg.contains(">8 h 50 min<"), "{svg}");
        assert_eq!(svg.matches("class=cut").count(), 1);
        figures.ended.truncate(600);
        assert!(figures.gaps().is_empty() && throughput(&figures).matches("class=area").count() == 1);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!(ceiling(0.0), 1.0);
        assert_eq!(ceiling(3.2), 5.0);
        assert_eq!(ceiling(101.0), 200.0);
        assert!((ceiling(0.03) - 0.05).abs() < 1e-9);
        assert_eq!([0.0, 0.15, 0.5, 2.0, 37.5, 250.0].map(rate), ["0", "0.15", "0.5", "2", "37.5", "250"]);
    }
}
