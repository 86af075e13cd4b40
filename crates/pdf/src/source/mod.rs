//! Where objects come from. Three readers, one door: everything above asks for objects by number and
//! does not know which reader answers.

mod sure;
mod third;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::object::{Dict, Id, Object, Value};
use crate::report::Reader;

/// The reader met something it does not understand; the next one takes over. Only the fast way says so
/// in the middle of a file.
#[derive(Debug)]
pub(crate) struct Leave(pub(crate) &'static str);

/// An opened file.
pub(crate) enum Source {
    Sure(sure::Sure),
    Third(third::Third),
}

/// The readers in the order in which they are tried.
pub(crate) const READERS: [Reader; 2] = [Reader::Sure, Reader::Third];

impl Source {
    /// Opens a file with the given reader.
    pub(crate) fn open(reader: Reader, bytes: &Bytes) -> Result<Self, Error> {
        match reader {
            Reader::Fast => Err(Error::new(ErrorKind::Corrupt, "the file is not well formed")),
            Reader::Sure => sure::Sure::open(bytes).map(Self::Sure),
            Reader::Third => third::Third::open(bytes).map(Self::Third),
        }
    }

    pub(crate) fn reader(&self) -> Reader {
        match self {
            Self::Sure(_) => Reader::Sure,
            Self::Third(_) => Reader::Third,
        }
    }

    /// The object of this number; null where there is none.
    pub(crate) fn get(&self, id: Id) -> Result<Value, Leave> {
        match self {
            Self::Sure(sure) => Ok(sure.get(id)),
            Self::Third(third) => Ok(third.get(id)),
        }
    }

    /// Whether the file was encrypted (with an empty user password, or it would not be open).
    pub(crate) fn encrypted(&self) -> bool {
        match self {
            Self::Sure(sure) => sure.encrypted(),
            Self::Third(_) => false,
        }
    }

    /// The document's catalog.
    pub(crate) fn catalog(&self) -> Result<Dict, Leave> {
        let id = match self {
            Self::Sure(sure) => Some(sure.root()),
            Self::Third(third) => third.root(),
        };
        match id.map(|id| self.get(id)).transpose()? {
            Some(Value::Plain(Object::Dict(dict))) => Ok(dict),
            _ => Err(Leave("no catalog")),
        }
    }

    /// The document information dictionary, as far as the reader knows it.
    pub(crate) fn info(&self) -> Option<Dict> {
        match self {
            Self::Sure(sure) => Some(sure.info()),
            Self::Third(third) => third.info(),
        }
    }

    /// Pages found by other means than the page tree, for files whose tree is broken.
    pub(crate) fn stray_pages(&self) -> Vec<(Option<Id>, Dict)> {
        match self {
            Self::Sure(sure) => sure.stray_pages(),
            Self::Third(_) => Vec::new(),
        }
    }

    /// Follows one reference; direct objects are themselves. A reference to a reference is null.
    pub(crate) fn resolve(&self, object: &Object) -> Result<Value, Leave> {
        match object {
            Object::Ref(id) => match self.get(*id)? {
                Value::Plain(Object::Ref(next)) => match self.get(next)? {
                    Value::Plain(Object::Ref(_)) => Ok(Value::NULL),
                    value => Ok(value),
                },
                value => Ok(value),
            },
            direct => Ok(Value::Plain(direct.clone())),
        }
    }

    /// The entry of a dictionary, reference followed; null where there is none.
    pub(crate) fn entry(&self, dict: &Dict, key: &[u8]) -> Result<Value, Leave> {
        dict.get(key).map_or(Ok(Value::NULL), |object| self.resolve(object))
    }
}
