//! The pages of a file, wherever they are found.

use crate::clock::Deadline;
use crate::failure::Failure;
use crate::object::Id;
use crate::source::Source;
use crate::walk::{Page, Walk, inherit_upwards};

/// Pages of the tree, or, where the tree has none, those found elsewhere in the file.
pub(crate) struct Pages<'s> {
    source: &'s Source,
    walk: Walk<'s>,
    strays: Option<std::vec::IntoIter<Page>>,
    /// How many of them.
    found_elsewhere: u64,
}

impl<'s> Pages<'s> {
    pub(crate) fn new(source: &'s Source, deadline: Deadline) -> Result<Self, Failure> {
        Ok(Self { source, walk: Walk::counted(source, deadline)?, strays: None, found_elsewhere: 0 })
    }

    /// The next page, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Page>, Failure> {
        if self.strays.is_none() {
            match self.walk.next()? {
                Some(page) => return Ok(Some(page)),
                None if self.walk.found() > 0 => return Ok(None),
                None => {}
            }
        }
        let strays = match &mut self.strays {
            Some(strays) => strays,
            None => {
                let strays = strays(self.source)?;
                self.found_elsewhere = strays.len() as u64;
                self.strays.insert(strays.into_iter())
            }
        };
        Ok(strays.next())
    }

    /// Whether the pages were found elsewhere than in the tree.
    pub(crate) fn are_strays(&self) -> bool {
        self.strays.is_some()
    }

    /// Pages of the whole document, as far as is known.
    pub(crate) fn total(&self) -> u64 {
        self.strays.as_ref().map_or_else(|| self.walk.total(), |_| self.found_elsewhere)
    }

    /// Whether the tree claims pages that it has not.
    pub(crate) fn claims_more(&self) -> bool {
        self.walk.claims_more()
    }
}

/// Pages found elsewhere in the file than in its tree.
fn strays(source: &Source) -> Result<Vec<Page>, Failure> {
    let mut pages = Vec::new();
    for (id, dict) in source.stray_pages() {
        let dict = inherit_upwards(source, dict)?;
        // What it had of nodes that nobody finds is lost with them.
        let orphan = [b"MediaBox".as_slice(), b"Resources"].iter().any(|key| !dict.contains(key));
        let damaged = orphan.then(|| id.map_or(0, |id: Id| id.number));
        pages.push(Page { id, dict, lost: false, damaged });
    }
    Ok(pages)
}
