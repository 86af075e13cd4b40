//! Numbers in a README can be had again: beside every table of figures stands the command that
//! prints them, and the command is there.

use super::files;

/// Tables of numbers that nobody measured, by a word of their head.
const NOT_MEASURED: &[&str] = &["default", "`Kernel::name`", "status", "exit"];

/// How many cells with a figure make a table of figures.
const FIGURES: usize = 4;

#[test]
fn every_table_of_figures_names_its_command() {
    let mut untold = Vec::new();
    let mut seen = 0;
    for (path, text) in readmes() {
        for table in tables(&text, Page::of(&path)) {
            seen += 1;
            if table.commands.is_empty() {
                untold.push(format!("{path}:{}: {}", table.line, table.head));
            }
        }
    }
    assert!(seen >= 4, "only {seen} tables of figures found");
    assert!(untold.is_empty(), "no `cargo …` or `…/run.sh` beside these tables: {untold:#?}");
}

#[test]
fn commands_beside_tables_exist() {
    let help = include_str!("../main.rs");
    let mut unknown = Vec::new();
    for (path, text) in readmes() {
        for command in tables(&text, Page::of(&path)).into_iter().flat_map(|table| table.commands) {
            let mut words = command.split_whitespace().skip(1);
            let known = match words.next() {
                Some("xtask") => {
                    let words: Vec<&str> = words.collect();
                    let named = |word: &str| {
                        help.contains(&format!("\n  {word} ")) || help.contains(&format!("\n  bench {word}"))
                    };
                    match words.as_slice() {
                        ["bench", name, ..] => help.contains("\n  bench ") && bench(name),
                        [name, ..] => named(name),
                        [] => false,
                    }
                }
                Some("run" | "test" | "bench" | "build" | "tree" | "check") => true,
                _ => false,
            };
            if !known {
                unknown.push(format!("{path}: {command}"));
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// Whether `cargo xtask bench NAME` is told by the help.
fn bench(name: &str) -> bool {
    let help = include_str!("../main.rs");
    help.lines()
        .filter(|l| l.starts_with("  bench "))
        .any(|l| l.split(|c: char| !c.is_alphanumeric()).any(|w| w == name))
}

struct Table {
    line: usize,
    head: String,
    commands: Vec<String>,
}

/// Tables with figures in them, each with the commands of its section: from the heading above to the
/// one below.
fn tables(text: &str, page: Page) -> Vec<Table> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        if !lines[at].starts_with('|') {
            at += 1;
            continue;
        }
        let end = (at..lines.len()).find(|n| !lines[*n].starts_with('|')).unwrap_or(lines.len());
        let cells = lines[at..end].iter().skip(2).flat_map(|row| row.split('|').skip(2));
        let measured = !NOT_MEASURED.iter().any(|word| lines[at].contains(word));
        if measured && cells.filter(|cell| is_figure(cell)).count() >= FIGURES {
            let heading = |line: &&str| line.starts_with('#');
            let above = (0..at).rev().find(|n| heading(&lines[*n])).unwrap_or(0);
            let below = (end..lines.len()).find(|n| heading(&lines[*n])).unwrap_or(lines.len());
            found.push(Table {
                line: at + 1,
                head: lines[at].to_owned(),
                commands: [&lines[above..below], page.opening(&lines)]
                    .iter()
                    .flat_map(|part| commands(&part.join("\n")))
                    .collect(),
            });
        }
        at = end;
    }
    found
}

/// What kind of page a table stands on.
#[derive(Clone, Copy, PartialEq)]
enum Page {
    /// Written by a bench: its first lines hold for all of it.
    Results,
    Readme,
}

impl Page {
    fn of(path: &str) -> Self {
        if path.starts_with("benches/results/") { Self::Results } else { Self::Readme }
    }

    /// What stands before the first section of a page of results.
    fn opening<'a>(self, lines: &'a [&'a str]) -> &'a [&'a str] {
        let end = lines.iter().position(|line| line.starts_with("##")).unwrap_or(lines.len());
        if self == Self::Results { &lines[..end] } else { &[] }
    }
}

/// A cell that is a measured number, with or without a unit or a sign around it.
fn is_figure(cell: &str) -> bool {
    let cell = cell.trim().trim_matches(['*', '≤', '≥', '<', '>', '~', ' ']);
    let digits = cell.find(|c: char| !(c.is_ascii_digit() || ".,".contains(c))).unwrap_or(cell.len());
    digits > 0 && cell[digits..].trim_start().chars().count() <= 12
}

/// Everything between backticks that is a command to run.
fn commands(text: &str) -> Vec<String> {
    let code = text.split('`').skip(1).step_by(2);
    let mut found: Vec<String> = code
        .filter(|code| code.contains("cargo ") || code.contains("/run.sh"))
        .map(|code| code.find("cargo ").map_or(code, |at| &code[at..]))
        .map(str::to_owned)
        .collect();
    found.extend(text.lines().map(str::trim).filter(|line| line.starts_with("cargo ")).map(str::to_owned));
    found
}

fn readmes() -> Vec<(String, String)> {
    let root = std::fs::read_to_string(crate::root().join("README.md")).expect("the README");
    let mut found = vec![("README.md".to_owned(), root)];
    found.extend(["crates", "benches"].into_iter().flat_map(|folder| files(folder, "md")));
    found
}

#[test]
fn tables_of_figures_are_told_from_others() {
    let text = "# A\n\n| x | ms |\n|--|--|\n| a | 1.5 |\n| b | 2 ms |\n| c | 3 |\n| d | **4** |\n\n`cargo bench x`\n\n# B\n\n\
                | a | b |\n|--|--|\n| c | words |\n";
    let found = tables(text, Page::Readme);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].commands, ["cargo bench x"]);
}
