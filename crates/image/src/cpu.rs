//! What this CPU has, as values: whoever holds [`Avx2`] or [`Avx512`] runs on a CPU that has them, since only asking
//! the CPU makes one. Every choice of a kernel is a `match` on [`Cpu`], and all kernels of one task give the same
//! integers.

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "the dispatch to BMI and LZCNT; see the file's head")]
mod bits;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// The kernels that this CPU runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cpu {
    /// Plain code for any CPU, and the oracle of the others.
    Scalar,
    /// 32-byte vectors, and bits counted and shifted by one instruction.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    /// 64-byte vectors of words and dot products.
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    /// 16-byte vectors, which every CPU of this family has.
    #[cfg(target_arch = "aarch64")]
    Neon,
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
        #[cfg(target_arch = "aarch64")]
        return Self::Neon;
        #[cfg(not(target_arch = "aarch64"))]
        Self::Scalar
    }

    /// For tasks that longer vectors do not make faster: AVX2, of the CPUs that have more too.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const fn avx2(self) -> Option<Avx2> {
        match self {
            Self::Scalar => None,
            Self::Avx2(proof) => Some(proof),
            Self::Avx512(proof) => Some(proof.avx2()),
        }
    }

    /// Runs `work`, compiled for what this CPU has as far as it is inlined: for loops that count and shift bits.
    #[inline(always)]
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        #[cfg(target_arch = "x86_64")]
        if let Some(proof) = self.avx2() {
            return bits::run(proof, work);
        }
        work.run()
    }

    /// All that this CPU runs, for tests that compare them.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx2::new().map(Self::Avx2));
            all.extend(Avx512::new().map(Self::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        all.push(Self::Neon);
        all
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
    /// Proof that this CPU has AVX2, BMI1, BMI2, LZCNT and POPCNT: Intel's from Haswell, AMD's from Excavator.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Avx2(());

    /// Proof that this CPU has all of [`Avx2`] and AVX-512 F, BW and VNNI: Intel's from Cascade Lake, AMD's from Zen 4.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Avx512(Avx2);

    impl Avx2 {
        pub(crate) fn new() -> Option<Self> {
            let all = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            all.then_some(Self(()))
        }
    }

    impl Avx512 {
        pub(crate) fn new() -> Option<Self> {
            let all = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512vnni");
            Avx2::new().filter(|_| all).map(Self)
        }

        /// The lesser proof that is part of this one.
        pub(crate) const fn avx2(self) -> Avx2 {
            self.0
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::Cpu;

    #[test]
    fn who_has_more_than_avx2_has_that_too() {
        assert_eq!(Cpu::detect().avx2(), super::Avx2::new());
        assert!(Cpu::all().into_iter().skip(1).all(|cpu| cpu.avx2().is_some()));
    }
}
