//! Where a picture's coded data end, and where the picture does. In formats without a checksum that tells damage: any
//! bits are some picture, but hardly ever one that ends where the data do.

/// From sound to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ending {
    /// Both end in the same place, as encoders end them.
    Exact,
    /// Both end about in the same place, but otherwise than known encoders end them.
    Odd,
    /// Data go on behind the picture, or make no sense.
    Amiss,
    /// The picture goes on behind the data.
    Beyond,
}
