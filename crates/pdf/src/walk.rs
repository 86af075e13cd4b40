//! The page walk: leaves of the page tree in order, one at a time, with the attributes they inherit.
//!
//! A node may stand in the tree twice (a page listed twice is two pages), but not below itself: the
//! cycle check is on the path of ancestors only. A deadline bounds trees that share nodes to look
//! exponentially large. A kid that is there and that nobody can read was a page, and so was one that is not
//! there where the tree claims more pages than it has: an empty page stands in for it and is named. A tree
//! that is itself a page is no tree.

use std::collections::HashSet;
use std::rc::Rc;

use crate::clock::Deadline;
use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Leave};
use crate::object::{Dict, Id, Object, Value};
use crate::source::{Lookup, Source, refs};

/// Attributes that a page inherits from the nodes above it (ISO 32000-1, 7.7.3.4).
const INHERITED: [&[u8]; 4] = [b"Resources", b"MediaBox", b"CropBox", b"Rotate"];

/// Nodes above a page. Real trees have fewer than ten.
const MAX_PARENTS: usize = 32;

/// Pages of a broken tree that are counted before they are given out.
const COUNTED: u64 = 1_000;

type Inherited = [Option<Object>; 4];

/// One page of the source.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// Its object, unless the dictionary stands in `/Kids` itself.
    pub(crate) id: Option<Id>,
    pub(crate) dict: Dict,
    /// It stands in for a page that nobody can read.
    pub(crate) lost: bool,
    /// The number of an object that makes it what it is and that was not understood whole.
    pub(crate) damaged: Option<u32>,
}

pub(crate) struct Walk<'s> {
    source: &'s Source,
    deadline: Deadline,
    stack: Vec<Frame>,
    path: HashSet<Id>,
    found: u64,
    /// Pages given out: those found, and those that stand in for others.
    given: u64,
    /// Those that stand in for pages that are there and cannot be read.
    unread: u64,
    claimed: u64,
    /// Whether kids that cannot be read are taken for pages.
    lost_pages: bool,
    /// Pages of a broken tree that was counted to its end.
    ahead: Option<u64>,
}

struct Frame {
    id: Option<Id>,
    kids: Kids,
    inherited: Rc<Inherited>,
    /// The number of a node here or above that was not understood whole.
    damaged: Option<u32>,
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
        let top =
            Frame { id: None, kids: Box::new(std::iter::once(Ok(root))), inherited: Rc::default(), damaged: None };
        let stack = vec![top];
        Ok(Self {
            source,
            deadline,
            stack,
            path: HashSet::new(),
            found: 0,
            given: 0,
            unread: 0,
            claimed,
            lost_pages: true,
            ahead: None,
        })
    }

    /// The same, knowing whether kids that cannot be read were pages: the tree claims more than it has.
    pub(crate) fn counted(source: &'s Source, deadline: Deadline) -> Result<Self, Failure> {
        let mut walk = Self::new(source, deadline)?;
        if source.is_strict() {
            return Ok(walk);
        }
        let mut ahead = Self::new(source, deadline)?;
        while ahead.found < COUNTED && ahead.next()?.is_some() {}
        walk.lost_pages = ahead.found + ahead.unread < ahead.claimed;
        if ahead.stack.is_empty() {
            // Kids that stand in for pages are pages.
            walk.ahead = Some(if walk.lost_pages { ahead.given } else { ahead.found + ahead.unread });
        }
        Ok(walk)
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
            let (kid, inherited, above) = (kid?, Rc::clone(&frame.inherited), frame.damaged);
            let id = kid.as_ref_id();
            if id.is_some_and(|id| self.path.contains(&id)) {
                if let Some(page) = self.lose(Kid::Absent, &inherited)? {
                    return Ok(Some(page));
                }
                continue;
            }
            let node = self.source.follow(&kid)?;
            let kid = if matches!(node, Lookup::Lost) { Kid::Unread } else { Kid::Absent };
            let damaged = if matches!(node, Lookup::Damaged(_)) { id.map(|id| id.number) } else { above };
            let dict = match node.value() {
                Value::Plain(Object::Dict(dict)) => Some(dict),
                // A page that is written as a stream is a page all the same.
                Value::Stream(stream) if !self.source.is_strict() => Some(stream.dict),
                _ => None,
            };
            match dict.map(|dict| (kind(&dict), dict)) {
                Some((Kind::Inner, dict)) => self.descend(id, &dict, &inherited, damaged)?,
                Some((Kind::Page, dict)) if self.stack.len() > 1 => {
                    self.found += 1;
                    self.given += 1;
                    let dict = inherit_upwards(self.source, inherit(dict, &inherited))?;
                    return Ok(Some(Page { id, dict, lost: false, damaged }));
                }
                Some((Kind::Page | Kind::Neither, _)) | None => {
                    if let Some(page) = self.lose(kid, &inherited)? {
                        return Ok(Some(page));
                    }
                }
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

    /// Pages of the whole tree: as many as it claims, where nobody has come to its end.
    pub(crate) fn total(&self) -> u64 {
        if self.stack.is_empty() { self.given } else { self.ahead.unwrap_or_else(|| self.given.max(self.claimed)) }
    }

    /// Whether the tree claims more pages than were found so far.
    pub(crate) fn claims_more(&self) -> bool {
        self.found + self.unread < self.claimed
    }

    /// A kid that is no page: the one that stands in for it, where it was one.
    fn lose(&mut self, kid: Kid, inherited: &Inherited) -> Result<Option<Page>, Leave> {
        if self.source.is_strict() {
            return Err(Leave("a kid that is no page"));
        }
        // The root is no page, even where nobody can read it.
        let unread = matches!(kid, Kid::Unread) && self.stack.len() > 1;
        if !unread && !self.lost_pages {
            return Ok(None);
        }
        self.given += 1;
        self.unread += u64::from(unread);
        let dict = inherit(Dict::default(), inherited);
        Ok(Some(Page { id: None, dict, lost: true, damaged: None }))
    }

    fn descend(&mut self, id: Option<Id>, dict: &Dict, above: &Inherited, damaged: Option<u32>) -> Result<(), Leave> {
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
        self.stack.push(Frame { id, kids, inherited: Rc::new(inherited), damaged });
        Ok(())
    }
}

/// A kid that is no page.
#[derive(Clone, Copy)]
enum Kid {
    /// Not there, or something else.
    Absent,
    /// There, and nobody can read it.
    Unread,
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

/// The same for a page whose way down the tree gave it no paper or no resources: from the nodes that it calls its
/// parents.
pub(crate) fn inherit_upwards(source: &Source, mut page: Dict) -> Result<Dict, Leave> {
    let lacks = |page: &Dict| [b"MediaBox".as_slice(), b"Resources"].iter().any(|key| present(page, key).is_none());
    let mut parent = page.get(b"Parent").cloned();
    for _ in 0..MAX_PARENTS {
        let Some(id @ Object::Ref(_)) = parent.filter(|_| lacks(&page)) else { break };
        let Value::Plain(Object::Dict(node)) = source.resolve(&id)? else { break };
        let above = INHERITED.map(|key| present(&node, key).cloned());
        page = inherit(page, &above);
        parent = node.get(b"Parent").cloned();
    }
    Ok(page)
}

fn present<'d>(dict: &'d Dict, key: &[u8]) -> Option<&'d Object> {
    dict.get(key).filter(|value| **value != Object::Null)
}
