//! Invented people. Names are made of syllables that give no real family; towns do not exist.

use crate::Rng;

/// Who stands on a card.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// Given name.
    pub given: String,
    /// Family name.
    pub family: String,
    /// Birth date as `yyyy-mm-dd`.
    pub born: String,
    /// Last day of validity as `yyyy-mm-dd`.
    pub expires: String,
    /// `F`, `M` or `X`.
    pub sex: char,
    /// Document number of nine characters.
    pub number: String,
    /// Street and house number.
    pub street: String,
    /// Postal code and town.
    pub town: String,
}

impl Person {
    /// The person of this seed; the same in every document of that seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::fork(seed, "person");
        let sex = ['F', 'M', 'X'][rng.below(3) as usize];
        let given = match sex {
            'F' => rng.pick(&["Ilva", "Maren", "Tessaly", "Orinda", "Svenja"]),
            'M' => rng.pick(&["Jorvik", "Tobin", "Alvar", "Caspin", "Ruven"]),
            _ => rng.pick(&["Robin", "Kim", "Sasha", "Noor"]),
        };
        let family = format!(
            "{}{}",
            rng.pick(&["Hollen", "Marsk", "Tarn", "Quill", "Varden", "Osk"]),
            rng.pick(&["berry", "feld", "mire", "strand", "wick"])
        );
        let number = format!("SP{:06}{}", rng.below(1_000_000), char::from(b'A' + rng.below(26) as u8));
        Self {
            given: given.to_owned(),
            family,
            born: date(&mut rng, 1957, 2004),
            expires: date(&mut rng, 2028, 2034),
            sex,
            number,
            street: format!(
                "{} {} {}",
                rng.between(2, 148),
                rng.pick(&["Copper", "Lantern", "Willow", "Anchor", "Orchard"]),
                rng.pick(&["Row", "Lane", "Street"])
            ),
            town: format!(
                "{:05} {}",
                rng.below(90_000) + 10_000,
                rng.pick(&["Eastmere", "Port Alder", "Highmoor", "Larkhaven"])
            ),
        }
    }

    /// Given and family name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.given, self.family)
    }
}

fn date(rng: &mut Rng, from: i32, to: i32) -> String {
    format!("{}-{:02}-{:02}", rng.between(from, to), rng.between(1, 12), rng.between(1, 28))
}
