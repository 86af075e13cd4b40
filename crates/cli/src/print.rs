//! Lines, tables and JSON on stdout; nothing a file is called steers the terminal.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Nobody reads the output any more.
static GONE: AtomicBool = AtomicBool::new(false);
/// The output could not be written for another reason: it is incomplete.
static LOST: AtomicBool = AtomicBool::new(false);

/// Prints a line. A reader that went away (`| head`) ends the printing and not the work: the exit
/// code says how that ended.
pub(crate) fn line(text: &str) {
    bytes_out(&[text.as_bytes(), b"\n"]);
}

/// Prints bytes as they are.
pub(crate) fn bytes_out(parts: &[&[u8]]) {
    if GONE.load(Ordering::Relaxed) {
        return;
    }
    let mut out = std::io::stdout().lock();
    let written = parts.iter().try_for_each(|part| out.write_all(part)).and_then(|()| out.flush());
    if let Err(e) = written {
        GONE.store(true, Ordering::Relaxed);
        if e.kind() != ErrorKind::BrokenPipe {
            LOST.store(true, Ordering::Relaxed);
            note(&format!("sealpress: cannot write the output: {e}"));
        }
    }
}

/// Tells the operator something beside the output, if anybody listens.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// A thread that writes lines to standard error, so that no request waits for a terminal.
pub(crate) fn notes() -> std::sync::mpsc::SyncSender<String> {
    let (said, lines) = std::sync::mpsc::sync_channel::<String>(1024);
    std::thread::spawn(move || {
        let mut terminal = std::io::stderr();
        // Whoever reads it may be gone; the work goes on.
        lines.iter().for_each(|line| drop(writeln!(terminal, "{line}")));
    });
    said
}

/// The exit code of a program whose output may have been lost: work that was done and not told is no
/// success.
pub(crate) fn exit(exit: ExitCode) -> ExitCode {
    if LOST.load(Ordering::Relaxed) && exit == ExitCode::SUCCESS { ExitCode::from(1) } else { exit }
}

/// Prints one object on a line of its own.
pub(crate) fn json(object: &impl Serialize) {
    line(&serde_json::to_string(object).unwrap_or_else(|e| {
        format!("{{\"ok\":false,\"error\":{{\"kind\":\"internal\",\"fault\":\"internal\",\"message\":\"{e}\"}}}}")
    }));
}

/// Columns of fixed width, so that rows can be printed as they come. The last one is as wide as it
/// likes.
pub(crate) struct Table {
    widths: &'static [(usize, Align)],
}

#[derive(Clone, Copy)]
pub(crate) enum Align {
    Left,
    Right,
}

impl Table {
    pub(crate) fn new(widths: &'static [(usize, Align)], head: &[&str]) -> Self {
        let table = Self { widths };
        let bold = std::io::stdout().is_terminal();
        let text = table.format(head);
        line(&if bold { format!("\x1b[1m{text}\x1b[0m") } else { text });
        table
    }

    /// What does not fit behind the columns stands below them, so that a terminal of 80 columns breaks no word.
    pub(crate) fn row(&self, cells: &[&str]) {
        let Some((last, fixed)) = cells.split_last().filter(|(_, fixed)| fixed.len() == self.widths.len()) else {
            return line(&self.format(cells));
        };
        let (row, last) = (self.format(fixed), plain(last));
        let indent = self.widths.iter().map(|(width, _)| width + 2).sum::<usize>();
        if indent + last.width() <= COLUMNS {
            return line(&self.format(cells));
        }
        line(&row);
        for part in wrap(&last, COLUMNS - INDENT) {
            line(&format!("{:INDENT$}{part}", ""));
        }
    }

    fn format(&self, cells: &[&str]) -> String {
        let mut out = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let Some((width, align)) = self.widths.get(at) else {
                out.push_str(&plain(cell));
                break;
            };
            let cell = shorten(&plain(cell), *width);
            let pad = width.saturating_sub(cell.width());
            match align {
                Align::Left => out.extend([cell.as_str(), &" ".repeat(pad)]),
                Align::Right => out.extend([" ".repeat(pad).as_str(), &cell]),
            }
            out.push_str("  ");
        }
        out.trim_end().to_owned()
    }
}

/// Prints a text below what it belongs to, in as many lines as 80 columns ask for.
pub(crate) fn below(name: &str, text: &str) {
    for (n, part) in wrap(text, COLUMNS - 2 - name.width()).iter().enumerate() {
        let name = if n == 0 { name } else { "" };
        line(&format!("  {name}{part}"));
    }
}

/// Prints a row of name and text, in as many lines as 80 columns ask for.
pub(crate) fn under(name: &str, text: &str) {
    for (n, part) in wrap(text, COLUMNS - NAMES).iter().enumerate() {
        let name = if n == 0 { name } else { "" };
        line(&format!("{name:<NAMES$}{part}"));
    }
}

/// Columns of a row's name.
const NAMES: usize = 11;
/// Columns of a terminal that nobody made wider, and of what stands below a row.
const COLUMNS: usize = 80;
const INDENT: usize = 4;

/// Lines of whole words, as far as the words are not longer themselves.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(last) if last.width() + 1 + word.width() <= width => last.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Keeps both ends of a long name: the beginning and the extension tell files apart. Counted in columns
/// of a terminal, of which some letters take two.
fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let tail = (width / 3).max(1);
    let fits = |room: usize| {
        move |used: &mut usize, c: char| {
            *used += c.width().unwrap_or(0);
            (*used <= room).then_some(c)
        }
    };
    let head: String = text.chars().scan(0, fits(width - tail - 1)).collect();
    let end: Vec<char> = text.chars().rev().scan(0, fits(tail)).collect();
    head.chars().chain(['…']).chain(end.into_iter().rev()).collect()
}

/// A file's name must not steer the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect()
}

/// Bytes for people: `3.4 MB`.
#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        _ => format!("{:.1} MB", n as f64 / 1e6),
    }
}

/// Milliseconds with one decimal.
pub(crate) fn ms(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e4).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shorten("IMG_20240101_120000_front.jpeg", 16), "IMG_202401….jpeg");
        assert_eq!(shorten("short.jpg", 16), "short.jpg");
        let wide = shorten("身分証明書の写真です.jpeg", 16);
        assert!(wide.width() <= 16 && wide.ends_with(".jpeg") && wide.starts_with('身'), "{wide}");
        assert_eq!(plain("a\x1b[31m"), "a\u{FFFD}[31m");
    }

    #[test]
    fn words_stand_whole_on_their_lines() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("身分証 明書", 8), ["身分証", "明書"], "counted in columns");
        assert_eq!(wrap("longer-than-that no", 8), ["longer-than-that", "no"]);
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([999, 1_500, 3_400_000].map(bytes), ["999 B", "1.5 kB", "3.4 MB"]);
    }
}
