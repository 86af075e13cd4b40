//! Scripted faults: which requests they touch and what they do. The bytes on the wire are `server`'s.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

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

/// What happens to a chosen request. Several rules may touch one request: their delays add up, their
/// changes of the answer are all made, and the first that replaces or cuts the answer wins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Effect {
    /// Waits before the request is worked on.
    Latency {
        /// Milliseconds.
        ms: u64,
        /// Up to so many milliseconds more, by the rule's seed.
        #[serde(default)]
        jitter_ms: u64,
    },
    /// Answers with a status of its own.
    Status {
        /// HTTP status.
        status: u16,
        /// `Retry-After`: seconds (`"3"`), `"date:+60"` for an HTTP date so many seconds ahead, `"absurd"` for a day, or any text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<String>,
        /// `"json"` (the vendor's envelope), `"html"` (a proxy's page), `"empty"`, or any text. Default `"json"`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// Code in the envelope. Default `"1101"`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The request is worked on first. Default false.
        #[serde(default)]
        recorded: bool,
        /// The request is worked on so many milliseconds after its end, whatever the client has seen by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_after_ms: Option<u64>,
    },
    /// Breaks the connection.
    Break {
        /// Where.
        at: Phase,
        /// With a reset (RST) or an orderly end (FIN). Default RST.
        #[serde(default)]
        how: How,
        /// The request is worked on first. Default false.
        #[serde(default)]
        recorded: bool,
        /// The request is worked on so many milliseconds after its end, whatever the client has seen by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_after_ms: Option<u64>,
    },
    /// Works on the request, then sends only a part of the answer's body.
    Truncate {
        /// Share of the body that is sent. Default 0.5.
        #[serde(default = "half")]
        keep: f64,
        /// What `Content-Length` says. Default: the truth about the cut body.
        #[serde(default)]
        length: Length,
    },
    /// Works on the request, then signs the answer differently.
    Signature {
        /// How.
        how: Forgery,
    },
    /// Works on the request, then sends the answer slowly.
    SlowAnswer {
        /// Pace.
        bytes_per_second: u64,
        /// The head too, from its first byte. Default true.
        #[serde(default = "yes")]
        head: bool,
    },
    /// Reads the request's body slowly.
    SlowRead {
        /// Pace.
        bytes_per_second: u64,
    },
    /// Takes the whole request and gives no answer for a time, then closes.
    Stall {
        /// Milliseconds.
        ms: u64,
        /// The request is worked on first. Default false.
        #[serde(default)]
        recorded: bool,
        /// The request is worked on so many milliseconds after its end, whatever the client has seen by then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_after_ms: Option<u64>,
    },
    /// Answers with a redirect.
    Redirect {
        /// `Location`.
        location: String,
        /// Default 307.
        #[serde(default = "temporary_redirect")]
        status: u16,
    },
    /// Listings leave out media that are younger than this.
    StaleListing {
        /// Milliseconds of the emulator's clock.
        lag_ms: u64,
    },
    /// Uploads are recorded twice.
    DoubleRecord,
    /// Answers truthfully and closes the idle connection afterwards, without having said so.
    CloseIdle {
        /// Milliseconds after the answer.
        #[serde(default)]
        after_ms: u64,
        /// Default FIN.
        #[serde(default = "fin")]
        how: How,
    },
    /// Works on the request, then replaces the answer.
    Replace {
        /// HTTP status; the truthful one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        /// Body; the truthful one when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<String>,
        /// Headers to set.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        headers: BTreeMap<String, String>,
    },
    /// Varies the answer within what the documents allow, as the option `fuzz` does for all.
    Fuzz,
    /// Transmit uploads get this feedback.
    Feedback {
        /// One of the vendor's 24 values, or anything else.
        value: String,
        /// Text for `restricted_criteria`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        custom: Option<String>,
    },
}

