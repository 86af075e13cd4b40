//! The third chance: lopdf, for the few files that hayro-syntax cannot open. It parses the whole file
//! at once and returns documents without pages as if they were sound; the page walk notices.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::object::{Dict, Id, MAX_DEPTH, Name, Object, Stream, Value};

pub(crate) struct Third {
    document: lopdf::Document,
}

impl Third {
    pub(crate) fn open(bytes: &Bytes) -> Result<Self, Error> {
        let opened = catch_unwind(AssertUnwindSafe(|| lopdf::Document::load_mem(bytes)))
            .map_err(|_| Error::new(ErrorKind::Corrupt, "no reader makes sense of the file"))?;
        let document =
            opened.map_err(|e| Error::because(ErrorKind::Corrupt, "no reader makes sense of the file", e))?;
        if document.trailer.has(b"Encrypt") || document.is_encrypted() {
            return Err(Error::new(ErrorKind::Encrypted, "the file is encrypted and broken"));
        }
        Ok(Self { document })
    }

    pub(crate) fn get(&self, id: Id) -> Value {
        let Ok(generation) = u16::try_from(id.generation) else { return Value::NULL };
        match self.document.objects.get(&(id.number, generation)) {
            Some(lopdf::Object::Stream(stream)) => {
                Value::Stream(Stream { dict: dict(&stream.dict, 0), data: Bytes::copy_from_slice(&stream.content) })
            }
            Some(object) => Value::Plain(convert(object, 0)),
            None => Value::NULL,
        }
    }

    pub(crate) fn root(&self) -> Option<Id> {
        let (number, generation) = self.document.trailer.get(b"Root").ok()?.as_reference().ok()?;
        Some(Id::new(number, i32::from(generation)))
    }

    pub(crate) fn stray_pages(&self) -> Vec<(Option<Id>, Dict)> {
        let objects = self.document.objects.iter();
        objects
            .filter_map(|((number, generation), object)| {
                let page = dict(object.as_dict().ok()?, 0);
                let is_page = page.get_name(b"Type") == Some(b"Page");
                is_page.then(|| (Some(Id::new(*number, i32::from(*generation))), page))
            })
            .collect()
    }

    pub(crate) fn info(&self) -> Option<Dict> {
        let (number, generation) = self.document.trailer.get(b"Info").ok()?.as_reference().ok()?;
        self.get(Id::new(number, i32::from(generation))).dict().cloned()
    }
}

fn convert(object: &lopdf::Object, depth: usize) -> Object {
    if depth >= MAX_DEPTH {
        return Object::Null;
    }
    match object {
        lopdf::Object::Boolean(b) => Object::Bool(*b),
        lopdf::Object::Integer(i) => Object::Int(*i),
        lopdf::Object::Real(r) if r.is_finite() => Object::Real(f64::from(*r)),
        lopdf::Object::Name(name) => Object::name(name),
        lopdf::Object::String(bytes, _) => Object::String(bytes.as_slice().into()),
        lopdf::Object::Array(items) => Object::Array(items.iter().map(|item| convert(item, depth + 1)).collect()),
        lopdf::Object::Dictionary(d) => Object::Dict(dict(d, depth)),
        lopdf::Object::Reference((number, generation)) => Object::Ref(Id::new(*number, i32::from(*generation))),
        _ => Object::Null,
    }
}

fn dict(dict: &lopdf::Dictionary, depth: usize) -> Dict {
    Dict::from_entries(dict.iter().map(|(key, value)| (Name::new(key), convert(value, depth + 1))).collect())
}
