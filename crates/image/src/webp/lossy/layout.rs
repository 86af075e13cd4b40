//! Where coefficients and their chances lie.

/// By position in the block, one behind the last being asked for and not used: see [`POSITION`]. What is behind that is there
/// so that nobody looks whether it is.
pub(super) type Chances = [u8; 18 * POSITION];

/// Bytes of chances from one position to the next: sixteen for each of three neighbourhoods, and the position's [`PLACE`].
pub(super) const POSITION: usize = 64;
/// Where among them stands where the coefficient lies in its group.
pub(super) const PLACE: usize = 48;

/// Where coefficients lie in a group, in the order of coding.
pub(super) const ORDER: [u8; 16] = {
    let zigzag = [0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15];
    let mut order = [0; 16];
    let mut i = 0;
    while i < 16 {
        order[i] = zigzag[i] / 4 * 16 + zigzag[i] % 4;
        i += 1;
    }
    order
};

/// Coefficients of four blocks side by side, as their samples lie: of row `r`, block `b` and column `c` at
/// `16 r + 4 b + c`.
pub(super) type Group = [i16; 64];

/// What a block holds, in the order of how much of the transform it takes.
pub(super) struct Content;

impl Content {
    /// The first coefficient.
    pub(super) const FIRST: u8 = 1;
    /// Of the first three, in the order of coding.
    pub(super) const FEW: u8 = 2;
    /// Any.
    pub(super) const MANY: u8 = 3;
    /// Of all of a group's blocks, the bit that tells whether there is more than the first.
    pub(super) const MORE: u8 = 0b1010_1010;
}
