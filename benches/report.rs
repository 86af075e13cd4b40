//! Tables and plots of what was raced.

use std::fmt::Write as _;
use std::path::Path;

use crate::measure::{Contender, race, size};

/// A length in bytes, and GB of input a second by contender.
pub struct Row {
    len: usize,
    speeds: Vec<(&'static str, f64)>,
}

impl Row {
    /// Races the contenders, each of which takes `len` bytes of input a run.
    #[must_use]
    pub fn of(len: usize, mut contenders: Vec<Contender<'_>>) -> Self {
        race(&mut contenders);
        let speed = |c: &Contender<'_>| (c.name, len as f64 / c.seconds() / 1e9);
        Self { len, speeds: contenders.iter().map(speed).collect() }
    }

    /// GB of input a second.
    #[must_use]
    pub fn speed(&self, name: &str) -> Option<f64> {
        self.speeds.iter().find(|(n, _)| *n == name).map(|(_, speed)| *speed)
    }

    /// Speed of `a` over speed of `b`.
    #[must_use]
    pub fn ratio(&self, a: &str, b: &str) -> Option<f64> {
        Some(self.speed(a)? / self.speed(b)?)
    }
}

/// GB of input a second, a column for each contender.
pub fn table(out: &mut String, rows: &[Row]) {
    let names: Vec<&str> = rows[0].speeds.iter().map(|(name, _)| *name).collect();
    let _ = writeln!(out, "| | {} |\n|---|{}", names.join(" | "), "--:|".repeat(names.len()));
    for row in rows {
        let digits = if row.speeds.iter().any(|(_, speed)| *speed > 20.0) { 1 } else { 2 };
        let speeds: Vec<String> = row.speeds.iter().map(|(_, speed)| format!("{speed:.digits$}")).collect();
        let _ = writeln!(out, "| {} | {} |", size(row.len), speeds.join(" | "));
    }
}

/// One column for each heading: the speed of the first name over that of the second.
pub fn ratios(out: &mut String, rows: &[Row], columns: &[(&str, &str, &str)]) {
    let headings: Vec<&str> = columns.iter().map(|(heading, ..)| *heading).collect();
    let _ = writeln!(out, "| | {} |\n|---|{}", headings.join(" | "), "--:|".repeat(headings.len()));
    for row in rows {
        let cell = |(_, a, b): &(&str, &str, &str)| row.ratio(a, b).map_or("–".to_owned(), |r| format!("{r:.3}"));
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let _ = writeln!(out, "| {} | {} |", size(row.len), cells.join(" | "));
    }
}

/// Prints the report, and writes it as `results/NAME.md` with a plot of `rows` beside it where
/// `SEALPRESS_WRITE_RESULTS` is set.
///
/// # Panics
/// Where the files cannot be written.
pub fn publish(name: &str, title: &str, report: &str, rows: &[Row], steps: &[f64]) {
    println!("{report}");
    if std::env::var_os("SEALPRESS_WRITE_RESULTS").is_none() {
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
    let head =
        format!("# {title}\n\n`SEALPRESS_WRITE_RESULTS=1 cargo xtask bench {name}`\n\n![{title}]({name}.svg)\n\n");
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    std::fs::write(folder.join(format!("{name}.md")), head + report).expect("results can be written");
    std::fs::write(folder.join(format!("{name}.svg")), plot(title, rows, steps)).expect("the plot can be written");
}

/// The bounds are grey, the first of ours is red.
fn colour(name: &str, at: usize) -> &'static str {
    const OTHERS: [&str; 8] = ["#1f77b4", "#2ca02c", "#9467bd", "#e8a33d", "#17becf", "#8c564b", "#ff9896", "#c5b0d5"];
    match name {
        "memcpy" | "hash alone" => "#888888",
        "ours" | "whole" => "#d62728",
        _ => OTHERS[at % OTHERS.len()],
    }
}

/// GB/s over the length, both logarithmic; `steps` are the speeds that are marked.
fn plot(title: &str, rows: &[Row], steps: &[f64]) -> String {
    const WIDTH: f64 = 780.0;
    const HEIGHT: f64 = 430.0;
    const LEFT: f64 = 60.0;
    const RIGHT: f64 = WIDTH - 190.0;
    const TOP: f64 = 50.0;
    const BOTTOM: f64 = HEIGHT - 55.0;
    let (low, high) = (steps[0].ln(), steps[steps.len() - 1].ln());
    let (first, last) = ((rows[0].len as f64).ln(), (rows[rows.len() - 1].len as f64).ln());
    let x = |len: usize| LEFT + ((len as f64).ln() - first) / (last - first) * (RIGHT - LEFT);
    let y = |speed: f64| BOTTOM - (speed.ln().clamp(low, high) - low) / (high - low) * (BOTTOM - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n\
         <text x=\"{LEFT}\" y=\"{:.1}\" fill=\"#555555\">bytes of input</text>\n\
         <text x=\"{LEFT}\" y=\"40\" fill=\"#555555\">GB of input a second</text>\n",
        HEIGHT - 12.0
    );
    for &speed in steps {
        let at = y(speed);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{RIGHT}\" stroke=\"#dddddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{speed}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    for row in rows {
        let at = x(row.len);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {BOTTOM}v5\" stroke=\"#888888\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            BOTTOM + 19.0,
            size(row.len)
        );
    }
    for (at, (name, _)) in rows[0].speeds.iter().enumerate() {
        let colour = colour(name, at);
        let points: Vec<(f64, f64)> = rows.iter().filter_map(|r| Some((x(r.len), y(r.speed(name)?)))).collect();
        let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.join(" ")
        );
        for (x, y) in points {
            let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        let (x, y) = (RIGHT + 18.0, TOP + 12.0 + 22.0 * at as f64);
        let _ = writeln!(
            svg,
            "<path d=\"M{x} {y}h20\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{}\" y=\"{}\">{name}</text>",
            x + 27.0,
            y + 4.0
        );
    }
    svg + "</svg>\n"
}
