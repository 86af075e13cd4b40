//! Percent-decoding of forms and queries.

/// `application/x-www-form-urlencoded`.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [h, l, after @ ..]) => match (char::from(*h).to_digit(16), char::from(*l).to_digit(16)) {
                (Some(h), Some(l)) => {
                    bytes.push(u8::try_from(h * 16 + l).unwrap_or(b'?'));
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (other, _) => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #[test]
    fn forms_are_decoded() {
        assert_eq!(super::decode("https%3A%2F%2Fa.b+c"), "https://a.b c");
        assert_eq!(super::decode("100%"), "100%");
        assert_eq!(super::decode("%zz"), "%zz");
    }
}
