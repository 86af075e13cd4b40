//! Scripted faults: which requests they touch and what they do. The bytes on the wire are `effects`' and
//! `server`'s.

mod effect;
mod rule;
mod script;

pub use effect::{Effect, Forgery, How, Length, Phase};
pub use rule::FaultRule;
pub(crate) use rule::ScriptFile;
pub(crate) use script::{FaultScript, Plan, Seen, roll};
