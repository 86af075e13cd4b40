//! What a page needs and has not, or not whole.

/// Something that a page refers to and that nobody can read, or not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Loss {
    /// The index of the first page that misses it; `None` where it is the form or the layers that do.
    pub(crate) page: Option<usize>,
    /// The number of the object, unless it has none.
    pub(crate) object: Option<u32>,
    pub(crate) extent: Extent,
}

/// How much of it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// It was read, but something in it makes no sense.
    Part,
}
