//! Tokens and direct objects. Objects are built on a stack of our own, not by recursion.

use bytes::Bytes;
use memchr::memchr;

use crate::failure::Leave;
use crate::object::{Dict, Id, MAX_DEPTH, Name, Object, hex_digit};

/// Digits of one number. Real files stay below fifty.
const MAX_DIGITS: usize = 1 << 10;

/// Reals beyond this are nothing that a page means; written out they would be read back by nobody.
const LARGEST: f64 = 9e15;

/// Bytes that are white space to pdfium and letters to the standard. A name that ends with one means one
/// thing here and another there.
const BLANK_TO_SOME: [u8; 2] = [0x80, 0xFF];

/// A `/Kids` array of more bytes is not parsed but read kid by kid.
const LONG_KIDS: usize = 512;

pub(crate) struct Lexer<'a> {
    file: &'a Bytes,
    at: usize,
}

/// A container that is not closed yet.
enum Open {
    Array(Vec<Object>),
    Dict(Vec<(Name, Object)>, Option<Name>),
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(file: &'a Bytes, at: usize) -> Self {
        Self { file, at: at.min(file.len()) }
    }

    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.file.len()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.file[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.file.get(self.at).copied()
    }

    /// White space and comments.
    pub(crate) fn skip_space(&mut self) {
        while let Some(b) = self.peek() {
            match b {
                b'%' => {
                    let rest = self.rest();
                    self.at += rest.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(rest.len());
                }
                b if is_space(b) => self.at += 1,
                _ => return,
            }
        }
    }

