//! What decoders fill and encoders read: planes of eight-bit samples, where their memory comes from,
//! and by how much the inverse DCT may shrink them.

/// One plane of eight-bit samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plane {
    /// At least `stride * (height - 1) + width` samples.
    pub data: Vec<u8>,
    /// Samples per row that belong to the picture, at least 1.
    pub width: usize,
    /// Rows that belong to the picture, at least 1.
    pub height: usize,
    /// Samples from one row's start to the next one's, at least `width`.
    pub stride: usize,
}

impl Plane {
    /// A plane of one value, `width` and `height` at least 1.
    #[must_use]
    pub fn filled(width: usize, height: usize, value: u8) -> Self {
        Self { data: vec![value; width * height], width, height, stride: width }
    }

    /// The samples of row `y`.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.stride..][..self.width]
    }

    /// The samples of row `y`, to be written.
    ///
    /// # Panics
    /// Where there is no such row.
    #[must_use]
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.data[y * self.stride..][..self.width]
    }
}

/// Where planes get their memory from, and where it goes back to when a decode is given up. Fresh
/// memory costs a page fault every 4 KiB, so whoever decodes many pictures keeps it.
pub trait Buffers {
    /// A buffer of exactly `len` bytes of any content.
    fn take(&mut self, len: usize) -> Vec<u8>;

    /// Takes a buffer back.
    fn give(&mut self, buffer: Vec<u8>);
}

/// Memory from the allocator, each time anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fresh;

impl Buffers for Fresh {
    fn take(&mut self, len: usize) -> Vec<u8> {
        vec![0; len]
    }

    fn give(&mut self, _: Vec<u8>) {}
}

/// By how much the inverse DCT shrinks: a side of `n` samples becomes `⌈n × factor⌉`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scale {
    /// As coded.
    Full,
    /// 5/8.
    FiveEighths,
    /// 1/2.
    Half,
}

impl Scale {
    /// Every one, the largest first.
    pub const ALL: [Self; 3] = [Self::Full, Self::FiveEighths, Self::Half];

    /// Samples of a block's row that come out, of eight.
    #[must_use]
    pub const fn samples(self) -> usize {
        match self {
            Self::Full => 8,
            Self::FiveEighths => 5,
            Self::Half => 4,
        }
    }

    /// What a side of `n` samples becomes.
    #[must_use]
    pub const fn of(self, n: usize) -> usize {
        (n * self.samples()).div_ceil(8)
    }
}
