//! What this CPU has, as values: whoever holds [`Avx2`] or [`Avx512`] runs on a CPU that has them,
//! since only asking the CPU makes one. Every choice of a kernel is a `match` on [`Cpu`].

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// The kernels that this CPU runs; chosen once, when a decoder or encoder is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpu {
    /// Plain code for any CPU, and the oracle of the others.
    Scalar,
    /// 32-byte vectors and BMI2.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// 64-byte vectors, byte permutations and compression.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Cpu {
    /// The fastest that this CPU runs.
    pub(crate) fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = Avx512::new() {
            return Self::Avx512(proof);
        } else if let Some(proof) = Avx2::new() {
            return Self::Avx2(proof);
        }
        Self::Scalar
    }

    /// All that this CPU runs, for tests and fuzzers that compare them.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx2::new().map(Self::Avx2));
            all.extend(Avx512::new().map(Self::Avx512));
        }
        all
    }
}

/// Deals bits out, the lowest to the lowest place of the mask: one instruction where the CPU has BMI2.
pub(crate) trait Deposit: Copy {
    fn deposit(self, bits: u64, mask: u64) -> u64;
}

/// [`Deposit`] for any CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain;

impl Deposit for Plain {
    fn deposit(self, mut bits: u64, mut mask: u64) -> u64 {
        let mut dealt = 0;
        while bits != 0 && mask != 0 {
            let place = mask & mask.wrapping_neg();
            dealt |= place * (bits & 1);
            (bits, mask) = (bits >> 1, mask & !place);
        }
        dealt
    }
}

/// What runs for one CPU or the other. A closure would do, could it be told to be inlined.
pub(crate) trait Work {
    type Output;

    /// To be marked `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    /// Proof that this CPU has AVX2, BMI1, BMI2, LZCNT, MOVBE and POPCNT.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Avx2(());

    /// Proof that this CPU has all of [`Avx2`] and POPCNT, AVX-512 F, BW, CD, DQ, VL, VBMI and VBMI2: Intel's from
    /// Ice Lake, AMD's from Zen 4.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Avx512(Avx2);

    impl Avx2 {
        pub(crate) fn new() -> Option<Self> {
            let all = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("movbe")
                && is_x86_feature_detected!("popcnt");
            all.then_some(Self(()))
        }
    }

    impl Avx512 {
        /// The lesser proof that is part of this one.
        pub(crate) fn avx2(self) -> Avx2 {
            self.0
        }

        pub(crate) fn new() -> Option<Self> {
            let all = is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512cd")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vbmi")
                && is_x86_feature_detected!("avx512vbmi2");
            Avx2::new().filter(|_| all).map(Self)
        }
    }
}
