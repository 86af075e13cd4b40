//! The alpha of lossy pictures: as it is, or coded as the green of a lossless picture that has no header; each value being
//! what it is more than a guess from those before it.

use std::cmp::Ordering;

use super::{codec, put};
use crate::ending::Ending;
use crate::error::Error;
use crate::planes::Plane;
use crate::pool::Pool;

/// The way of coding that there is besides none.
const LOSSLESS: u8 = 1;
/// Bits of the first byte that nobody sets: of ways of coding and of preparing that there are not, and two to come.
const UNKNOWN: u8 = 0b1110_0010;

/// Decodes the data of an `ALPH` chunk, and tells where they end. Where they end before alpha does ([`Ending::Beyond`]), there
/// is none.
///
/// # Errors
/// Where they are of an unknown kind, or libwebp cannot read them.
pub(super) fn decode(
    data: &[u8],
    (width, height): (u32, u32),
    pool: &mut Pool,
) -> Result<(Option<Plane>, Ending), Error> {
    let Some((head, coded)) = data.split_first() else { return Ok((None, Ending::Beyond)) };
    if head & UNKNOWN != 0 {
        return Err(Error::corrupt("alpha of an unknown kind"));
    }
    let (w, h) = (width as usize, height as usize);
    let (mut values, ending);
    if head & LOSSLESS == 0 {
        let Some(plain) = coded.get(..w * h) else { return Ok((None, Ending::Beyond)) };
        values = pool.take(w * h);
        values.copy_from_slice(plain);
        ending = if coded.len().cmp(&(w * h)) == Ordering::Equal { Ending::Exact } else { Ending::Amiss };
    } else {
        let mut pixels = pool.take(w * h * 4);
        ending = codec::rgba(&wrapped(coded, width, height), width, height, &mut pixels)?;
        values = pool.take(w * h);
        for (value, pixel) in values.iter_mut().zip(pixels.as_chunks::<4>().0) {
            *value = pixel[1];
        }
        pool.give(pixels);
    }
    restore(head >> 2 & 3, &mut values, w);
    Ok((Some(Plane { data: values, width: w, height: h, stride: w }), ending))
}

/// A lossless picture with its header and its chunk's.
fn wrapped(coded: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut picture = vec![0x2F];
    picture.extend_from_slice(&((width - 1) | (height - 1) << 14).to_le_bytes());
    picture.extend_from_slice(coded);
    let mut wrapped = Vec::with_capacity(picture.len() + 9);
    put(&mut wrapped, b"VP8L", &picture);
    wrapped.truncate(picture.len() + 8);
    wrapped
}

/// Adds the guess to each value: nothing, the one on the left, the one above, or where the slope of both leads to. In the
/// first row it is always the one on the left, and in the first column the one above.
fn restore(guess: u8, values: &mut [u8], width: usize) {
    if guess == 0 {
        return;
    }
    let mut rows = values.chunks_exact_mut(width);
    let Some(mut above) = rows.next() else { return };
    for x in 1..width {
        above[x] = above[x].wrapping_add(above[x - 1]);
    }
    for row in rows {
        row[0] = row[0].wrapping_add(above[0]);
        match guess {
            1 => (1..width).for_each(|x| row[x] = row[x].wrapping_add(row[x - 1])),
            2 => (1..width).for_each(|x| row[x] = row[x].wrapping_add(above[x])),
            _ => {
                for x in 1..width {
                    let slope = i32::from(row[x - 1]) + i32::from(above[x]) - i32::from(above[x - 1]);
                    row[x] = row[x].wrapping_add(slope.clamp(0, 255) as u8);
                }
            }
        }
        above = row;
    }
}

#[cfg(test)]
mod tests {
    use sealpress_testkit::Rng;

    use super::*;
    use crate::fuzzing;
    use crate::webp::Container;

    /// A picture whose alpha is noise, and where its alpha's data begin.
    fn noise(width: u32, height: u32, tune: impl FnOnce(&mut codec::Config)) -> (Vec<u8>, usize) {
        let mut rng = Rng::new(u64::from(width * height));
        let rgba: Vec<u8> =
            (0..width * height * 4).map(|i| if i % 4 == 3 { rng.below(256) as u8 } else { 90 }).collect();
        let file = codec::encoded(&rgba, width, tune);
        let at = file.windows(4).position(|w| w == b"ALPH").unwrap() + 8;
        (file, at)
    }

    #[test]
    fn every_guess_is_libwebps() {
        for (width, height) in [(1, 1), (1, 9), (9, 1), (33, 20)] {
            for guess in 0..4 {
                let (mut file, at) = noise(width, height, |config| config.alpha_compression = 0);
                file[at] = guess << 2;
                fuzzing::webp(&file);
                let (alpha, ending) = Container::read(&file).unwrap().walk(&file, &mut Pool::default()).unwrap();
                let (values, plain) = (alpha.unwrap().data, &file[at + 1..][..(width * height) as usize]);
                assert_eq!(ending, Ending::Exact);
                assert_eq!(values == plain, guess == 0 || values.len() == 1, "{guess}: {width}×{height}");
            }
        }
        for filtering in 0..3 {
            fuzzing::webp(&noise(60, 40, |config| config.alpha_filtering = filtering).0);
        }
    }

    #[test]
    fn alpha_of_an_unknown_kind_is_refused_and_missing_alpha_is_missed() {
        let (file, at) = noise(20, 20, |config| config.alpha_compression = 0);
        for unknown in [2, 3, 0x20, 0x40, 0x80] {
            let mut file = file.clone();
            file[at] = unknown;
            assert!(Container::read(&file).unwrap().walk(&file, &mut Pool::default()).is_err(), "{unknown:#x}");
            fuzzing::webp(&file);
        }
        let of = |data: &[u8]| decode(data, (20, 20), &mut Pool::default()).unwrap().1;
        assert_eq!(
            [of(&[]), of(&[0; 400]), of(&[0; 401]), of(&[0; 402])],
            [Ending::Beyond, Ending::Beyond, Ending::Exact, Ending::Amiss]
        );
    }
}
