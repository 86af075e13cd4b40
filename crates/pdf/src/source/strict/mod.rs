//! The strict reader: lean, for well-formed, unencrypted files. It reads the end of the file, the
//! cross-reference sections and the objects it is asked for, and touches nothing else.
//!
//! It believes nothing: an object must begin exactly where the cross-reference says, a stream must end
//! where its length says. Whatever is unexpected makes it leave, and the repairing reader starts over.

mod lex;
mod xref;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;

pub(super) use lex::{Lexer, is_space, trimmed};
pub(crate) use lex::{Token, Tokens, parse_dict, refs};
pub(super) use xref::{Place, Sections};

use crate::failure::{Failure, Leave};
use crate::inflate;
use crate::object::{Dict, Id, Object, Stream, Value};
use crate::source::Lookup;

/// Lookups inside lookups: a stream whose length is an object in a stream whose length is an object.
const MAX_LOOKUPS: u8 = 6;

/// Object streams kept inflated at a time.
const MAX_OPEN: usize = 64;

pub(crate) struct Strict {
    bytes: Bytes,
    sections: Sections,
    open: RefCell<HashMap<u32, Rc<Packed>>>,
    nested: Cell<u8>,
    max_inflated: u64,
}

/// An inflated object stream.
struct Packed {
    data: Bytes,
    /// Object numbers and offsets into `data`.
    index: Vec<(u32, usize)>,
}

impl Strict {
    pub(crate) fn open(bytes: &Bytes, max_inflated: u64) -> Result<Self, Leave> {
        if !bytes.starts_with(b"%PDF-") {
            return Err(Leave("no header at the start"));
        }
        let sections = Sections::of(bytes, max_inflated)?;
        if sections.encrypted() {
            return Err(Leave("encrypted"));
        }
        Ok(Self { bytes: bytes.clone(), sections, open: RefCell::default(), nested: Cell::new(0), max_inflated })
    }

    pub(crate) fn root(&self) -> Result<Id, Leave> {
        self.sections.trailer().get(b"Root").and_then(Object::as_ref_id).ok_or(Leave("no root"))
    }

    pub(crate) fn info(&self) -> Option<Dict> {
        let id = self.sections.trailer().get(b"Info")?.as_ref_id()?;
        self.get(id).ok()?.dict().cloned()
    }

    fn get(&self, id: Id) -> Result<Value, Leave> {
        self.lookup(id).map(Lookup::value)
    }

    pub(crate) fn lookup(&self, id: Id) -> Result<Lookup, Leave> {
        if self.nested.get() >= MAX_LOOKUPS {
            return Err(Leave("lookups nest too deep"));
        }
        self.nested.set(self.nested.get() + 1);
        let found = match self.sections.find(id) {
            Ok(Place::Absent) => Ok(Lookup::Absent),
            Ok(Place::At(offset)) => self.object_at(offset, id).map(Lookup::Found),
            Ok(Place::In { stream, index }) => self.packed_object(id, stream, index).map(Lookup::Found),
            Err(leave) => Err(leave),
        };
        self.nested.set(self.nested.get() - 1);
        found
    }

    /// Looks at every object of the file, for files that we wrote ourselves.
    pub(crate) fn verify(&self) -> Result<(), Leave> {
        let size = self.sections.trailer().get(b"Size").and_then(Object::as_int).ok_or(Leave("no size"))?;
        for number in 1..u32::try_from(size).map_err(|_| Leave("a strange size"))? {
            if matches!(self.lookup(Id::new(number, 0))?, Lookup::Absent) {
                return Err(Leave("an object is missing"));
            }
        }
        Ok(())
    }

    /// Rows of the newest sections, free ones included.
    pub(crate) fn size(&self) -> usize {
        self.sections.size()
    }

