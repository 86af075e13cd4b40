//! The one thing that is read from EXIF: which way is up.

/// The orientation tag of a TIFF-structured EXIF block (`II` or `MM` first), `None` where there is
/// none or it is not 1–8. Offsets are followed once, never in a loop.
pub(crate) fn orientation(tiff: &[u8]) -> Option<u8> {
    // Some writers leave JPEG's prefix in front in PNG, WebP and HEIF too.
    let tiff = tiff.strip_prefix(b"Exif\0\0").unwrap_or(tiff);
    let big = match tiff.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let b = tiff.get(at..at.checked_add(2)?)?;
        Some(if big { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) })
    };
    let u32_at = |at: usize| {
        let b = tiff.get(at..at.checked_add(4)?)?;
        Some(if big {
            u32::from_be_bytes([b[0], b[1], b[2], b[3]])
        } else {
            u32::from_le_bytes([b[0], b[1], b[2], b[3]])
        })
    };
    let ifd = usize::try_from(u32_at(4)?).ok()?;
    let count = usize::from(u16_at(ifd)?);
    for entry in 0..count {
        let at = ifd.checked_add(2 + entry * 12)?;
        if u16_at(at)? != 0x0112 {
            continue;
        }
        // TIFF's integers, without and with a sign: the standard asks for SHORT, cameras wrote all of them.
        let value = match u16_at(at + 2)? {
            1 | 6 => u32::from(*tiff.get(at + 8)?),
            3 | 8 => u32::from(u16_at(at + 8)?),
            4 | 9 => u32_at(at + 8)?,
            _ => return None,
        };
        return u8::try_from(value).ok().filter(|v| (1..=8).contains(v));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of one IFD with one entry.
    pub(crate) fn block(big: bool, kind: u16, value: u16) -> Vec<u8> {
        let mut out = if big { b"MM\0*\0\0\0\x08".to_vec() } else { b"II*\0\x08\0\0\0".to_vec() };
        let mut put = |n: u16| out.extend(if big { n.to_be_bytes() } else { n.to_le_bytes() });
        put(1);
        put(0x0112);
        put(kind);
        if big {
            put(0);
            put(1);
        } else {
            put(1);
            put(0);
        }
        put(value);
        put(0);
        out.extend([0; 4]);
        out
    }

    #[test]
    fn both_byte_orders_and_every_value() {
        for value in 1..=8 {
            assert_eq!(orientation(&block(true, 3, value)), Some(value as u8));
            assert_eq!(orientation(&block(false, 3, value)), Some(value as u8));
        }
    }

    #[test]
    fn every_integer_type_and_no_other() {
        for kind in 0..=13 {
            let width = match kind {
                1 | 6 => 1,
                3 | 8 => 2,
                4 | 9 => 4,
                _ => 0,
            };
            for big in [false, true] {
                let mut tiff = block(big, kind, 0);
                let field = &mut tiff[18..22];
                field.fill(0);
                field[if big { width.max(1) - 1 } else { 0 }] = 6;
                let expected = (width > 0).then_some(6);
                assert_eq!(orientation(&tiff), expected, "type {kind}, big endian: {big}");
            }
        }
    }

    #[test]
    fn values_outside_one_to_eight_are_none() {
        for value in [0, 9, 256, 0xFFFF] {
            assert_eq!(orientation(&block(false, 3, value)), None);
        }
    }

    #[test]
    fn every_prefix_is_survived() {
        let whole = block(true, 3, 6);
        for end in 0..whole.len() - 4 {
            let _ = orientation(&whole[..end]);
        }
        let mut lost = whole.clone();
        lost[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(orientation(&lost), None);
    }
}
