//! Work compiled for CPUs that count and shift bits by one instruction each (BMI1, BMI2, LZCNT, POPCNT). Nothing here is
//! `unsafe` but the call of a function that asks for these features, which the proof vouches for.

use super::{Avx2, Work};

/// Runs `work`, compiled for what the proof vouches for as far as it is inlined.
#[inline(always)]
pub(super) fn run<W: Work>(_: Avx2, work: W) -> W::Output {
    // SAFETY: whoever holds an `Avx2` has asked this CPU for all four features.
    unsafe { with_bits(work) }
}

#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt")]
fn with_bits<W: Work>(work: W) -> W::Output {
    work.run()
}
