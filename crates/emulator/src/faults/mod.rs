//! Scripted faults: which requests they touch and what they do. The bytes on the wire are `effects`' and
//! `server`'s.

mod book;
mod effect;
mod rule;

pub(crate) use book::{FaultBook, Plan, Seen, roll};
pub use effect::{Effect, Forgery, How, Length, Phase};
pub use rule::FaultRule;
pub(crate) use rule::Script;
