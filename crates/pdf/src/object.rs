//! The objects of a PDF as we hold them: owned, small, without lifetimes. Streams share the bytes of
//! the file they came from.

use bytes::Bytes;
use memchr::memchr;

/// How deep direct objects may nest. Real files stay below ten; whatever is deeper is null to us.
/// Every function that descends into an object relies on this bound.
pub(crate) const MAX_DEPTH: usize = 64;

/// Object and generation number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) number: u32,
    pub(crate) generation: i32,
}

impl Id {
    pub(crate) const fn new(number: u32, generation: i32) -> Self {
        Self { number, generation }
    }
}

/// A name without its slash, escapes undone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(Box<[u8]>);

impl Name {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// A name as it is written, `#41` for `A` included.
    pub(crate) fn unescaped(raw: &[u8]) -> Self {
        if memchr(b'#', raw).is_none() {
            return Self::new(raw);
        }
        let digit = |i: usize| raw.get(i).copied().and_then(hex_digit);
        let mut name = Vec::with_capacity(raw.len());
        let mut i = 0;
        while i < raw.len() {
            if let (b'#', Some(high), Some(low)) = (raw[i], digit(i + 1), digit(i + 2)) {
                name.push(high << 4 | low);
                i += 3;
            } else {
                name.push(raw[i]);
                i += 1;
            }
        }
        Self::new(&name)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

pub(crate) fn hex_digit(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

impl PartialEq<[u8]> for Name {
    fn eq(&self, other: &[u8]) -> bool {
        *self.0 == *other
    }
}

impl std::fmt::Debug for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

/// A direct object.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Object {
    Null,
    Bool(bool),
    Int(i64),
    Real(f64),
    String(Box<[u8]>),
    Name(Name),
    Array(Vec<Object>),
    Dict(Dict),
    Ref(Id),
    /// The inside of a long `/Kids` array, not parsed: the fast way reads kids one by one.
    Kids(Bytes),
}

/// A dictionary in file order. Where a key stands twice, the last one counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Dict(Vec<(Name, Object)>);

/// A dictionary with data. Filters are not undone, encryption is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stream {
    pub(crate) dict: Dict,
    pub(crate) data: Bytes,
}

/// What an indirect object holds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Plain(Object),
    Stream(Stream),
}

impl Object {
    pub(crate) fn name(bytes: &[u8]) -> Self {
        Self::Name(Name::new(bytes))
    }

    pub(crate) fn as_ref_id(&self) -> Option<Id> {
        if let Self::Ref(id) = self { Some(*id) } else { None }
    }

    pub(crate) fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(*i),
            #[expect(clippy::cast_possible_truncation, reason = "a real where an integer belongs: saturates")]
            Self::Real(r) => Some(*r as i64),
            _ => None,
        }
    }

    pub(crate) fn as_name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name.as_bytes()) } else { None }
    }

    pub(crate) fn as_dict(&self) -> Option<&Dict> {
        if let Self::Dict(dict) = self { Some(dict) } else { None }
    }

    pub(crate) fn as_array(&self) -> Option<&[Object]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }
}

impl Dict {
    pub(crate) fn from_entries(entries: Vec<(Name, Object)>) -> Self {
        Self(entries)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Object> {
        self.0.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    pub(crate) fn get_name(&self, key: &[u8]) -> Option<&[u8]> {
        self.get(key)?.as_name()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values, also of keys that stand twice.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Object> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.get(key).is_some()
    }

    /// Appends without looking for an older entry of the same key.
    pub(crate) fn push(&mut self, key: &[u8], value: Object) {
        self.0.push((Name::new(key), value));
    }

    /// Replaces whatever stood under the key.
    pub(crate) fn set(&mut self, key: &[u8], value: Object) {
        self.remove(key);
        self.push(key, value);
    }

    pub(crate) fn remove(&mut self, key: &[u8]) {
        self.0.retain(|(k, _)| k != key);
    }

    /// The entries, each key once, sorted by key: whatever order a reader gives them in, they are
    /// copied and written in this one.
    pub(crate) fn entries(&self) -> Vec<&(Name, Object)> {
        let mut entries: Vec<_> = self.0.iter().rev().collect();
        // Stable, so that of equal keys the last in the file stays first.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|a, b| a.0 == b.0);
        entries
    }
}

impl Value {
    pub(crate) const NULL: Self = Self::Plain(Object::Null);

    /// The dictionary, also a stream's.
    pub(crate) fn dict(&self) -> Option<&Dict> {
        match self {
            Self::Plain(object) => object.as_dict(),
            Self::Stream(stream) => Some(&stream.dict),
        }
    }

    pub(crate) fn into_plain(self) -> Object {
        match self {
            Self::Plain(object) => object,
            Self::Stream(_) => Object::Null,
        }
    }
}
