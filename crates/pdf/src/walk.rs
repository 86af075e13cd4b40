//! The page walk: leaves of the page tree in order, one at a time, with the attributes they inherit.
//!
//! A node may stand in the tree twice (a page listed twice is two pages), but not below itself: the
//! cycle check is on the path of ancestors only. A budget of visits bounds trees that share nodes to
//! look exponentially large.

use std::collections::HashSet;
use std::rc::Rc;

use crate::object::{Dict, Id, Object, Value};
use crate::source::{Leave, Source};

/// Nodes looked at in one walk. The largest real document of the research corpus has 17,000 pages.
const MAX_VISITS: u32 = 2_000_000;

/// Attributes that a page inherits from the nodes above it (ISO 32000-1, 7.7.3.4).
pub(crate) const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];

/// One page of the source.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Its object, unless the dictionary stands in `/Kids` itself.
    pub(crate) id: Option<Id>,
    pub(crate) dict: Dict,
}

pub(crate) struct Walk<'s> {
    source: &'s Source,
    stack: Vec<Frame>,
    path: HashSet<Id>,
    visits: u32,
}

struct Frame {
    id: Option<Id>,
    kids: std::vec::IntoIter<Object>,
    inherited: Rc<[Option<Object>; 4]>,
}

impl<'s> Walk<'s> {
    /// Starts at the catalog's `/Pages`.
    pub(crate) fn new(source: &'s Source) -> Result<Self, Leave> {
        let catalog = source.catalog()?;
        let mut walk = Self { source, stack: Vec::new(), path: HashSet::new(), visits: 0 };
        let root = catalog.get(b"Pages").cloned().unwrap_or(Object::Null);
        walk.stack.push(Frame { id: None, kids: vec![root].into_iter(), inherited: Rc::default() });
        Ok(walk)
    }

    /// The next page, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Page>, Leave> {
        while let Some(frame) = self.stack.last_mut() {
            let Some(kid) = frame.kids.next() else {
                if let Some(Frame { id: Some(id), .. }) = self.stack.pop() {
                    self.path.remove(&id);
                }
                continue;
            };
            self.visits += 1;
            if self.visits > MAX_VISITS {
                return Ok(None);
            }
            let inherited = Rc::clone(&frame.inherited);
            let id = kid.as_ref_id();
            if id.is_some_and(|id| self.path.contains(&id)) {
                continue;
            }
            let Value::Plain(Object::Dict(dict)) = self.source.resolve(&kid)? else { continue };
            if is_inner(&dict) {
                self.descend(id, &dict, &inherited)?;
            } else {
                return Ok(Some(Page { id, dict: inherit(dict, &inherited) }));
            }
        }
        Ok(None)
    }

    fn descend(&mut self, id: Option<Id>, dict: &Dict, above: &[Option<Object>; 4]) -> Result<(), Leave> {
        let Value::Plain(Object::Array(kids)) = self.source.entry(dict, b"Kids")? else { return Ok(()) };
        let mut inherited = above.clone();
        for (slot, key) in inherited.iter_mut().zip(INHERITED) {
            if let Some(value) = present(dict, key) {
                *slot = Some(value.clone());
            }
        }
        if let Some(id) = id {
            self.path.insert(id);
        }
        self.stack.push(Frame { id, kids: kids.into_iter(), inherited: Rc::new(inherited) });
        Ok(())
    }
}

/// A node of the tree as opposed to a page: by its type, or by its kids where the type is missing.
fn is_inner(dict: &Dict) -> bool {
    match dict.get_name(b"Type") {
        Some(b"Pages") => true,
        Some(b"Page") => false,
        _ => dict.contains(b"Kids"),
    }
}

fn inherit(mut dict: Dict, inherited: &[Option<Object>; 4]) -> Dict {
    for (value, key) in inherited.iter().zip(INHERITED) {
        if let Some(value) = value
            && present(&dict, key).is_none()
        {
            dict.set(key, value.clone());
        }
    }
    dict
}

fn present<'d>(dict: &'d Dict, key: &[u8]) -> Option<&'d Object> {
    dict.get(key).filter(|value| **value != Object::Null)
}
