//! The page walk: leaves of the page tree in order, one at a time, with the attributes they inherit.
//!
//! A node may stand in the tree twice (a page listed twice is two pages), but not below itself: the
//! cycle check is on the path of ancestors only. A deadline bounds trees that share nodes to look
//! exponentially large. Kids that nobody can read are remembered: where the tree claims more pages than
//! it has, they were pages once, and an empty page stands in for each.

use std::collections::HashSet;
use std::rc::Rc;

use crate::clock::Deadline;
use crate::error::{Error, ErrorKind};
use crate::object::{Dict, Id, Object, Value};
use crate::source::{Failure, Leave, Source, refs};

/// Attributes that a page inherits from the nodes above it (ISO 32000-1, 7.7.3.4).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];

/// Pages that may stand in for unreadable ones.
const MAX_LOST: usize = 16;

type Inherited = [Option<Object>; 4];

/// One page of the source.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Its object, unless the dictionary stands in `/Kids` itself.
    pub(crate) id: Option<Id>,
    pub(crate) dict: Dict,
    /// It stands in for a page that nobody can read.
    pub(crate) lost: bool,
}

pub(crate) struct Walk<'s> {
    source: &'s Source,
    deadline: Deadline,
    stack: Vec<Frame>,
    path: HashSet<Id>,
    found: u64,
    claimed: u64,
    lost: Vec<Rc<Inherited>>,
}

struct Frame {
    id: Option<Id>,
    kids: Kids,
    inherited: Rc<Inherited>,
}

type Kids = Box<dyn Iterator<Item = Result<Object, Leave>>>;

impl<'s> Walk<'s> {
    /// Starts at the catalog's `/Pages`.
    pub(crate) fn new(source: &'s Source, deadline: Deadline) -> Result<Self, Leave> {
        let catalog = source.catalog()?;
        let root = catalog.get(b"Pages").cloned().unwrap_or(Object::Null);
        let claimed = match source.resolve(&root)?.dict().and_then(|dict| dict.get(b"Count")) {
            Some(count) => u64::try_from(source.resolve(count)?.into_plain().as_int().unwrap_or(0)).unwrap_or(0),
            None => 0,
        };
        let top = Frame { id: None, kids: Box::new(std::iter::once(Ok(root))), inherited: Rc::default() };
        Ok(Self { source, deadline, stack: vec![top], path: HashSet::new(), found: 0, claimed, lost: Vec::new() })
    }

    /// The next page, or `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Page>, Failure> {
        while let Some(frame) = self.stack.last_mut() {
            let Some(kid) = frame.kids.next() else {
                if let Some(Frame { id: Some(id), .. }) = self.stack.pop() {
                    self.path.remove(&id);
                }
                continue;
            };
            if self.deadline.is_over() {
                return Err(Error::new(ErrorKind::Timeout, "walking the page tree took too long").into());
            }
            let (kid, inherited) = (kid?, Rc::clone(&frame.inherited));
            let id = kid.as_ref_id();
            if id.is_some_and(|id| self.path.contains(&id)) {
                self.lose(inherited)?;
                continue;
            }
            let Value::Plain(Object::Dict(dict)) = self.source.resolve(&kid)? else {
                self.lose(inherited)?;
                continue;
            };
            match kind(&dict) {
                Kind::Inner => self.descend(id, &dict, &inherited)?,
                Kind::Page => {
                    self.found += 1;
                    return Ok(Some(Page { id, dict: inherit(dict, &inherited), lost: false }));
                }
                Kind::Neither => self.lose(inherited)?,
            }
        }
        if self.source.is_strict() && self.found != self.claimed {
            return Err(Leave("the page tree miscounts its pages").into());
        }
        Ok(None)
    }

    /// Pages of the tree so far.
    pub(crate) fn found(&self) -> u64 {
        self.found
    }

    /// A page for one that the tree claims and nobody can read, after the last page.
    pub(crate) fn stand_in(&mut self) -> Option<Page> {
        if self.found >= self.claimed {
            return None;
        }
        let inherited = self.lost.pop()?;
        self.found += 1;
        Some(Page { id: None, dict: inherit(Dict::default(), &inherited), lost: true })
    }

    fn lose(&mut self, inherited: Rc<Inherited>) -> Result<(), Leave> {
        if self.source.is_strict() {
            return Err(Leave("a kid that is no page"));
        }
        if self.lost.len() < MAX_LOST {
            self.lost.push(inherited);
        }
        Ok(())
    }

    fn descend(&mut self, id: Option<Id>, dict: &Dict, above: &Inherited) -> Result<(), Leave> {
        let kids: Kids = match self.source.entry(dict, b"Kids")? {
            Value::Plain(Object::Array(kids)) => Box::new(kids.into_iter().map(Ok)),
            Value::Plain(Object::Kids(kids)) => Box::new(refs(kids).map(|id| id.map(Object::Ref))),
            _ if self.source.is_strict() => return Err(Leave("a node without kids")),
            _ => return Ok(()),
        };
        let mut inherited = above.clone();
        for (slot, key) in inherited.iter_mut().zip(INHERITED) {
            if let Some(value) = present(dict, key) {
                *slot = Some(value.clone());
            }
        }
        if let Some(id) = id {
            self.path.insert(id);
        }
        self.stack.push(Frame { id, kids, inherited: Rc::new(inherited) });
        Ok(())
    }
}

enum Kind {
    Inner,
    Page,
    Neither,
}

/// By its type, or, where that is missing or wrong, by what it has.
fn kind(dict: &Dict) -> Kind {
    match dict.get_name(b"Type") {
        Some(b"Pages") => Kind::Inner,
        Some(b"Page") => Kind::Page,
        _ if dict.contains(b"Kids") => Kind::Inner,
        _ if [b"Contents".as_slice(), b"MediaBox", b"Resources", b"Annots"].iter().any(|key| dict.contains(key)) => {
            Kind::Page
        }
        _ => Kind::Neither,
    }
}

fn inherit(mut dict: Dict, inherited: &Inherited) -> Dict {
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
