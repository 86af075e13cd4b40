//! Which requests a fault touches.

use serde::{Deserialize, Serialize};

use super::Effect;
use crate::clock;
use crate::error::Error;
use crate::routes::Route;

/// One rule of the script: a choice of requests and an [`Effect`]. An absent selector chooses all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FaultRule {
    /// Name in the ledger and on the page; made up when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Names of routes (`"upload"`, `"submit"`, `"list-media"`, …), as in the ledger; empty: every route of both vendors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Session id in the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Context (or Transmit image type) of the upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// How often the same request (method, path, signature, length) was seen, this time included: `[1]` hits only first tries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<u32>,
    /// Requests that pass first, counted among those that all other selectors choose.
    #[serde(default)]
    pub skip: u64,
    /// Fires at most this often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Chance from 0 to 1 for each chosen request. Default 1.
    #[serde(default = "one")]
    pub probability: f64,
    /// Seed of the chance. Default 0.
    #[serde(default)]
    pub seed: u64,
    /// Begins this long after the rule was added, in real time (`"10s"`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Ends this long after the rule was added, in real time (`"70s"`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What happens.
    pub effect: Effect,
}

/// A script in a TOML file: `[options]` and any number of `[[fault]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptFile {
    pub(crate) options: Option<crate::Options>,
    #[serde(default)]
    pub(crate) fault: Vec<FaultRule>,
}

impl FaultRule {
    /// A rule that touches every request of both vendors.
    pub fn new(effect: Effect) -> Self {
        Self {
            name: None,
            routes: Vec::new(),
            session: None,
            context: None,
            attempts: Vec::new(),
            skip: 0,
            count: None,
            probability: 1.0,
            seed: 0,
            after: None,
            until: None,
            effect,
        }
    }

    /// Names it.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Only this route; may be called for several.
    #[must_use]
    pub fn on(mut self, route: impl Into<String>) -> Self {
        self.routes.push(route.into());
        self
    }

    /// Only this session.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session = Some(id.into());
        self
    }

    /// Only this context.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.context = Some(context.into());
        self
    }

    /// Only this try of the same request (1 is the first); may be called for several.
    #[must_use]
    pub fn attempt(mut self, n: u32) -> Self {
        self.attempts.push(n);
        self
    }

    /// Lets so many chosen requests pass first.
    #[must_use]
    pub fn skip(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// Fires at most so often.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.count = Some(n);
        self
    }

    /// Fires by chance (0 to 1) with a seed.
    #[must_use]
    pub fn chance(mut self, probability: f64, seed: u64) -> Self {
        self.probability = probability;
        self.seed = seed;
        self
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(wrong) = self.routes.iter().find(|r| Route::named(r).is_none()) {
            return Err(Error::config(format!("no route is called {wrong:?}")));
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(Error::config("a probability lies between 0 and 1"));
        }
        for text in [&self.after, &self.until].into_iter().flatten() {
            clock::parse_duration(text).ok_or_else(|| Error::config(format!("{text:?} is not a duration")))?;
        }
        Ok(())
    }
}

fn one() -> f64 {
    1.0
}