    /// Calls `see` for every object in use.
    pub(crate) fn each(&self, see: &mut dyn FnMut(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
        self.sections.each_in_use(&mut |id| match self.lookup(id)? {
            Lookup::Found(value) | Lookup::Damaged(value) => see(&value),
            Lookup::Absent | Lookup::Lost => Ok(()),
        })
    }

    fn object_at(&self, offset: usize, id: Id) -> Result<Value, Leave> {
        let mut lexer = Lexer::new(&self.bytes, offset);
        let number = lexer.integer()?;
        lexer.skip_space();
        let generation = lexer.integer()?;
        lexer.skip_space();
        if !lexer.keyword(b"obj") || number != id.number as usize || Ok(generation) != usize::try_from(id.generation) {
            return Err(Leave("an object is not where it should be"));
        }
        let object = lexer.object()?;
        lexer.skip_space();
        match object {
            Object::Dict(dict) if lexer.keyword(b"stream") => self.stream(lexer, dict).map(Value::Stream),
            object if lexer.keyword(b"endobj") => Ok(Value::Plain(object)),
            _ => Err(Leave("an object does not end")),
        }
    }

    fn stream(&self, mut lexer: Lexer<'_>, dict: Dict) -> Result<Stream, Leave> {
        if !(lexer.keyword(b"\r\n") || lexer.keyword(b"\n")) {
            return Err(Leave("a stream does not begin on a new line"));
        }
        let length = match dict.get(b"Length") {
            Some(Object::Ref(id)) => self.get(*id)?.into_plain().as_int(),
            Some(length) => length.as_int(),
            None => None,
        };
        let length = length.and_then(|n| usize::try_from(n).ok()).ok_or(Leave("a stream without length"))?;
        let start = lexer.position();
        let end = start.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Leave("a stream is longer than the file"))?;
        let mut after = Lexer::new(&self.bytes, end);
        after.skip_space();
        if !after.keyword(b"endstream") {
            return Err(Leave("a stream does not end where it should"));
        }
        after.skip_space();
        if !after.keyword(b"endobj") {
            return Err(Leave("an object does not end"));
        }
        Ok(Stream { dict, data: self.bytes.slice(start..end) })
    }

    fn packed_object(&self, id: Id, stream: u32, index: usize) -> Result<Value, Leave> {
        let packed = self.packed(stream)?;
        match packed.index.get(index) {
            Some((number, offset)) if *number == id.number => {
                Lexer::new(&packed.data, *offset).object().map(Value::Plain)
            }
            _ => Err(Leave("an object is not in its stream")),
        }
    }

    fn packed(&self, number: u32) -> Result<Rc<Packed>, Leave> {
        if let Some(packed) = self.open.borrow().get(&number) {
            return Ok(Rc::clone(packed));
        }
        let id = Id::new(number, 0);
        // An object stream lies in the file itself, never in another object stream.
        let Place::At(offset) = self.sections.find(id)? else { return Err(Leave("an object stream in another")) };
        let Value::Stream(stream) = self.object_at(offset, id)? else { return Err(Leave("no object stream")) };
        if stream.dict.get_name(b"Type") != Some(b"ObjStm") {
            return Err(Leave("no object stream"));
        }
        let data = inflate::undo(&stream, self.max_inflated)?;
        let count = |key: &[u8]| stream.dict.get(key).and_then(Object::as_int).and_then(|n| usize::try_from(n).ok());
        let (Some(n), Some(first)) = (count(b"N"), count(b"First")) else {
            return Err(Leave("an object stream without its counts"));
        };
        // Each entry of the index takes at least four bytes.
        if n > data.len() / 4 + 1 || first > data.len() {
            return Err(Leave("an object stream shorter than its counts"));
        }
        let mut index = Vec::with_capacity(n);
        let mut lexer = Lexer::new(&data, 0);
        for _ in 0..n {
            lexer.skip_space();
            let number = u32::try_from(lexer.integer()?).map_err(|_| Leave("a strange object number"))?;
            lexer.skip_space();
            let offset = first.checked_add(lexer.integer()?).filter(|o| *o < data.len());
            index.push((number, offset.ok_or(Leave("an object outside of its stream"))?));
        }
        let packed = Rc::new(Packed { data, index });
        let mut open = self.open.borrow_mut();
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        open.insert(number, Rc::clone(&packed));
        Ok(packed)
    }
}
