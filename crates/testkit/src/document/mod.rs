//! Specimen documents of invented people, plainly marked as such.

mod card;
mod face;
mod mrz;
mod paper;
mod person;
mod screen;

pub use card::{id_card_back, id_card_front, passport_page};
pub use face::selfie;
pub use mrz::{check_digit, mrz_card, mrz_passport};
pub use paper::{bill_page, driving_licence};
pub use person::Person;
pub use screen::screenshot;
