//! Persons and watch-list screenings: mostly handed through, since other providers' data is in them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AttemptId, SessionId};
use crate::lenient::{self, Json};

/// `{"status":"success","person":{…}}`
#[derive(Deserialize)]
pub(super) struct PersonAnswer {
    pub(super) person: Person,
}

/// `{"status":"success","data":{…}}`
#[derive(Deserialize)]
pub(super) struct WatchlistAnswer {
    pub(super) data: Watchlist,
}

/// The person of a session, with sanction matches.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the names are the documentation: Veriff's own, passed on as text")]
pub struct Person {
    #[serde(deserialize_with = "lenient::text")]
    pub id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub first_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub last_name: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub id_code: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub date_of_birth: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub gender: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub nationality: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub place_of_birth: Option<String>,
    #[serde(deserialize_with = "lenient::some")]
    pub citizenships: Vec<Json>,
    #[serde(deserialize_with = "lenient::some")]
    pub pep_sanction_matches: Vec<SanctionMatch>,
}

/// What one provider of sanction lists found.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SanctionMatch {
    /// Who looked.
    #[serde(deserialize_with = "lenient::text")]
    pub provider: Option<String>,
    /// How many were found.
    #[serde(deserialize_with = "lenient::count")]
    pub number_of_matches: Option<u64>,
    /// When.
    #[serde(deserialize_with = "lenient::text")]
    pub date: Option<String>,
    /// Matches as the provider words them.
    #[serde(deserialize_with = "lenient::some")]
    pub matches: Vec<Json>,
    /// Hits as the provider words them, open below.
    #[serde(deserialize_with = "lenient::some")]
    pub hits: Vec<Json>,
}

/// The screening of a session against watch lists; an add-on.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Watchlist {
    /// The attempt that was screened.
    #[serde(deserialize_with = "lenient::opt")]
    pub attempt_id: Option<AttemptId>,
    /// The session.
    #[serde(deserialize_with = "lenient::opt")]
    pub session_id: Option<SessionId>,
    /// Your own key.
    #[serde(deserialize_with = "lenient::text")]
    pub vendor_data: Option<String>,
    /// `initial_result` or `updated_result`.
    #[serde(deserialize_with = "lenient::text")]
    pub check_type: Option<String>,
    /// `possible_match` or `no_match`.
    #[serde(deserialize_with = "lenient::text")]
    pub match_status: Option<String>,
    /// `enabled` or `disabled`.
    #[serde(deserialize_with = "lenient::text")]
    pub monitor_status: Option<String>,
    /// What was looked for: name and year.
    #[serde(deserialize_with = "lenient::opt")]
    pub search_term: Option<Json>,
    /// How many were found.
    #[serde(deserialize_with = "lenient::count")]
    pub total_hits: Option<u64>,
    /// When.
    #[serde(deserialize_with = "lenient::text")]
    pub created_at: Option<String>,
    /// What was found, open below.
    #[serde(deserialize_with = "lenient::some")]
    pub hits: Vec<Json>,
}

/// Personal data does not print.
impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({} sanction matches)", self.pep_sanction_matches.len())
    }
}

impl fmt::Debug for SanctionMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SanctionMatch({} hits)", self.hits.len())
    }
}

impl fmt::Debug for Watchlist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watchlist({:?}, {:?} hits)", self.match_status, self.total_hits)
    }
}
