//! One line of a manifest, and whose it is, whatever else is wrong with it.

use sealpress_client::{Context, SessionId};
use sealpress_media::Fault;
use serde_json::{Map, Value};

use crate::store::state::Failure;

/// One line of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Line of the file, counted from 1; the number of the file in a folder.
    pub line: u64,
    /// Whose media it is. `None` only in bad rows.
    pub who: Option<Who>,
    /// What it shows.
    pub context: Context,
    /// Path or URL.
    pub media: String,
    /// Capture time.
    pub timestamp: Option<String>,
    /// Of which burst it is a frame: the best of those with the same name, in one session and context, are sent.
    pub burst: Option<String>,
    /// All other columns, as a JSON object.
    pub extra: Option<String>,
    /// Why this row cannot become an item.
    pub bad: Option<Failure>,
    /// The row as it stands in the manifest, where it cannot become an item.
    pub raw: Option<Vec<u8>>,
}

impl Row {
    /// Whether both rows are of one session.
    pub(crate) fn same_session(&self, other: &Self) -> bool {
        match (&self.who, &other.who) {
            (Some(a), Some(b)) => a.same(b),
            _ => false,
        }
    }
}

/// The session that an item belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// One that exists at the provider.
    Session(SessionId),
    /// One that will be made for this key of the operator's.
    Subject {
        /// The operator's key.
        subject: String,
        /// Given name.
        first_name: Option<String>,
        /// Family name.
        last_name: Option<String>,
        /// Free text for the provider.
        vendor_data: Option<String>,
    },
}

impl Who {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Session(a), Self::Session(b)) => a == b,
            (Self::Subject { subject: a, .. }, Self::Subject { subject: b, .. }) => a == b,
            _ => false,
        }
    }

    /// What tells sessions apart in the journal.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Session(id) => format!("session:{id}"),
            Self::Subject { subject, .. } => format!("subject:{subject}"),
        }
    }
}

/// The reason of rows that are no items.
const BAD_ROW: &str = "bad-row";

pub(super) fn bad(message: String) -> Failure {
    Failure::new(BAD_ROW, Fault::Input, message)
}

/// Longest value of a column, in bytes: beyond any name, path or URL.
const LONGEST: usize = 64 * 1024;

/// Makes a row of its columns.
pub(super) fn from_columns(line: u64, columns: impl Iterator<Item = (String, String)>) -> Row {
    let mut known: [Option<String>; 9] = Default::default();
    let mut extra = Map::new();
    let mut problem: Option<String> = None;
    for (name, value) in columns {
        if value.len() > LONGEST {
            problem.get_or_insert(format!(
                "line {line}: column `{name}` holds {} bytes, more than {LONGEST}",
                value.len()
            ));
            continue;
        }
        match super::COLUMNS.iter().position(|c| *c == name) {
            Some(n) => {
                let trimmed = value.trim();
                if !trimmed.is_empty() {
                    known[n] = Some(trimmed.to_owned());
                }
            }
            None => drop(extra.insert(name, Value::String(value))),
        }
    }
    // A key with something in it that nobody sees is a slip of another one.
    for (n, name) in super::COLUMNS.iter().enumerate().take(2) {
        if let Some(unseen) = known[n].as_deref().and_then(|key| key.chars().find(|c| is_unseen(*c))) {
            let code = u32::from(unseen);
            problem.get_or_insert(format!("line {line}: `{name}` has a character that nobody sees (U+{code:04X})"));
            extra.insert((*name).to_owned(), Value::String(known[n].take().unwrap_or_default()));
        }
    }
    let [session, subject, first_name, last_name, vendor_data, context, media, timestamp, burst] = known;
    for (name, value) in [("context", &context), ("media", &media)] {
        if value.is_none() {
            problem.get_or_insert(format!("line {line}: no `{name}`"));
        }
    }
    let who = match (session, subject) {
        (Some(session), None) => match SessionId::new(spelled(&session)) {
            Ok(id) => Some(Who::Session(id)),
            // Whose it is, nobody can tell: it may be a slip of another row's session.
            Err(e) => {
                problem.get_or_insert(format!("line {line}: `{session}` is no session id: {e}"));
                extra.insert("session".to_owned(), Value::String(session));
                None
            }
        },
        (None, Some(subject)) => Some(Who::Subject { subject, first_name, last_name, vendor_data }),
        (None, None) => {
            problem.get_or_insert(format!("line {line}: neither `session` nor `subject`"));
            None
        }
        (Some(session), Some(subject)) => {
            problem.get_or_insert(format!(
                "line {line}: both `session` and `subject`; one of them says whose media it is"
            ));
            extra.insert("session".to_owned(), Value::String(session));
            extra.insert("subject".to_owned(), Value::String(subject));
            None
        }
    };
    Row {
        line,
        who,
        context: Context::from(context.unwrap_or_default()),
        media: media.unwrap_or_default(),
        timestamp,
        burst,
        extra: (!extra.is_empty()).then(|| Value::Object(extra).to_string()),
        bad: problem.map(bad),
        raw: None,
    }
}

/// Controls, and what has no width. The joiners of some scripts have their place in names.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A UUID is the same one in capitals, and must not be two sessions.
fn spelled(session: &str) -> String {
    if is_uuid(session) { session.to_ascii_lowercase() } else { session.to_owned() }
}

/// Whether a text has a UUID's form.
pub(crate) fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.split('-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, n)| part.len() == n && part.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// A line that could not be split into its columns; `columns` are those that could be told.
pub(super) fn unreadable(
    line: u64,
    why: impl std::fmt::Display,
    columns: impl IntoIterator<Item = (String, String)>,
) -> Row {
    Row { bad: Some(bad(format!("line {line}: {why}"))), ..from_columns(line, columns.into_iter()) }
}

impl Row {
    /// The same row with its text kept, if it is a bad one.
    pub(super) fn keeping(mut self, raw: impl FnOnce() -> Vec<u8>) -> Self {
        if self.bad.is_some() {
            let mut text = raw();
            text.truncate(LONGEST);
            self.raw = Some(text);
        }
        self
    }
}
