//! What the fuzz target calls, so that plain tests can replay its seeds: all doors of the decoder, and
//! what must hold whatever comes in.

use std::cell::RefCell;

use crate::cpu::Cpu;
use crate::plane::{Fresh, Plane, Scale};
use crate::{Decoder, Error, Limits};

/// Small, so that a fuzzer is quick.
const LIMITS: Limits = Limits { max_scans: 30, max_pixels: 1 << 18 };

thread_local! {
    /// Kept over many inputs, as a worker's is: an input must not harm the next one.
    static KEPT: RefCell<Decoder> = RefCell::new(Decoder::new());
}

/// Decodes and verifies: every kernel gives the same, and so does a decoder that has seen other files;
/// what decodes is whole; what is whole consists of its pieces.
///
/// # Panics
/// Where one of that does not hold.
pub fn decode(data: &[u8]) {
    let verdict = KEPT.with_borrow_mut(|kept| kept.verify(data, LIMITS));
    assert_eq!(verdict, Decoder::new().verify(data, LIMITS), "what came before makes no difference");
    assert!(verdict.end <= data.len(), "the end is in the file");
    for scale in Scale::ALL {
        let kept = KEPT.with_borrow_mut(|kept| kept.planes(data, scale, LIMITS, &mut Fresh));
        for cpu in Cpu::all() {
            let fresh = Decoder::on(cpu).planes(data, scale, LIMITS, &mut Fresh);
            assert!(same(&kept, &fresh), "{cpu:?} differs at {scale:?}: {:?}, {:?}", kept.err(), fresh.err());
        }
        let Ok(planes) = kept else { continue };
        let whole = (&verdict.result, verdict.stray, verdict.odd_padding);
        assert_eq!(whole, (&Ok(()), 0, 0), "what decodes is whole");
        let size = verdict.dimensions.map(|side| scale.of(side));
        assert_eq!([planes[0].width, planes[0].height], size, "luma is as large as the picture");
        if matches!(scale, Scale::Full) {
            let (again, luma) = KEPT.with_borrow_mut(|kept| kept.verify_with_luma(data, LIMITS, &mut Fresh));
            assert_eq!(again, verdict, "luma on the way changes no verdict");
            let luma = luma.expect("a picture that decodes has luma");
            assert!((0..luma.height).all(|y| luma.row(y) == planes[0].row(y)), "luma on the way is that of a decode");
        }
    }
    if verdict.result.is_ok() {
        let mut joined = vec![0xFF, 0xD8];
        verdict.pieces.iter().for_each(|p| joined.extend(&data[p.range.clone()]));
        joined.extend([0xFF, 0xD9]);
        let again = Decoder::new().verify(&joined, LIMITS);
        assert_eq!((again.result, again.stray, again.end_marker), (Ok(()), 0, true), "pieces make the picture");
        assert_eq!((again.end, again.dimensions), (joined.len(), verdict.dimensions), "pieces make the picture");
    }
}

/// Whether both are the same picture, or the same error.
fn same(a: &Result<Vec<Plane>, Error>, b: &Result<Vec<Plane>, Error>) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => {
            let rows = |a: &Plane, b: &Plane| (0..a.height).all(|y| a.row(y) == b.row(y));
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.width, a.height) == (b.width, b.height) && rows(a, b))
        }
        (Err(a), Err(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use sealpress_testkit::Rng;

    use super::*;

    #[test]
    fn the_seeds_and_what_is_made_of_them() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds/jpeg");
        let mut seeds = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let seed = std::fs::read(entry.unwrap().path()).unwrap();
            seeds += 1;
            decode(&seed);
            let mut rng = Rng::new(seed.len() as u64);
            for _ in 0..200 {
                let mut broken = seed.clone();
                for _ in 0..1 + rng.below(4) {
                    let at = rng.below(broken.len() as u32) as usize;
                    broken[at] = rng.below(256) as u8;
                }
                if rng.below(4) == 0 {
                    broken.truncate(rng.below(broken.len() as u32) as usize);
                }
                decode(&broken);
            }
        }
        assert!(seeds >= 9, "only {seeds} seeds");
    }
}
