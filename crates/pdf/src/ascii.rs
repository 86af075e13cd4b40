//! Filters that make text of data: what they hide is never larger than they are, so they need no limit of
//! their own. Run lengths are here too, with one.

use crate::object::hex_digit;

/// ASCII base-85 (ISO 32000-1, 7.4.3), or `None` where it is none.
pub(crate) fn base85(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len() / 5 * 4 + 4);
    let (mut group, mut digits) = (0u64, 0usize);
    // PostScript's mark of a beginning, which some writers take along.
    let data = data.trim_ascii_start();
    for &byte in data.strip_prefix(b"<~").unwrap_or(data) {
        match byte {
            b'!'..=b'u' => {
                group = group * 85 + u64::from(byte - b'!');
                digits += 1;
                if digits == 5 {
                    out.extend_from_slice(&u32::try_from(group).ok()?.to_be_bytes());
                    (group, digits) = (0, 0);
                }
            }
            b'z' if digits == 0 => out.extend_from_slice(&[0; 4]),
            b'~' => break,
            b'\0' | b'\t' | b'\n' | 12 | b'\r' | b' ' => {}
            _ => return None,
        }
    }
    if digits == 1 {
        return None;
    }
    if digits > 1 {
        // The missing digits are the largest ones, and the bytes that they would make are left out.
        let group = (digits..5).fold(group, |group, _| group * 85 + 84);
        out.extend_from_slice(&u32::try_from(group).ok()?.to_be_bytes()[..digits - 1]);
    }
    Some(out)
}

/// Hexadecimal digits up to `>`; a missing last one is zero.
pub(crate) fn hex(data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(data.len() / 2);
    let mut high = None;
    for &byte in data {
        match byte {
            b'>' => break,
            b'\0' | b'\t' | b'\n' | 12 | b'\r' | b' ' => {}
            byte => {
                let digit = hex_digit(byte)?;
                match high.take() {
                    None => high = Some(digit),
                    Some(high) => out.push(high << 4 | digit),
                }
            }
        }
    }
    out.extend(high.map(|high| high << 4));
    Some(out)
}

/// Run lengths (ISO 32000-1, 7.4.5), at most `limit` bytes of them.
pub(crate) fn runs(data: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = data;
    while let [length, tail @ ..] = rest {
        rest = match length {
            128 => break,
            0..128 => {
                let (run, tail) = tail.split_at_checked(usize::from(*length) + 1)?;
                out.extend_from_slice(run);
                tail
            }
            _ => {
                let (byte, tail) = tail.split_first()?;
                out.resize(out.len() + 257 - usize::from(*length), *byte);
                tail
            }
        };
        if out.len() as u64 > limit {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(base85(b"87cUR D]i,\"Ebo80~>rest").unwrap(), b"Hello World!");
        assert_eq!(base85(b"z87cUR~>").unwrap(), b"\0\0\0\0Hell");
        assert_eq!(base85(b"87~>").unwrap(), b"H");
        assert!(base85(b"uuuuu~>").is_none() && base85(b"8~>").is_none() && base85(b"\x80").is_none());
        assert_eq!(hex(b"48 65\n6C6c 7>!!").unwrap(), b"Hellp");
        assert!(hex(b"4x").is_none());
        assert_eq!(runs(&[2, b'a', b'b', b'c', 254, b'x', 128, 9], 100).unwrap(), b"abcxxx");
        assert!(runs(&[5, 1], 100).is_none() && runs(&[129, 0, 129, 0], 100).is_none());
    }
}
