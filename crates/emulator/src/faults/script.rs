//! The rules at work: counting, choosing, rolling dice.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use serde::Serialize;

use super::{Effect, FaultRule};
use crate::clock;
use crate::error::Error;
use crate::routes::Route;

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
pub(crate) struct FaultScript {
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
    added: Instant,
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

impl FaultScript {
    pub(crate) fn add(&mut self, rule: FaultRule) -> Result<u64, Error> {
        rule.check()?;
        self.next += 1;
        let id = self.next;
        let name = rule.name.clone().unwrap_or_else(|| format!("fault-{id}"));
        let dice = rule.seed;
        self.rules.push(Active { id, name, rule, added: Instant::now(), chosen: 0, fired: 0, dice });
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