    /// Takes these bytes if they come next.
    pub(crate) fn keyword(&mut self, word: &[u8]) -> bool {
        let found = self.rest().starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Goes on by so many bytes.
    pub(crate) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.file.len());
    }

    /// The letters that come next, up to a blank or a bracket.
    pub(crate) fn word(&self) -> &'a [u8] {
        let rest = self.rest();
        &rest[..rest.iter().position(|b| !is_regular(*b)).unwrap_or(rest.len())]
    }

    /// An unsigned integer of at most 15 digits.
    pub(super) fn integer(&mut self) -> Result<usize, Leave> {
        let digits = self.rest().iter().take(16).take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || digits > 15 {
            return Err(Leave("a number was expected"));
        }
        let value = self.rest()[..digits].iter().fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
        self.at += digits;
        usize::try_from(value).map_err(|_| Leave("a number too large"))
    }

    /// A direct object or a reference.
    pub(crate) fn object(&mut self) -> Result<Object, Leave> {
        let mut stack: Vec<Open> = Vec::new();
        loop {
            self.skip_space();
            let rest = self.rest();
            let object = match rest {
                [b'<', b'<', ..] | [b'[', ..] => {
                    if stack.len() >= MAX_DEPTH {
                        return Err(Leave("objects nest too deep"));
                    }
                    if rest[0] == b'<' {
                        self.at += 2;
                        stack.push(Open::Dict(Vec::new(), None));
                        continue;
                    }
                    self.at += 1;
                    match self.long_kids(stack.last()) {
                        Some(kids) => kids,
                        None => {
                            stack.push(Open::Array(Vec::new()));
                            continue;
                        }
                    }
                }
                [b'>', b'>', ..] => {
                    self.at += 2;
                    match stack.pop() {
                        Some(Open::Dict(entries, None)) => Object::Dict(Dict::from_entries(entries)),
                        _ => return Err(Leave("a dictionary ends where none can")),
                    }
                }
                [b']', ..] => {
                    self.at += 1;
                    match stack.pop() {
                        Some(Open::Array(items)) => Object::Array(items),
                        _ => return Err(Leave("an array ends where none can")),
                    }
                }
                [b'/', ..] => {
                    let name = self.name()?;
                    if let Some(Open::Dict(_, key @ None)) = stack.last_mut() {
                        *key = Some(name);
                        continue;
                    }
                    Object::Name(name)
                }
                [b'(', ..] => self.literal()?,
                [b'<', ..] => self.hex()?,
                [b'0'..=b'9', ..] => self.number_or_reference()?,
                [b'+' | b'-' | b'.', ..] => self.number()?,
                _ => self.constant()?,
            };
            match stack.last_mut() {
                None => return Ok(object),
                Some(Open::Array(items)) => items.push(object),
                Some(Open::Dict(entries, key)) => {
                    let key = key.take().ok_or(Leave("a dictionary key is no name"))?;
                    entries.push((key, object));
                }
            }
        }
    }

    /// The inside of a long `/Kids`, its bracket already open.
    fn long_kids(&mut self, parent: Option<&Open>) -> Option<Object> {
        let Some(Open::Dict(_, Some(key))) = parent else { return None };
        if key.as_bytes() != b"Kids" {
            return None;
        }
        let length = memchr(b']', self.rest()).filter(|n| *n > LONG_KIDS)?;
        let kids = self.file.slice(self.at..self.at + length);
        self.at += length + 1;
        Some(Object::Kids(kids))
    }

    fn name(&mut self) -> Result<Name, Leave> {
        let raw = self.raw_name();
        if trimmed(raw).len() < raw.len() {
            return Err(Leave("a name whose end is in doubt"));
        }
        Ok(Name::unescaped(raw))
    }

    /// A name as it is written, without its slash.
    pub(crate) fn raw_name(&mut self) -> &'a [u8] {
        self.at += 1;
        let raw = self.word();
        self.at += raw.len();
        raw
    }

    pub(crate) fn literal(&mut self) -> Result<Object, Leave> {
        const OPEN_END: Leave = Leave("a string does not end");
        self.at += 1;
        let (mut out, mut depth) = (Vec::new(), 1u32);
        loop {
            let b = self.peek().ok_or(OPEN_END)?;
            self.at += 1;
            match b {
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        return Ok(Object::String(out.into()));
                    }
                }
                b'\\' => {
                    self.escape(&mut out).ok_or(OPEN_END)?;
                    continue;
                }
                // An end of line of any kind is a line feed.
                b'\r' => {
                    self.keyword(b"\n");
                    out.push(b'\n');
                    continue;
                }
                _ => {}
            }
            out.push(b);
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let b = self.peek()?;
        self.at += 1;
        match b {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'\n' => {}
            b'\r' => {
                self.keyword(b"\n");
            }
            b'0'..=b'7' => {
                let mut code = u32::from(b - b'0');
                for _ in 0..2 {
                    match self.peek() {
                        Some(b @ b'0'..=b'7') => {
                            code = code * 8 + u32::from(b - b'0');
                            self.at += 1;
                        }
                        _ => break,
                    }
                }
                // Overflow of the third digit is ignored, as the standard wants it.
                out.push((code & 0xFF) as u8);
            }
            b => out.push(b),
        }
        Some(())
    }

    pub(crate) fn hex(&mut self) -> Result<Object, Leave> {
        self.at += 1;
        let length = memchr(b'>', self.rest()).ok_or(Leave("a string does not end"))?;
        let (mut out, mut high) = (Vec::with_capacity(length / 2 + 1), None);
        for b in self.rest()[..length].iter().copied().filter(|b| !is_space(*b)) {
            let digit = hex_digit(b).ok_or(Leave("a strange digit"))?;
            match high.take() {
                None => high = Some(digit),
                Some(high) => out.push(high << 4 | digit),
            }
        }
        if let Some(high) = high {
            out.push(high << 4);
        }
        self.at += length + 1;
        Ok(Object::String(out.into()))
    }

    /// A number, a reference or a constant; where none comes next, nothing is taken.
    pub(crate) fn scalar(&mut self) -> Option<Object> {
        let before = self.at;
        let object = match self.peek()? {
            b'0'..=b'9' => self.number_or_reference(),
            b'+' | b'-' | b'.' => self.number(),
            _ => self.constant(),
        };
        if object.is_err() {
            self.at = before;
        }
        object.ok()
    }

    fn number_or_reference(&mut self) -> Result<Object, Leave> {
        let before = self.at;
        if let Some(id) = self.reference() {
            return Ok(Object::Ref(id));
        }
        self.at = before;
        self.number()
    }

    /// `number generation R`.
    fn reference(&mut self) -> Option<Id> {
        let number = u32::try_from(self.integer().ok()?).ok()?;
        if !is_space(self.peek()?) {
            return None;
        }
        self.skip_space();
        let generation = i32::try_from(self.integer().ok()?).ok()?;
        if !is_space(self.peek()?) {
            return None;
        }
        self.skip_space();
        let ends = self.file.get(self.at + 1).is_none_or(|b| !is_regular(*b));
        (self.keyword(b"R") && ends).then_some(Id::new(number, generation))
    }

    fn number(&mut self) -> Result<Object, Leave> {
        const STRANGE: Leave = Leave("a strange number");
        let token = self.word();
        let text = std::str::from_utf8(token).map_err(|_| STRANGE)?;
        let plain = text.strip_prefix(['+', '-']).unwrap_or(text);
        let sound = plain.bytes().all(|b| b.is_ascii_digit() || b == b'.') && plain.bytes().any(|b| b.is_ascii_digit());
        if !sound || token.len() > MAX_DIGITS {
            return Err(STRANGE);
        }
        self.at += token.len();
        if memchr(b'.', token).is_none()
            && let Ok(whole) = text.parse()
        {
            return Ok(Object::Int(whole));
        }
        // Integers beyond 64 bits are reals to every reader.
        text.parse().map(|real: f64| Object::Real(real.clamp(-LARGEST, LARGEST))).map_err(|_| STRANGE)
    }

    fn constant(&mut self) -> Result<Object, Leave> {
        let token = self.word();
        self.at += token.len();
        match token {
            b"true" => Ok(Object::Bool(true)),
            b"false" => Ok(Object::Bool(false)),
            b"null" => Ok(Object::Null),
            _ => Err(Leave("a strange word")),
        }
    }
}

