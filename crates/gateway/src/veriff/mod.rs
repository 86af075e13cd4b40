//! Veriff's door: signed JSON, several accounts by API key, errors as `{"status","code","message"}`.

mod accounts;
mod door;

pub use accounts::{Account, Accounts};
pub use door::VeriffDoor;
