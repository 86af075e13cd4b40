//! What the journal keeps of how an item went: what was done to its file, with its words, and how long
//! that took.

use sealpress_media::{Dimensions, Format, Note as Word, Summary};
use sealpress_pipeline::Timings;
use serde::{Deserialize, Serialize};

/// The note of one confirmed item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Note {
    /// What was done to the file, where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) summary: Option<Summary>,
    pub(crate) ms: Stages,
}

/// Milliseconds by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stages {
    pub(crate) read: f64,
    pub(crate) press: f64,
    pub(crate) sign: f64,
    /// For leave to send: the rate, connections, pauses.
    pub(crate) wait: f64,
    pub(crate) send: f64,
    pub(crate) total: f64,
}

/// As it stands in a journal: journals of the first versions had the summary's parts beside `ms`, and of
/// actions and warnings the names alone.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Stored {
    summary: Option<Summary>,
    ms: Stages,
    format: Option<Format>,
    output_format: Option<Format>,
    original: Option<Dimensions>,
    dimensions: Option<Dimensions>,
    pages: Option<Vec<u32>>,
    actions: Vec<String>,
    warnings: Vec<String>,
}

impl Note {
    /// The text of a note; `None` for a text that is none.
    pub(crate) fn stored(text: &str) -> Option<Self> {
        let stored: Stored = serde_json::from_str(text).ok()?;
        let words = |names: Vec<String>| names.into_iter().map(|name| Word::new(name, "")).collect();
        let parts = stored.format.map(|format| {
            let mut summary = Summary::unchanged(format);
            summary.output_format = stored.output_format.unwrap_or(format);
            (summary.original, summary.dimensions) = (stored.original, stored.dimensions);
            summary.pages = stored.pages;
            (summary.actions, summary.warnings) = (words(stored.actions), words(stored.warnings));
            summary
        });
        Some(Self { summary: stored.summary.or(parts), ms: stored.ms })
    }
}

pub(super) fn of(summary: Option<Summary>, t: &Timings) -> String {
    let ms = |d: std::time::Duration| (d.as_secs_f64() * 1e5).round() / 100.0;
    let ms = Stages {
        read: ms(t.read),
        press: ms(t.press),
        sign: ms(t.sign),
        wait: ms(t.wait),
        send: ms(t.send),
        total: ms(t.total),
    };
    serde_json::to_string(&Note { summary, ms }).unwrap_or_default()
}

/// The same of a file that was prepared and is not sent.
pub(super) fn of_prepared(prepared: &Summary) -> String {
    serde_json::to_string(&Note { summary: Some(prepared.clone()), ms: Stages::default() }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_of_older_journals_are_read() {
        let old = r#"{"format":"png","output_format":"jpeg","original":{"width":40,"height":30},
            "actions":["resized"],"warnings":[],"ms":{"read":1.5,"press":2.0,"sign":0.0,"send":3.0,"total":7.0}}"#;
        let note = Note::stored(old).unwrap();
        let summary = note.summary.as_ref().unwrap();
        assert_eq!((summary.format, summary.output_format), (Format::Png, Format::Jpeg));
        assert_eq!(summary.original.map(|d| (d.width(), d.height())), Some((40, 30)));
        assert_eq!((summary.actions[0].name.as_str(), note.ms.total), ("resized", 7.0));
        let again = serde_json::to_string(&note).unwrap();
        assert_eq!(Note::stored(&again), Some(note), "as it is written today");
        assert_eq!(Note::stored("no note"), None);
    }
}
