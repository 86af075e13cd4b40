//! Where objects come from. Three readers, one door: everything above asks for objects by number and
//! does not know which reader answers. What a reader cannot read is said, never taken for nothing.

#[cfg(feature = "fallback")]
mod fallback;
mod mending;
mod repairing;
mod search;
mod strict;

use bytes::Bytes;

use crate::error::{Error, ErrorKind};
use crate::failure::{Failure, Leave};
use crate::loss::Extent;
use crate::object::{Dict, Id, Object, Value};
use crate::policy::Policy;
use crate::report::{EmptyPassword, Reader};
use crate::safety;

pub(crate) use search::is_cut;
pub(crate) use strict::{Token, Tokens, parse_dict, refs};

/// What there is under a number.
#[derive(Debug)]
pub(crate) enum Lookup {
    Found(Value),
    /// The same, but not every byte of it is understood: something of it may be lost.
    Damaged(Value),
    /// The file has no such object, which the standard makes a null.
    Absent,
    /// There is or was one, and nobody can read it.
    Lost,
}

impl Lookup {
    /// Whatever is not there is null.
    pub(crate) fn value(self) -> Value {
        match self {
            Self::Found(value) | Self::Damaged(value) => value,
            Self::Absent | Self::Lost => Value::NULL,
        }
    }

    /// How much of what there is cannot be read; `None` where nothing is missing.
    pub(crate) const fn missing(&self) -> Option<Extent> {
        match self {
            Self::Found(_) | Self::Absent => None,
            Self::Damaged(_) => Some(Extent::Part),
            Self::Lost => Some(Extent::Whole),
        }
    }
}

/// An opened file.
pub(crate) enum Source {
    Strict(Box<strict::Strict>),
    Repairing(Box<repairing::Repairing>),
    #[cfg(feature = "fallback")]
    Fallback(Box<fallback::Fallback>),
}

/// The readers in the order in which they are tried.
pub(crate) const READERS: &[Reader] = &[
    Reader::Strict,
    Reader::Repairing,
    #[cfg(feature = "fallback")]
    Reader::Fallback,
];

impl Source {
    /// Opens a file with the given reader.
    pub(crate) fn open(reader: Reader, bytes: &Bytes, policy: &Policy) -> Result<Self, Failure> {
        Ok(match reader {
            Reader::Strict => Self::Strict(Box::new(strict::Strict::open(bytes, policy.max_inflated_bytes)?)),
            Reader::Repairing => {
                let limit = policy.max_inflated_bytes;
                Self::Repairing(Box::new(repairing::Repairing::open(harmless(bytes, policy)?, limit)?))
            }
            #[cfg(feature = "fallback")]
            Reader::Fallback => Self::Fallback(Box::new(fallback::Fallback::open(harmless(bytes, policy)?)?)),
            #[cfg(not(feature = "fallback"))]
            Reader::Fallback => return Err(Leave("this reader was left out of the build").into()),
        })
    }

    /// A file that we wrote ourselves, every object of it looked at.
    pub(crate) fn reopen(bytes: &Bytes, policy: &Policy) -> Result<Self, Leave> {
        let strict = strict::Strict::open(bytes, policy.max_inflated_bytes)?;
        strict.verify()?;
        Ok(Self::Strict(Box::new(strict)))
    }

    pub(crate) fn reader(&self) -> Reader {
        match self {
            Self::Strict(_) => Reader::Strict,
            Self::Repairing(_) => Reader::Repairing,
            #[cfg(feature = "fallback")]
            Self::Fallback(_) => Reader::Fallback,
        }
    }

    /// Whether anything unexpected is a reason to leave: there are more forgiving readers.
    pub(crate) fn is_strict(&self) -> bool {
        matches!(self, Self::Strict(_))
    }

    /// What there is under this number.
    pub(crate) fn lookup(&self, id: Id) -> Result<Lookup, Leave> {
        match self {
            Self::Strict(strict) => strict.lookup(id),
            Self::Repairing(repairing) => Ok(repairing.lookup(id)),
            #[cfg(feature = "fallback")]
            Self::Fallback(fallback) => Ok(fallback.lookup(id)),
        }
    }

    /// The object of this number; null where there is none that can be read.
    pub(crate) fn get(&self, id: Id) -> Result<Value, Leave> {
        self.lookup(id).map(Lookup::value)
    }