/// A moment in a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// The head was read, nothing of the body.
    BeforeBody,
    /// Half of the body was read.
    MidBody,
    /// The whole request was read.
    AfterBody,
    /// Half of the answer's body was sent.
    MidAnswer,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum How {
    /// RST: `SO_LINGER` of 0.
    #[default]
    Rst,
    /// FIN.
    Fin,
}

/// `Content-Length` of a truncated answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Length {
    /// Length of what is sent: well-formed HTTP around broken JSON.
    #[default]
    Cut,
    /// Length of the whole body: the connection ends too early.
    Whole,
}

/// What an answer's signature is instead of right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Forgery {
    /// 64 digits of another body.
    Wrong,
    /// Not 64 hex digits.
    Garbage,
    /// No signature.
    Missing,
    /// Right, in capitals.
    Upper,
    /// Right, under the `vrf-` names.
    Vrf,
    /// Only the retired `x-signature`, right.
    Legacy,
}

/// A script in a TOML file: `[options]` and any number of `[[fault]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    pub(crate) options: Option<crate::Options>,
    #[serde(default)]
    pub(crate) fault: Vec<FaultRule>,
}

fn one() -> f64 {
    1.0
}

fn half() -> f64 {
    0.5
}

fn yes() -> bool {
    true
}

fn fin() -> How {
    How::Fin
}

fn temporary_redirect() -> u16 {
    307
}

impl Effect {
    /// An answer of this status in the vendor's envelope; the request is not worked on.
    pub fn status(status: u16) -> Self {
        Self::Status { status, retry_after: None, body: None, code: None, recorded: false, record_after_ms: None }
    }

    /// A reset (RST) at this moment; the request is not worked on.
    pub fn reset(at: Phase) -> Self {
        Self::Break { at, how: How::Rst, recorded: false, record_after_ms: None }
    }

    /// No answer for so many milliseconds; the request is not worked on.
    pub fn stall(ms: u64) -> Self {
        Self::Stall { ms, recorded: false, record_after_ms: None }
    }

    /// With this `Retry-After` (for [`Effect::Status`]; others are left as they are).
    #[must_use]
    pub fn with_retry_after(mut self, text: impl Into<String>) -> Self {
        if let Self::Status { retry_after, .. } = &mut self {
            *retry_after = Some(text.into());
        }
        self
    }

    /// With this body: `"json"`, `"html"`, `"empty"` or any text (for [`Effect::Status`]).
    #[must_use]
    pub fn with_body(mut self, text: impl Into<String>) -> Self {
        if let Self::Status { body, .. } = &mut self {
            *body = Some(text.into());
        }
        self
    }

    /// The request is worked on before the fault.
    #[must_use]
    pub fn recorded(mut self) -> Self {
        if let Self::Status { recorded, .. } | Self::Break { recorded, .. } | Self::Stall { recorded, .. } = &mut self {
            *recorded = true;
        }
        self
    }

    /// The request is worked on so many milliseconds after its end.
    #[must_use]
    pub fn recorded_after(mut self, ms: u64) -> Self {
        if let Self::Status { record_after_ms, .. }
        | Self::Break { record_after_ms, .. }
        | Self::Stall { record_after_ms, .. } = &mut self
        {
            *record_after_ms = Some(ms);
        }
        self
    }
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

    fn check(&self) -> Result<(), Error> {
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

/// What is known of a request when the script is asked about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) route: Route,
    pub(crate) session: Option<&'a str>,
    pub(crate) context: Option<&'a str>,
    /// Hash of method, path, signature and length.
    pub(crate) fingerprint: u64,
}

/// All effects that touch one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) effects: Vec<Effect>,
    pub(crate) names: Vec<String>,
    pub(crate) delay_ms: u64,
}

/// The rules and what they have done so far.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    rules: Vec<Active>,
    tries: HashMap<u64, u32>,
    retired: BTreeMap<String, u64>,
    next: u64,
}

