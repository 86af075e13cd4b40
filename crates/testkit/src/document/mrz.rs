//! Machine-readable zones after ICAO Doc 9303, for the invented state of Utopia (`UTO`).

use super::Person;

/// The check digit over `field`: weights 7, 3, 1; digits count as themselves, letters as 10 to
/// 35, anything else as 0.
pub fn check_digit(field: &str) -> char {
    let sum: u32 = field
        .chars()
        .zip([7u32, 3, 1].into_iter().cycle())
        .map(|(character, weight)| character.to_digit(36).unwrap_or(0) * weight)
        .sum();
    char::from(b'0' + (sum % 10) as u8)
}

/// Two lines of 44 characters (TD3).
pub fn mrz_passport(person: &Person) -> [String; 2] {
    let name = format!("P<UTO{}<<{}", letters(&person.family), letters(&person.given));
    let number = with_check(&person.number);
    let born = with_check(&short_date(&person.born));
    let expires = with_check(&short_date(&person.expires));
    let optional = with_check(&pad("", 14));
    let all = check_digit(&format!("{number}{born}{expires}{optional}"));
    let sex = sex(person);
    [pad(&name, 44), format!("{number}UTO{born}{sex}{expires}{optional}{all}")]
}

/// Three lines of 30 characters (TD1).
pub fn mrz_card(person: &Person) -> [String; 3] {
    let number = with_check(&person.number);
    let born = with_check(&short_date(&person.born));
    let expires = with_check(&short_date(&person.expires));
    let (upper, filler) = (pad("", 15), pad("", 11));
    let all = check_digit(&format!("{number}{upper}{born}{expires}{filler}"));
    let sex = sex(person);
    [
        format!("I<UTO{number}{upper}"),
        format!("{born}{sex}{expires}UTO{filler}{all}"),
        pad(&format!("{}<<{}", letters(&person.family), letters(&person.given)), 30),
    ]
}

fn with_check(field: &str) -> String {
    format!("{field}{}", check_digit(field))
}

/// `yyyy-mm-dd` as `yymmdd`.
fn short_date(date: &str) -> String {
    date.chars().skip(2).filter(char::is_ascii_digit).collect()
}

fn sex(person: &Person) -> char {
    if person.sex == 'X' { '<' } else { person.sex }
}

fn letters(name: &str) -> String {
    let upper = name.to_ascii_uppercase();
    upper.chars().map(|c| if c.is_ascii_uppercase() { c } else { '<' }).collect()
}

fn pad(text: &str, length: usize) -> String {
    text.chars().chain(std::iter::repeat('<')).take(length).collect()
}

#[cfg(test)]
mod tests {
    use super::{check_digit, mrz_card, mrz_passport};
    use crate::Person;

    #[test]
    fn check_digits_match_the_standards_example() {
        // The worked example in Doc 9303 part 3: 520727 has check digit 3.
        assert_eq!(check_digit("520727"), '3');
        assert_eq!(check_digit("L898902C3"), '6');
        assert_eq!(check_digit("ZE184226B<<<<<"), '1');
    }

    #[test]
    fn lines_have_their_length() {
        for seed in 0..50 {
            let person = Person::new(seed);
            assert!(mrz_passport(&person).iter().all(|line| line.len() == 44), "{person:?}");
            assert!(mrz_card(&person).iter().all(|line| line.len() == 30), "{person:?}");
        }
    }
}
