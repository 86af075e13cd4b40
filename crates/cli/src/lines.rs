//! What `--json` says of one file, whatever the command did with it. The names are a promise.

use std::fmt;
use std::path::Path;

use sealpress_media::Note;
use serde::Serialize;

use crate::outcome::Failure;

/// One line: the file, whether all went well, and what a command has to say of it.
#[derive(Debug, Serialize)]
pub(crate) struct FileLine<T> {
    pub(crate) input: String,
    ok: bool,
    #[serde(flatten)]
    end: End<T>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum End<T> {
    Done(Box<T>),
    Failed { error: Failure },
}

impl<T> FileLine<T> {
    pub(crate) fn new(path: &Path, result: Result<T, Failure>) -> Self {
        let ok = result.is_ok();
        let end = result.map_or_else(|error| End::Failed { error }, |done| End::Done(Box::new(done)));
        Self { input: path.to_string_lossy().into_owned(), ok, end }
    }

    pub(crate) fn result(&self) -> Result<&T, &Failure> {
        match &self.end {
            End::Done(done) => Ok(done),
            End::Failed { error } => Err(error),
        }
    }
}

/// One action or warning, with its reason.
#[derive(Debug, Serialize)]
pub(crate) struct NoteLine {
    name: String,
    reason: String,
}

impl NoteLine {
    pub(crate) fn all(notes: &[Note]) -> Vec<Self> {
        notes.iter().map(|note| Self { name: note.name.clone(), reason: note.text.clone() }).collect()
    }

    pub(crate) fn names(notes: &[Self]) -> String {
        notes.iter().map(|note| note.name.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Name and reason for people.
impl fmt::Display for NoteLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.reason)
    }
}
