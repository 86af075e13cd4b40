//! A small deterministic generator: the same seed gives the same numbers on every machine and
//! with every compiler, which `HashMap` order, `rand`'s `StdRng` and libm do not promise.

/// SplitMix64. Not for secrets: for pictures, noise and shuffles in tests.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// A generator for `seed`; equal seeds give equal sequences.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator of its own for a named part, so that adding a draw to one part of a picture
    /// does not change all the others.
    pub fn fork(seed: u64, part: &str) -> Self {
        // FNV-1a over the name, mixed into the seed.
        let name = part
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut rng = Self::new(seed ^ name);
        rng.next_u64();
        rng
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }

    /// A number in `0..limit`; 0 when `limit` is 0.
    pub fn below(&mut self, limit: u32) -> u32 {
        ((u64::from(self.next_u32()) * u64::from(limit)) >> 32) as u32
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        let span = i64::from(high) - i64::from(low) + 1;
        let draw = self.below(u32::try_from(span).unwrap_or(0));
        (i64::from(low) + i64::from(draw)) as i32
    }

    /// A number in `0.0..1.0` with 24 random bits.
    pub fn unit(&mut self) -> f32 {
        (self.next_u32() >> 8) as f32 / 16_777_216.0
    }

    /// A bell-shaped number with mean 0 and deviation 1 (the sum of four uniform ones, scaled):
    /// no logarithm, hence the same bits everywhere.
    pub fn bell(&mut self) -> f32 {
        let bits = self.next_u64();
        let sum = (0..4).fold(0.0f32, |sum, lane| sum + ((bits >> (16 * lane)) & 0xffff) as f32);
        // Each lane has variance 65536²/12; four of them have deviation 65536/√3.
        (sum / 65_536.0 - 2.0) * 1.732_050_8
    }

    /// One of `choices`.
    ///
    /// # Panics
    /// When `choices` is empty: a mistake of the caller.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(u32::try_from(choices.len()).unwrap_or(u32::MAX)) as usize]
    }

    /// `length` random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(length + 8);
        while out.len() < length {
            out.extend_from_slice(&self.next_u64().to_le_bytes());
        }
        out.truncate(length);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn the_sequence_is_a_promise() {
        // First outputs of SplitMix64 for seed 1234567, as published with the algorithm.
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn ranges_hold_and_are_reached() {
        let mut rng = Rng::new(7);
        let draws: Vec<i32> = (0..1_000).map(|_| rng.between(-2, 2)).collect();
        for expected in -2..=2 {
            assert!(draws.contains(&expected));
        }
        assert!(draws.iter().all(|draw| (-2..=2).contains(draw)));
        assert_eq!(rng.below(0), 0);
    }

    #[test]
    fn bell_has_mean_zero_and_deviation_one() {
        let mut rng = Rng::new(3);
        let draws: Vec<f32> = (0..20_000).map(|_| rng.bell()).collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|d| (d - mean) * (d - mean)).sum::<f32>() / 20_000.0;
        assert!(mean.abs() < 0.03, "{mean}");
        assert!((variance - 1.0).abs() < 0.05, "{variance}");
    }

    #[test]
    fn forks_differ_by_name() {
        assert_ne!(Rng::fork(1, "noise").next_u64(), Rng::fork(1, "face").next_u64());
    }
}
