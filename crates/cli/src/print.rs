//! Lines, tables and JSON on stdout; nothing a file is called steers the terminal.

use std::io::{ErrorKind, IsTerminal, Write};

use serde::Serialize;

/// Prints a line. A reader that went away (`| head`) ends the program quietly, as it ends `cat`.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush());
    match written {
        Err(e) if e.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(e) => {
            eprintln!("sealpress: cannot write the output: {e}");
            std::process::exit(1);
        }
        Ok(()) => {}
    }
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

    pub(crate) fn row(&self, cells: &[&str]) {
        line(&self.format(cells));
    }

    fn format(&self, cells: &[&str]) -> String {
        let mut out = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let Some((width, align)) = self.widths.get(at) else {
                out.push_str(&plain(cell));
                break;
            };
            let cell = shorten(&plain(cell), *width);
            let pad = width.saturating_sub(cell.chars().count());
            match align {
                Align::Left => out.extend([cell.as_str(), &" ".repeat(pad)]),
                Align::Right => out.extend([" ".repeat(pad).as_str(), &cell]),
            }
            out.push_str("  ");
        }
        out.trim_end().to_owned()
    }
}

/// Keeps both ends of a long name: the beginning and the extension tell files apart.
fn shorten(text: &str, width: usize) -> String {
    let chars: Vec<char> = text.chars().collect();
    if chars.len() <= width {
        return text.to_owned();
    }
    let tail = (width / 3).max(1);
    let head = width - tail - 1;
    chars[..head].iter().chain(&['…']).chain(&chars[chars.len() - tail..]).collect()
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
        assert_eq!(plain("a\x1b[31m"), "a\u{FFFD}[31m");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!([999, 1_500, 3_400_000].map(bytes), ["999 B", "1.5 kB", "3.4 MB"]);
    }
}
