//! The pages of a file, wherever they are found.

use crate::clock::Deadline;
use crate::source::{Failure, Leave, Source};
use crate::walk::{Page, Walk};

/// Pages of the tree, or, where the tree has none, those found elsewhere in the file.
pub(crate) struct Pages<'s> {
    source: &'s Source,
    walk: Walk<'s>,
    strays: Option<std::vec::IntoIter<Page>>,
    /// Whether pages may stand in for unreadable ones even where not one page can be read.
    stand_ins: bool,
}

impl<'s> Pages<'s> {
    pub(crate) fn new(source: &'s Source, deadline: Deadline, stand_ins: bool) -> Result<Self, Leave> {
        Ok(Self { source, walk: Walk::new(source, deadline)?, strays: None, stand_ins })
    }

    /// The next page, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Page>, Failure> {
        if let Some(page) = self.walk.next()? {
            return Ok(Some(page));
        }
        if self.walk.found() == 0 {
            let strays = self.strays.get_or_insert_with(|| {
                let strays = self.source.stray_pages().into_iter();
                strays.map(|(id, dict)| Page { id, dict, lost: false }).collect::<Vec<_>>().into_iter()
            });
            if let Some(page) = strays.next() {
                self.stand_ins = false;
                return Ok(Some(page));
            }
        }
        let may = self.stand_ins || (self.walk.found() > 0 && self.strays.is_none());
        Ok(if may { self.walk.stand_in() } else { None })
    }
}
