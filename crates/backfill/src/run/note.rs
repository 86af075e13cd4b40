//! What the journal keeps of how an item went: small, without names.

use sealpress_pipeline::Outcome;
use serde::{Deserialize, Serialize};

/// The note of one confirmed item.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Note {
    /// What the file was, and what was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) format: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_format: Option<String>,
    /// Pixels before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) original: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) dimensions: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pages: Option<Vec<u32>>,
    pub(crate) actions: Vec<String>,
    pub(crate) warnings: Vec<String>,
    pub(crate) ms: Stages,
}

/// Milliseconds by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stages {
    pub(crate) read: f64,
    pub(crate) press: f64,
    pub(crate) sign: f64,
    pub(crate) send: f64,
    pub(crate) total: f64,
}

pub(super) fn of(outcome: &Outcome) -> String {
    let t = &outcome.timings;
    let ms = |d: std::time::Duration| (d.as_secs_f64() * 1e5).round() / 100.0;
    let mut note = Note {
        ms: Stages { read: ms(t.read), press: ms(t.press), sign: ms(t.sign), send: ms(t.send), total: ms(t.total) },
        ..Note::default()
    };
    if let Some(report) = &outcome.report {
        note.format = Some(report.format.as_str().to_owned());
        note.output_format = Some(report.output_format.as_str().to_owned());
        note.original = report.original.and_then(|d| serde_json::to_value(d).ok());
        note.dimensions = report.dimensions.and_then(|d| serde_json::to_value(d).ok());
        note.pages.clone_from(&report.pages);
        note.actions = report.actions.iter().map(|a| a.name.clone()).collect();
        note.warnings = report.warnings.iter().map(|w| w.name.clone()).collect();
    }
    serde_json::to_string(&note).unwrap_or_default()
}
