//! What was meant by an object that breaks the rules: a stray bracket or word is passed over, what is not closed
//! ends where the object does. Whoever takes it says that it is damaged.

use super::strict::{Lexer, trimmed};
use crate::object::{Dict, MAX_DEPTH, Name, Object};

/// A container that is not closed yet.
enum Open {
    Array(Vec<Object>),
    Dict(Vec<(Name, Object)>, Option<Name>),
}

impl Open {
    fn closed(self) -> Object {
        match self {
            Self::Array(items) => Object::Array(items),
            Self::Dict(entries, _) => Object::Dict(Dict::from_entries(entries)),
        }
    }

    fn take(&mut self, object: Object) {
        match self {
            Self::Array(items) => items.push(object),
            Self::Dict(entries, key) => match (key.take(), object) {
                (Some(key), value) => entries.push((key, value)),
                (None, Object::Name(name)) => *key = Some(name),
                // A value of no key.
                (None, _) => {}
            },
        }
    }
}

/// Words that stand behind an object and never in it.
const ENDS: [&[u8]; 7] = [b"endobj", b"stream", b"endstream", b"obj", b"xref", b"trailer", b"startxref"];

/// The array or dictionary that begins here. `None` where none does, or where the file ends within it.
pub(super) fn object(lexer: &mut Lexer<'_>) -> Option<Object> {
    let mut stack: Vec<Open> = Vec::new();
    loop {
        lexer.skip_space();
        let rest = lexer.rest();
        let object = match rest {
            [] => return None,
            [b'<', b'<', ..] | [b'[', ..] => {
                if stack.len() >= MAX_DEPTH {
                    return None;
                }
                let is_dict = rest[0] == b'<';
                lexer.skip(1 + usize::from(is_dict));
                stack.push(if is_dict { Open::Dict(Vec::new(), None) } else { Open::Array(Vec::new()) });
                continue;
            }
            [b'>', b'>', ..] => {
                lexer.skip(2);
                // Arrays in it that were not closed end with it.
                let dict = stack.iter().rposition(|open| matches!(open, Open::Dict(..)));
                let Some(dict) = dict else { continue };
                while stack.len() > dict + 1 {
                    close(&mut stack);
                }
                stack.pop()?.closed()
            }
            [b']', ..] => {
                lexer.skip(1);
                let Some(Open::Array(_)) = stack.last() else { continue };
                stack.pop()?.closed()
            }
            [b'/', ..] => Object::Name(Name::unescaped(trimmed(lexer.raw_name()))),
            [b'(', ..] => lexer.literal().ok()?,
            [b'<', ..] => match lexer.hex() {
                Ok(text) => text,
                Err(_) => {
                    lexer.skip(1);
                    continue;
                }
            },
            [b'>' | b')' | b'{' | b'}', ..] => {
                lexer.skip(1);
                continue;
            }
            _ => {
                let word = lexer.word();
                if ENDS.contains(&word) {
                    while stack.len() > 1 {
                        close(&mut stack);
                    }
                    return stack.pop().map(Open::closed);
                }
                lexer.scalar().unwrap_or_else(|| {
                    lexer.skip(word.len().max(1));
                    Object::Null
                })
            }
        };
        match stack.last_mut() {
            None => return matches!(object, Object::Array(_) | Object::Dict(_)).then_some(object),
            Some(open) => open.take(object),
        }
    }
}

/// Ends the innermost container.
fn close(stack: &mut Vec<Open>) {
    if let Some(inner) = stack.pop()
        && let Some(outer) = stack.last_mut()
    {
        outer.take(inner.closed());
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::source::parse_dict;

    #[test]
    fn what_was_meant_is_read() {
        for (text, meant) in [
            (&b"<</A[0 0 59\xab 842]/B 1>>"[..], "<</A[0 0 null 842]/B 1>>"),
            (b"<</A 1)/B 2>>", "<</A 1/B 2>>"),
            (b"<</A[1 2/B 3>>", "<</A[1 2/B 3]>>"),
            (b"<</A 1]/B 2>>", "<</A 1/B 2>>"),
            (b"<</A<</B 1>>/C 2 endobj", "<</A<</B 1>>/C 2>>"),
            (b"<</A<</B[1 endobj", "<</A<</B[1]>>>>"),
            (b"<</A w/B 2>>", "<</A null/B 2>>"),
            (b"<</A 1 w/B 2>>", "<</A 1/B 2>>"),
            (b"<</A<4!>/B 1>>", "<</A null/B 1>>"),
            (b"<</Rect\x80[1 2]>>", "<</Rect[1 2]>>"),
        ] {
            let bytes = Bytes::copy_from_slice(text);
            let got = object(&mut Lexer::new(&bytes, 0));
            let meant = parse_dict(meant.as_bytes().to_vec()).map(Object::Dict);
            assert!(meant.is_some(), "{}", String::from_utf8_lossy(text));
            assert_eq!(got, meant, "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn what_does_not_end_or_is_no_container_is_nothing() {
        for text in ["<</A 1", "<</A(b>>", "[1 2", "5", "/A", "", "endobj", ">>"] {
            assert_eq!(object(&mut Lexer::new(&Bytes::from_static(text.as_bytes()), 0)), None, "{text}");
        }
        let deep = Bytes::from(vec![b'['; 100_000]);
        assert_eq!(object(&mut Lexer::new(&deep, 0)), None);
    }
}
