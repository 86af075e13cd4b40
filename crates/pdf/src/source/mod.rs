//! Where objects come from. Three readers, one door: everything above asks for objects by number and
//! does not know which reader answers.

mod fast;
mod sure;
mod third;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::object::{Dict, Id, Object, Value};
use crate::policy::Policy;
use crate::report::Reader;
use crate::safety;

pub(crate) use fast::{parse_dict, refs};

/// The reader met something it does not understand; the next one takes over. Only the fast way says so
/// in the middle of a file.
#[derive(Debug)]
pub(crate) struct Leave(pub(crate) &'static str);

/// Why a file was not read to its end: the reader gave up (another one may not), or there is an error.
#[derive(Debug)]
pub(crate) enum Failure {
    Leave(Leave),
    Error(Error),
}

impl From<Leave> for Failure {
    fn from(leave: Leave) -> Self {
        Self::Leave(leave)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// An opened file.
pub(crate) enum Source {
    Fast(Box<fast::Fast>),
    Sure(Box<sure::Sure>),
    Third(Box<third::Third>),
}

/// The readers in the order in which they are tried.
pub(crate) const READERS: [Reader; 3] = [Reader::Fast, Reader::Sure, Reader::Third];

impl Source {
    /// Opens a file with the given reader.
    pub(crate) fn open(reader: Reader, bytes: &Bytes, policy: &Policy) -> Result<Self, Failure> {
        Ok(match reader {
            Reader::Fast => Self::Fast(Box::new(fast::Fast::open(bytes, policy.max_inflated_bytes)?)),
            Reader::Sure => Self::Sure(Box::new(sure::Sure::open(harmless(bytes, policy)?)?)),
            Reader::Third => Self::Third(Box::new(third::Third::open(harmless(bytes, policy)?)?)),
        })
    }

    /// A file that we wrote ourselves, every object of it looked at.
    pub(crate) fn reopen(bytes: &Bytes, policy: &Policy) -> Result<Self, Leave> {
        let fast = fast::Fast::open(bytes, policy.max_inflated_bytes)?;
        fast.verify()?;
        Ok(Self::Fast(Box::new(fast)))
    }

    pub(crate) fn reader(&self) -> Reader {
        match self {
            Self::Fast(_) => Reader::Fast,
            Self::Sure(_) => Reader::Sure,
            Self::Third(_) => Reader::Third,
        }
    }

    /// Whether anything unexpected is a reason to leave: there are more forgiving readers.
    pub(crate) fn is_strict(&self) -> bool {
        matches!(self, Self::Fast(_))
    }

    /// The object of this number; null where there is none.
    pub(crate) fn get(&self, id: Id) -> Result<Value, Leave> {
        match self {
            Self::Fast(fast) => fast.get(id),
            Self::Sure(sure) => Ok(sure.get(id)),
            Self::Third(third) => Ok(third.get(id)),
        }
    }

    /// Whether the file was encrypted (with an empty user password, or it would not be open).
    pub(crate) fn encrypted(&self) -> bool {
        match self {
            Self::Sure(sure) => sure.encrypted(),
            Self::Fast(_) | Self::Third(_) => false,
        }
    }

    /// The document's catalog.
    pub(crate) fn catalog(&self) -> Result<Dict, Leave> {
        let id = match self {
            Self::Fast(fast) => Some(fast.root()?),
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
            Self::Fast(fast) => fast.info(),
            Self::Sure(sure) => Some(sure.info()),
            Self::Third(third) => third.info(),
        }
    }

    /// Pages found by other means than the page tree, for files whose tree is broken.
    pub(crate) fn stray_pages(&self) -> Vec<(Option<Id>, Dict)> {
        match self {
            Self::Sure(sure) => sure.stray_pages(),
            Self::Fast(_) => Vec::new(),
            Self::Third(third) => third.stray_pages(),
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

/// The file, if those who inflate without limit may see it.
fn harmless<'b>(bytes: &'b Bytes, policy: &Policy) -> Result<&'b Bytes, Error> {
    if safety::has_harmless_structure(bytes, policy.max_inflated_bytes) {
        return Ok(bytes);
    }
    Err(Error::new(ErrorKind::Limit, "the structure of the file inflates beyond its limit"))
}
