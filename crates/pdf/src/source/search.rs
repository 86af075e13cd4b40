//! Objects found by their headers (`7 0 obj`) in the bytes of a damaged file, for those that its reader
//! cannot read. Forgiving where it is plain what was meant: blanks after `stream`, a misspelt `endstream`,
//! a missing `endobj`, a generation that disagrees, a stray bracket or word (`mending.rs`). Whatever is not
//! plain is lost, which is said.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bytes::Bytes;
use memchr::memmem;

use super::strict::{Lexer, is_space};
use super::{Lookup, mending};
use crate::object::{Dict, Id, Object, Stream, Value};

/// Bytes of the digits and blanks of a header.
const HEADER: usize = 32;

/// Bytes that may stand between `stream` and the end of its line.
const STRAY: usize = 64;

/// Bytes looked at behind a stream for a word that ends it.
const END_WORD: usize = 24;

pub(super) struct Search {
    bytes: Bytes,
    headers: OnceCell<Headers>,
}

#[derive(Default)]
struct Headers {
    /// Where the last object of this number and generation begins behind its header.
    exact: HashMap<Id, usize>,
    /// The last of this number, whatever its generation.
    any: HashMap<u32, usize>,
    /// Those that stand more than once: only a table tells which of them counts.
    repeated: HashSet<u32>,
    /// Those whose header stands right behind something else: not every reader takes it for one.
    glued: HashSet<u32>,
    /// The last object of a file that ends within it.
    torn: Option<u32>,
}

/// What a search gives.
pub(super) enum Hit {
    Found(Value),
    /// There is a header, and nobody can read what stands behind it.
    Unreadable,
    /// There is no header of this number.
    None,
}

impl Search {
    pub(super) fn new(bytes: &Bytes) -> Self {
        Self { bytes: bytes.clone(), headers: OnceCell::new() }
    }

    /// The object of this number.
    pub(super) fn find(&self, id: Id) -> Hit {
        let headers = self.headers.get_or_init(|| headers(&self.bytes));
        let Some(at) = headers.exact.get(&id).or_else(|| headers.any.get(&id.number)) else { return Hit::None };
        if headers.torn == Some(id.number) {
            return Hit::Unreadable;
        }
        self.parse(*at).map_or(Hit::Unreadable, Hit::Found)
    }

    /// What there is of an object that a reader of damaged files has read or not; `None` where it is nowhere.
    pub(super) fn settle(&self, id: Id, read: Option<Value>) -> Option<Lookup> {
        let read = match read {
            // A stream whose data it did not find is a dictionary to it.
            Some(Value::Plain(Object::Dict(dict))) if dict.contains(b"Length") || self.is_sole(id) => {
                match self.find(id) {
                    Hit::Found(stream @ Value::Stream(_)) => Some(stream),
                    _ => Some(Value::Plain(Object::Dict(dict))),
                }
            }
            read => read,
        };
        Some(match (read, self.is_damaged(id)) {
            (Some(_), _) if self.is_torn(id) => Lookup::Lost,
            (Some(value), false) => Lookup::Found(value),
            // What the reader made of damage is taken only where it is not plain what was meant.
            (Some(value), true) => match self.find(id) {
                Hit::Found(meant) if self.is_sole(id) => Lookup::Damaged(meant),
                _ => Lookup::Damaged(value),
            },
            (None, damaged) => match self.find(id) {
                Hit::Found(value) if damaged => Lookup::Damaged(value),
                Hit::Found(value) => Lookup::Found(value),
                Hit::Unreadable => Lookup::Lost,
                Hit::None => return None,
            },
        })
    }

    /// Whether the file ends within this object.
    pub(super) fn is_torn(&self, id: Id) -> bool {
        self.headers.get_or_init(|| headers(&self.bytes)).torn == Some(id.number)
    }

    /// Whether there is one object of this number, whatever its generation, and no more.
    fn is_sole(&self, id: Id) -> bool {
        let headers = self.headers.get_or_init(|| headers(&self.bytes));
        headers.any.contains_key(&id.number) && !headers.repeated.contains(&id.number)
    }

