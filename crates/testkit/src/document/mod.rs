//! Specimen documents of invented people, plainly marked as such.

mod person;

pub use person::Person;