/// What stands next in a content stream.
#[derive(Debug)]
pub(crate) enum Token<'a> {
    Operand(Object),
    /// An operator, known or not.
    Operator(&'a [u8]),
}

/// The tokens of a content stream.
pub(crate) struct Tokens<'a>(Lexer<'a>);

impl<'a> Tokens<'a> {
    pub(crate) fn new(content: &'a Bytes) -> Self {
        Self(Lexer::new(content, 0))
    }

    /// The next token; `None` at the end, and only there: whatever is no token is an error.
    pub(crate) fn next(&mut self) -> Result<Option<Token<'a>>, Leave> {
        let lexer = &mut self.0;
        lexer.skip_space();
        let rest = lexer.rest();
        let Some(first) = rest.first() else { return Ok(None) };
        if !(first.is_ascii_alphabetic() || matches!(first, b'\'' | b'"')) {
            return lexer.object().map(|object| Some(Token::Operand(object)));
        }
        Ok(Some(match lexer.word() {
            b"true" | b"false" | b"null" => Token::Operand(lexer.object()?),
            word => {
                lexer.at += word.len();
                Token::Operator(word)
            }
        }))
    }
}

impl Tokens<'_> {
    /// Goes behind an image in the content, whose `BI` was the last token. Its data are binary: their end is
    /// the first `EI` that stands alone with text behind it.
    pub(crate) fn skip_image(&mut self) -> Result<(), Leave> {
        while !matches!(self.next()?.ok_or(Leave("an image that does not end"))?, Token::Operator(b"ID")) {}
        let lexer = &mut self.0;
        for at in memchr::memmem::find_iter(lexer.rest(), b"EI") {
            let rest = lexer.rest();
            let alone = at > 0 && is_space(rest[at - 1]) && rest.get(at + 2).is_none_or(|b| is_space(*b));
            let text = |b: &u8| b.is_ascii_graphic() || is_space(*b);
            if alone && rest[at + 2..rest.len().min(at + 34)].iter().all(text) {
                lexer.at += at + 2;
                return Ok(());
            }
        }
        Err(Leave("an image that does not end"))
    }
}

/// A name without what some readers take for the blanks behind it.
pub(crate) fn trimmed(raw: &[u8]) -> &[u8] {
    let blanks = raw.iter().rev().take_while(|last| BLANK_TO_SOME.contains(last)).count();
    &raw[..raw.len() - blanks]
}

/// A dictionary that stands alone.
pub(crate) fn parse_dict(text: Vec<u8>) -> Option<Dict> {
    match Lexer::new(&Bytes::from(text), 0).object() {
        Ok(Object::Dict(dict)) => Some(dict),
        _ => None,
    }
}

/// The references of a `/Kids` that was not parsed, one at a time.
pub(crate) fn refs(kids: Bytes) -> impl Iterator<Item = Result<Id, Leave>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let mut lexer = Lexer::new(&kids, at);
        lexer.skip_space();
        if lexer.at_end() {
            return None;
        }
        let id = lexer.reference().ok_or(Leave("a kid is no reference"));
        // After something strange there is nothing more.
        at = if id.is_ok() { lexer.position() } else { kids.len() };
        Some(id)
    })
}

pub(crate) fn is_space(b: u8) -> bool {
    matches!(b, b'\0' | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

fn is_regular(b: u8) -> bool {
    !is_space(b) && !matches!(b, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}
#[cfg(test)]
mod tests;