    /// Whether something in this object, or right behind it, makes no sense: a reader that says nothing of it
    /// may have passed over what its neighbours need.
    pub(super) fn is_damaged(&self, id: Id) -> bool {
        let headers = self.headers.get_or_init(|| headers(&self.bytes));
        let Some(at) = headers.exact.get(&id).or_else(|| headers.any.get(&id.number)) else { return false };
        let mut lexer = Lexer::new(&self.bytes, *at);
        // An object that was written again under another generation may be the one that was meant.
        let outdated = headers.any.get(&id.number).is_some_and(|last| last > at);
        let (false, Ok(object)) = (outdated || headers.glued.contains(&id.number), lexer.object()) else { return true };
        lexer.skip_space();
        if lexer.keyword(b"stream") {
            let rest = self.bytes.get(lexer.position()..).unwrap_or_default();
            let first = rest.iter().find(|b| !matches!(b, b' ' | b'\t'));
            return first.is_some_and(|b| !matches!(b, b'\r' | b'\n'))
                || matches!(object, Object::Dict(dict) if !self.ends_plainly(lexer.position(), &dict));
        }
        // A word, or the number of the next object where the word is missing.
        let next = self.bytes.get(lexer.position());
        next.is_some_and(|b| matches!(b, b'/' | b'<' | b'>' | b'[' | b']' | b'(' | b')' | b'{' | b'}'))
    }

    fn parse(&self, at: usize) -> Option<Value> {
        let mut lexer = Lexer::new(&self.bytes, at);
        let object = match lexer.object() {
            Ok(object) => object,
            Err(_) => {
                lexer = Lexer::new(&self.bytes, at);
                mending::object(&mut lexer)?
            }
        };
        lexer.skip_space();
        match object {
            Object::Dict(dict) if lexer.keyword(b"stream") => self.stream(lexer.position(), dict).map(Value::Stream),
            object => Some(Value::Plain(object)),
        }
    }

    fn stream(&self, word: usize, dict: Dict) -> Option<Stream> {
        let data = self.bytes.slice(self.extent(word, &dict)?);
        Some(Stream { dict, data })
    }

    /// Where the data of a stream lie whose `stream` ends here.
    fn extent(&self, word: usize, dict: &Dict) -> Option<Range<usize>> {
        let rest = self.bytes.get(word..)?;
        let blanks = rest.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
        // Blanks only belong to the word where a line ends behind them.
        let line = |at: usize| match rest.get(at..) {
            Some([b'\r', b'\n', ..]) => Some(2),
            Some([b'\n' | b'\r', ..]) => Some(1),
            _ => None,
        };
        let start = word + line(blanks).map_or(line(0).unwrap_or(0), |end| blanks + end);
        let length = self.length(dict);
        // Something stands behind the word that does not belong there: the data begin on the next line, if they
        // then end where they should.
        let next = || {
            let end = rest.iter().take(STRAY).position(|b| matches!(b, b'\r' | b'\n'))?;
            let start = word + end + line(end)?;
            self.ends_at(start.checked_add(length?)?).then_some(start)
        };
        let start = if line(blanks).is_none() { next().unwrap_or(start) } else { start };
        let end = length.and_then(|n| start.checked_add(n)).filter(|end| self.ends_at(*end));
        Some(start..end.or_else(|| self.end_after(start))?)
    }

    fn length(&self, dict: &Dict) -> Option<usize> {
        let length = match dict.get(b"Length")? {
            Object::Ref(id) => {
                let headers = self.headers.get()?;
                let at = headers.exact.get(id).or_else(|| headers.any.get(&id.number))?;
                Lexer::new(&self.bytes, *at).object().ok()?.as_int()
            }
            direct => direct.as_int(),
        };
        length.and_then(|n| usize::try_from(n).ok())
    }

    /// Whether a stream may end here: `endstream` follows, or a word that was meant to be it.
    fn ends_at(&self, at: usize) -> bool {
        let Some(rest) = self.bytes.get(at..) else { return false };
        let rest = &rest[..rest.len().min(END_WORD)];
        let space = rest.iter().take_while(|b| is_space(**b)).count();
        let word = &rest[space..];
        word.get(..3).is_some_and(|word| word.eq_ignore_ascii_case(b"end"))
            || (space > 0 && memmem::find(word, b"stream").is_some_and(|at| at < 6))
    }

    /// Whether it is plain where the data of a stream end: whatever its length is, `endstream` stands there.
    fn ends_plainly(&self, word: usize, dict: &Dict) -> bool {
        let end = self.extent(word, dict).and_then(|data| self.bytes.get(data.end..));
        end.is_some_and(|rest| rest.trim_ascii_start().starts_with(b"endstream"))
    }

