//! The objects of a document of ours by number, for those who read what was copied.

use std::collections::HashMap;

use crate::object::{Dict, Object, Stream, Value};
use crate::write::Document;

/// Objects of a document by number.
pub(crate) struct Objects<'d>(HashMap<u32, &'d Value>);

impl<'d> Objects<'d> {
    pub(crate) fn of(document: &'d Document) -> Self {
        Self(document.objects.iter().map(|(number, value)| (*number, value)).collect())
    }

    pub(crate) fn get(&self, number: u32) -> Option<&'d Value> {
        self.0.get(&number).copied()
    }

    /// The value under a key, reference followed; `None` where there is none or it is null.
    pub(crate) fn entry<'a>(&self, dict: &'a Dict, key: &[u8]) -> Option<Entry<'a>>
    where
        'd: 'a,
    {
        self.follow(dict.get(key)?)
    }

    /// What a direct object or a reference stands for.
    pub(crate) fn follow<'a>(&self, object: &'a Object) -> Option<Entry<'a>>
    where
        'd: 'a,
    {
        match object {
            Object::Null => None,
            Object::Ref(id) => match self.get(id.number)? {
                Value::Plain(Object::Null) => None,
                Value::Plain(object) => Some(Entry::Plain(object)),
                Value::Stream(stream) => Some(Entry::Stream(stream)),
            },
            direct => Some(Entry::Plain(direct)),
        }
    }

    /// The dictionary under a key, direct or referred to.
    pub(crate) fn dict<'a>(&self, dict: &'a Dict, key: &[u8]) -> Option<&'a Dict>
    where
        'd: 'a,
    {
        match dict.get(key)? {
            Object::Dict(dict) => Some(dict),
            Object::Ref(id) => self.get(id.number)?.dict(),
            _ => None,
        }
    }

    /// The streams of a page's or a form's content, by number.
    pub(crate) fn contents(&self, page: &Dict) -> Vec<u32> {
        let list = match page.get(b"Contents") {
            Some(Object::Ref(id)) => match self.get(id.number) {
                Some(Value::Plain(Object::Array(items))) => items.as_slice(),
                _ => return vec![id.number],
            },
            Some(Object::Array(items)) => items.as_slice(),
            _ => return Vec::new(),
        };
        list.iter().filter_map(Object::as_ref_id).map(|id| id.number).collect()
    }
}

/// What stands under a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Entry<'a> {
    Plain(&'a Object),
    Stream(&'a Stream),
}

impl<'a> Entry<'a> {
    /// The dictionary, also a stream's.
    pub(crate) fn dict(self) -> Option<&'a Dict> {
        match self {
            Self::Plain(object) => object.as_dict(),
            Self::Stream(stream) => Some(&stream.dict),
        }
    }

    pub(crate) fn as_name(self) -> Option<&'a [u8]> {
        if let Self::Plain(object) = self { object.as_name() } else { None }
    }

    pub(crate) fn as_array(self) -> Option<&'a [Object]> {
        if let Self::Plain(object) = self { object.as_array() } else { None }
    }

    pub(crate) fn as_int(self) -> Option<i64> {
        if let Self::Plain(object) = self { object.as_int() } else { None }
    }
}