    /// How many objects the file's table has, where that is known without reading them.
    pub(crate) fn size(&self) -> Option<usize> {
        if let Self::Strict(strict) = self { Some(strict.size()) } else { None }
    }

    /// Calls `see` for every object in use, in no promised order.
    pub(crate) fn each(&self, see: &mut dyn FnMut(&Value) -> Result<(), Failure>) -> Result<(), Failure> {
        match self {
            Self::Strict(strict) => strict.each(see),
            Self::Repairing(repairing) => repairing.each(see),
            #[cfg(feature = "fallback")]
            Self::Fallback(fallback) => fallback.each(see),
        }
    }

    /// Whether the file was encrypted (and opens without a password, or it would not be open).
    pub(crate) fn encrypted(&self) -> bool {
        match self {
            Self::Repairing(repairing) => repairing.encrypted(),
            _ => false,
        }
    }

    /// Whose password was empty, where the file was encrypted.
    pub(crate) fn empty_password(&self) -> EmptyPassword {
        match self {
            Self::Repairing(repairing) => repairing.empty_password(),
            _ => EmptyPassword::Either,
        }
    }

    /// The number of the document's catalog.
    pub(crate) fn root(&self) -> Result<Option<Id>, Leave> {
        Ok(match self {
            Self::Strict(strict) => Some(strict.root()?),
            Self::Repairing(repairing) => Some(repairing.root()),
            #[cfg(feature = "fallback")]
            Self::Fallback(fallback) => fallback.root(),
        })
    }

    /// The document's catalog.
    pub(crate) fn catalog(&self) -> Result<Dict, Leave> {
        match self.root()?.map(|id| self.get(id)).transpose()? {
            Some(Value::Plain(Object::Dict(dict))) => Ok(dict),
            _ => Err(Leave("no catalog")),
        }
    }

    /// The document information dictionary, as far as the reader knows it.
    pub(crate) fn info(&self) -> Option<Dict> {
        match self {
            Self::Strict(strict) => strict.info(),
            Self::Repairing(repairing) => Some(repairing.info()),
            #[cfg(feature = "fallback")]
            Self::Fallback(fallback) => fallback.info(),
        }
    }

    /// Pages found by other means than the page tree, for files whose tree is broken.
    pub(crate) fn stray_pages(&self) -> Vec<(Option<Id>, Dict)> {
        match self {
            Self::Strict(_) => Vec::new(),
            Self::Repairing(repairing) => repairing.stray_pages(),
            #[cfg(feature = "fallback")]
            Self::Fallback(fallback) => fallback.stray_pages(),
        }
    }

    /// Follows one reference; direct objects are themselves. A reference to a reference is null.
    pub(crate) fn resolve(&self, object: &Object) -> Result<Value, Leave> {
        self.follow(object).map(Lookup::value)
    }

    /// The same, told apart from what cannot be read.
    pub(crate) fn follow(&self, object: &Object) -> Result<Lookup, Leave> {
        match object {
            Object::Ref(id) => match self.lookup(*id)? {
                Lookup::Found(Value::Plain(Object::Ref(next))) => match self.lookup(next)? {
                    Lookup::Found(Value::Plain(Object::Ref(_))) | Lookup::Damaged(Value::Plain(Object::Ref(_))) => {
                        Ok(Lookup::Absent)
                    }
                    found => Ok(found),
                },
                found => Ok(found),
            },
            direct => Ok(Lookup::Found(Value::Plain(direct.clone()))),
        }
    }

    /// The entry of a dictionary, reference followed; null where there is none.
    pub(crate) fn entry(&self, dict: &Dict, key: &[u8]) -> Result<Value, Leave> {
        dict.get(key).map_or(Ok(Value::NULL), |object| self.resolve(object))
    }
}

/// Whether the strict reader can be expected to read the file, judged on its table alone.
pub(crate) fn is_well_formed(bytes: &Bytes) -> bool {
    strict::Strict::open(bytes, MAX_TABLE).is_ok()
}

/// Bytes of a cross-reference that is looked at before anything else is.
const MAX_TABLE: u64 = 16 << 20;

/// The file, if those who inflate without limit may see it.
fn harmless<'b>(bytes: &'b Bytes, policy: &Policy) -> Result<&'b Bytes, Error> {
    if safety::has_harmless_structure(bytes, policy.max_inflated_bytes) {
        return Ok(bytes);
    }
    Err(Error::new(ErrorKind::Limit, "the structure of the file inflates beyond its limit"))
}