    /// Where the data end that begin here and have no length: before `endstream`, else before `endobj`.
    fn end_after(&self, start: usize) -> Option<usize> {
        let rest = self.bytes.get(start..)?;
        let next = memmem::find(rest, b"endobj");
        let length = match (memmem::find(rest, b"endstream"), next) {
            (Some(stream), Some(object)) if object < stream => object,
            (Some(end), _) | (None, Some(end)) => end,
            (None, None) => return None,
        };
        let data = &rest[..length];
        let data = data.strip_suffix(b"\n").unwrap_or(data);
        let data = data.strip_suffix(b"\r").unwrap_or(data);
        Some(start + data.len())
    }
}

/// Every `number generation obj` of the file.
fn headers(bytes: &Bytes) -> Headers {
    let mut headers = Headers::default();
    let mut last = None;
    for at in memmem::find_iter(bytes, b"obj") {
        let before = &bytes[at.saturating_sub(HEADER)..at];
        if before.ends_with(b"end") {
            last = None;
            continue;
        }
        let Some((id, length)) = header(before) else { continue };
        let ahead = before.len().checked_sub(length + 1).and_then(|last| before.get(last));
        if ahead.is_some_and(|b| !is_space(*b)) {
            headers.glued.insert(id.number);
        } else {
            headers.glued.remove(&id.number);
        }
        headers.exact.insert(id, at + 3);
        if headers.any.insert(id.number, at + 3).is_some() {
            headers.repeated.insert(id.number);
        }
        last = Some(id.number);
    }
    headers.torn = last.filter(|_| is_cut(bytes));
    headers
}

/// The number and generation that end these bytes, and how many of them they take.
fn header(before: &[u8]) -> Option<(Id, usize)> {
    let trim = |b: &[u8]| b.len() - b.iter().rev().take_while(|b| is_space(**b)).count();
    let digits = |b: &[u8]| b.len() - b.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let end = trim(before);
    let start = digits(&before[..end]);
    let generation: i32 = std::str::from_utf8(&before[start..end]).ok()?.parse().ok()?;
    let space = trim(&before[..start]);
    if space == start {
        return None;
    }
    let start = digits(&before[..space]);
    let number: u32 = std::str::from_utf8(&before[start..space]).ok()?.parse().ok()?;
    Some((Id::new(number, generation), before.len() - start))
}

/// Whether a file breaks off: it ends within its objects, behind the last of them there is no table and no
/// mark of an end, or it is shorter than its own linearization says.
pub(crate) fn is_cut(bytes: &[u8]) -> bool {
    let mark = memmem::rfind(bytes, b"%%EOF");
    let behind = &bytes[mark.unwrap_or(0)..];
    let objects = memmem::rfind_iter(behind, b"obj").find(|at| {
        let before = &behind[at.saturating_sub(HEADER)..*at];
        before.ends_with(b"end") || header(before).is_some()
    });
    match objects {
        // Nothing is missing where all objects were written, however mangled the table behind them is.
        Some(at) if memmem::find(&behind[at..], b"xref").is_none() => true,
        None if mark.is_none() => true,
        _ => linearized_length(bytes).is_some_and(|length| length > bytes.len()),
    }
}

