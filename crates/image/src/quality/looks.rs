//! What one look at a tile gives, in numbers that every kernel gives alike.

/// Samples of a tile each way.
pub(crate) const SIDE: usize = 32;
/// Samples of a tile's row that vectors load: a few more than they count.
pub(super) const WIDE: usize = SIDE + 3;
/// Samples of a tile.
pub(crate) const AREA: usize = SIDE * SIDE;
/// From here on a sample counts as white.
pub(super) const WHITE: u8 = 250;

/// What one look at a tile tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) least: u8,
    pub(crate) most: u8,
    pub(crate) sum: u32,
    /// Sum of the absolute second differences both ways: `[1 -2 1; -2 4 -2; 1 -2 1]`.
    pub(crate) noise: u32,
    /// Samples from [`WHITE`] on.
    pub(crate) white: u32,
}

impl Tile {
    pub(crate) const fn range(&self) -> u8 {
        self.most - self.least
    }
}

/// The eight directions of the nearer neighbour, across and down; the further one lies three times as far.
pub(crate) const DIRECTIONS: [(isize, isize); 8] = [(2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (-1, 2), (-2, 2), (-2, 1)];
/// How many samples beside and below a tile are looked at.
pub(crate) const REACH: usize = 6;
/// By direction, the sums of squared differences to the nearer neighbours of a tile's samples and to the further ones.
pub(crate) type Energies = [[u32; 2]; 8];