#[derive(Debug)]
struct Active {
    id: u64,
    name: String,
    rule: FaultRule,
    added: std::time::Instant,
    chosen: u64,
    fired: u64,
    dice: u64,
}

/// A rule as the control API shows it.
#[derive(Debug, Serialize)]
pub(crate) struct Shown<'a> {
    id: u64,
    name: &'a str,
    chosen: u64,
    fired: u64,
    rule: &'a FaultRule,
}

impl FaultBook {
    pub(crate) fn add(&mut self, rule: FaultRule) -> Result<u64, Error> {
        rule.check()?;
        self.next += 1;
        let id = self.next;
        let name = rule.name.clone().unwrap_or_else(|| format!("fault-{id}"));
        let dice = rule.seed;
        self.rules.push(Active { id, name, rule, added: std::time::Instant::now(), chosen: 0, fired: 0, dice });
        Ok(id)
    }

    /// Drops one rule, or all.
    pub(crate) fn remove(&mut self, id: Option<u64>) -> usize {
        let before = self.rules.len();
        let retired = &mut self.retired;
        self.rules.retain(|active| {
            let goes = id.is_none_or(|id| id == active.id);
            if goes && active.fired > 0 {
                *retired.entry(active.name.clone()).or_default() += active.fired;
            }
            !goes
        });
        before - self.rules.len()
    }

    pub(crate) fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        self.rules.iter().map(|a| Shown { id: a.id, name: &a.name, chosen: a.chosen, fired: a.fired, rule: &a.rule })
    }

    pub(crate) fn fired(&self) -> BTreeMap<String, u64> {
        let mut all = self.retired.clone();
        for active in &self.rules {
            *all.entry(active.name.clone()).or_default() += active.fired;
        }
        all
    }

    /// Whether some rule must know the context before it can choose.
    pub(crate) fn asks_for_context(&self) -> bool {
        self.rules.iter().any(|a| a.rule.context.is_some())
    }

    /// Counts the request and collects what happens to it.
    pub(crate) fn plan(&mut self, seen: Seen<'_>) -> Plan {
        let tries = self.tries.entry(seen.fingerprint).or_default();
        *tries += 1;
        let tries = *tries;
        let mut plan = Plan::default();
        for active in &mut self.rules {
            if active.chooses(seen, tries) {
                active.fired += 1;
                if let Effect::Latency { ms, jitter_ms } = active.rule.effect {
                    let extra = if jitter_ms == 0 { 0 } else { roll(&mut active.dice) % (jitter_ms + 1) };
                    plan.delay_ms += ms + extra;
                } else {
                    plan.effects.push(active.rule.effect.clone());
                }
                plan.names.push(active.name.clone());
            }
        }
        plan
    }
}

impl Active {
    fn chooses(&mut self, seen: Seen<'_>, tries: u32) -> bool {
        let rule = &self.rule;
        let fits = |want: &Option<String>, got: Option<&str>| want.as_deref().is_none_or(|w| got == Some(w));
        let named = rule.routes.is_empty() || rule.routes.iter().any(|r| r == seen.route.name());
        if !named || !fits(&rule.session, seen.session) || !fits(&rule.context, seen.context) {
            return false;
        }
        if !rule.attempts.is_empty() && !rule.attempts.contains(&tries) {
            return false;
        }
        let age = self.added.elapsed();
        let limit = |text: &Option<String>| text.as_deref().and_then(clock::parse_duration);
        if limit(&rule.after).is_some_and(|a| age < a) || limit(&rule.until).is_some_and(|u| age >= u) {
            return false;
        }
        self.chosen += 1;
        if self.chosen <= rule.skip || rule.count.is_some_and(|n| self.fired >= n) {
            return false;
        }
        rule.probability >= 1.0 || share(roll(&mut self.dice)) < rule.probability
    }
}

/// SplitMix64: one state, one output, good enough for dice.
pub(crate) fn roll(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn share(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