/// What the dictionary of a linearized file says about its length.
fn linearized_length(bytes: &[u8]) -> Option<usize> {
    let head = &bytes[..bytes.len().min(1024)];
    memmem::find(head, b"/Linearized")?;
    let at = memmem::find(head, b"/L ")? + 3;
    let digits = head[at..].iter().take_while(|b| b.is_ascii_digit()).count();
    std::str::from_utf8(&head[at..at + digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, number: u32) -> Option<Value> {
        match Search::new(&Bytes::copy_from_slice(text.as_bytes())).find(Id::new(number, 0)) {
            Hit::Found(value) => Some(value),
            Hit::Unreadable | Hit::None => None,
        }
    }

    fn data(text: &str) -> Option<Bytes> {
        match found(text, 7)? {
            Value::Stream(stream) => Some(stream.data),
            Value::Plain(_) => None,
        }
    }

    #[test]
    fn streams_that_others_cannot_read_are_read() {
        for (what, text) in [
            ("a blank behind the word", "7 0 obj<</Length 3>>stream \nabc\nendstream endobj\n%%EOF"),
            ("tabs and a carriage return", "7 0 obj<</Length 3>>stream\t\t\r\nabc\nendstream endobj\n%%EOF"),
            ("something behind the word", "7 0 obj<</Length 3>>stream << \nabc\nendstream endobj\n%%EOF"),
            ("a misspelt end", "7 0 obj<</Length 3>>stream\nabc\nendstraem endobj\n%%EOF"),
            ("an end without its first letters", "7 0 obj<</Length 3>>stream\nabc\nndstream endobj\n%%EOF"),
            ("no end of the stream", "7 0 obj<</Length 3>>stream\nabc\nendobj\n%%EOF"),
            ("a wrong length", "7 0 obj<</Length 9999>>stream\nabc\nendstream endobj\n%%EOF"),
            (
                "a length that is an object",
                "8 0 obj 3 endobj 7 0 obj<</Length 8 0 R>>stream\nabc\nendstream\nendobj %%EOF",
            ),
            ("another generation", "7 5 obj<</Length 3>>stream\nabc\nendstream endobj\n%%EOF"),
            ("a long integer", "7 0 obj<</Length 3/X 99999999999999999999>>stream\nabc\nendstream endobj\n%%EOF"),
        ] {
            assert_eq!(data(text).as_deref(), Some(&b"abc"[..]), "{what}");
        }
    }

    #[test]
    fn the_last_of_several_counts_and_what_is_torn_is_lost() {
        assert_eq!(found("7 0 obj 1 endobj 7 0 obj 2 endobj %%EOF", 7), Some(Value::Plain(Object::Int(2))));
        assert_eq!(found("6 0 obj 1 endobj 7 0 obj<</Length 99>>stream\nabc", 7), None);
        assert_eq!(found("7 0 obj<</A", 7), None);
        assert_eq!(found("7 0 obj<</A[1 2/B w>>endobj %%EOF", 7), found("7 0 obj<</A[1 2/B null]>>endobj %%EOF", 7));
        assert!(matches!(Search::new(&Bytes::from_static(b"6 0 obj 1 endobj")).find(Id::new(7, 0)), Hit::None));
    }

    #[test]
    fn what_makes_no_sense_in_an_object_or_behind_it_is_damage() {
        let damaged = |text: &str| Search::new(&Bytes::copy_from_slice(text.as_bytes())).is_damaged(Id::new(7, 0));
        for sound in [
            "7 0 obj<</A[1 2]>>endobj %%EOF",
            "7 0 obj<</A 1>>stream\nabc\nendstream endobj %%EOF",
            "7 0 obj<</Length 9>>stream\nabc\nendstream endobj",
            "7 0 obj 5 8 0 obj 6 endobj",
            "7 0 obj<</A 1>>endobk",
            "7 0 obj<<>>%/a comment\nendobj",
            "8 0 obj<</A w>>endobj",
        ] {
            assert!(!damaged(sound), "{sound}");
        }
        for damage in [
            "7 0 obj<</A[w 0 595 842]>>endobj",
            "7 0 obj<</A 1>>/Rotate 90>>endobj",
            "7 0 obj<</A[1 2]B 3 0 R>>endobj",
            "7 0 obj<</A \u{1}4 0 R>>endobj",
            "7 0 obj<</A 1 endobj",
            "7 0 obj[1 2]]endobj",
            "7 0 obj<</Length 3>>stream << \nabc\nendstream endobj",
            "7 0 obj<</Length 3>>stream\nabc\nendsstream endobj",
            "7 0 obj<</Length 9>>stream\nabc\nendobj",
            "7 0 obj<</A 1>>endobj 7 41 obj<</A 2>>endobj",
            "6 0 obj 5 endobj\u{3}7 0 obj<</A 1>>endobj",
            "7 0 obj<</Rect\u{80}[0 0 9 9]>>endobj",
        ] {
            assert!(damaged(damage), "{damage}");
        }
    }

    #[test]
    fn a_cut_is_told_from_an_end() {
        assert!(!is_cut(b"%PDF-1.4 1 0 obj 1 endobj startxref 9 %%EOF\n"));
        assert!(!is_cut(b"%PDF-1.4 1 0 obj 1 endobj startxxref 9re %%EfO F"));
        assert!(!is_cut(b"1 0 obj 1 endobj %%EOF <html>an end that somebody wrote behind it</html>"));
        assert!(is_cut(b"%PDF-1.4 1 0 obj 1 endobj"));
        assert!(is_cut(b"%PDF-1.4 1 0 obj<</Length 99>>stream\nabc"));
        assert!(is_cut(b"%PDF-1.4\n1 0 o"));
        assert!(is_cut(b"%PDF-1.4 1 0 obj 1 endobj %%EOF 2 0 obj <<"));
        assert!(is_cut(b"%PDF-1.4 1 0 obj<</Linearized 1/L 99999/H[1 2]>>endobj %%EOF"));
    }
}
