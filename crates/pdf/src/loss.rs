//! What a page needs and has not.

/// Something that a page refers to and that nobody can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Loss {
    /// The index of the first page that misses it; `None` where it is the form or the layers that do.
    pub(crate) page: Option<usize>,
    /// The number of the object, unless it has none.
    pub(crate) object: Option<u32>,
}
