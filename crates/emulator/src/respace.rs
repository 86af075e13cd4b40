//! JSON written again as other programs would write it: the same tokens in the same order, other spaces
//! and other escapes. Works on the bytes from left to right, so that it needs no tree of what may be large.

/// Where a writer puts spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// None at all: `JSON.stringify`, serde.
    Compact,
    /// One behind each colon and comma: Python's `json.dumps`.
    Python,
    /// A line for each value, with so many spaces per level.
    Indented(usize),
}

/// How a writer spells the inside of strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As they came.
    Kept,
    /// `\uXXXX` for everything beyond ASCII: Python's default.
    Ascii,
    /// `\/` for every slash: PHP's default.
    Slashes,
    /// No `\/` where it stood.
    PlainSlashes,
}

/// The same JSON in another hand; nonsense comes out as some other nonsense.
pub(crate) fn respace(json: &[u8], spacing: Spacing, spelling: Spelling) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + json.len() / 8);
    let mut depth = 0usize;
    let mut at = 0;
    let line = |out: &mut Vec<u8>, depth: usize| {
        if let Spacing::Indented(step) = spacing {
            out.push(b'\n');
            // Deeper than any writer goes: enough to differ.
            out.resize(out.len() + (depth * step).min(1 << 10), b' ');
        }
    };
    while let Some(&byte) = json.get(at) {
        at += 1;
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'"' => {
                let end = end_of_string(json, at);
                out.push(b'"');
                spell(&json[at..end], spelling, &mut out);
                at = end;
            }
            b'{' | b'[' => {
                out.push(byte);
                depth += 1;
                let next = json[at..].iter().find(|b| !b.is_ascii_whitespace());
                if !matches!(next, Some(b'}' | b']')) {
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !matches!(out.last(), Some(b'{' | b'[')) {
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                if spacing == Spacing::Python {
                    out.push(b' ');
                }
                line(&mut out, depth);
            }
            b':' => {
                out.push(byte);
                if spacing != Spacing::Compact {
                    out.push(b' ');
                }
            }
            other => out.push(other),
        }
    }
    out
}

/// Behind the closing quote of a string whose content begins at `from`.
fn end_of_string(json: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(&byte) = json.get(at) {
        at += match byte {
            b'\\' => 2,
            b'"' => return at + 1,
            _ => 1,
        };
    }
    json.len()
}

/// The content of a string and its closing quote.
fn spell(content: &[u8], spelling: Spelling, out: &mut Vec<u8>) {
    match spelling {
        Spelling::Kept => out.extend_from_slice(content),
        Spelling::Ascii => {
            let mut units = [0u16; 2];
            for piece in content.utf8_chunks() {
                for c in piece.valid().chars() {
                    match u8::try_from(c) {
                        Ok(byte) if byte.is_ascii() => out.push(byte),
                        _ => c.encode_utf16(&mut units).iter().for_each(|unit| {
                            out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                        }),
                    }
                }
                out.extend_from_slice(piece.invalid());
            }
        }
        Spelling::Slashes | Spelling::PlainSlashes => {
            let mut at = 0;
            while let Some(&byte) = content.get(at) {
                let escaped = byte == b'\\' && content.get(at + 1).is_some();
                match (escaped, content.get(at + usize::from(escaped))) {
                    (_, Some(b'/')) if spelling == Spelling::Slashes => out.extend_from_slice(b"\\/"),
                    (_, Some(b'/')) => out.push(b'/'),
                    (true, Some(&next)) => out.extend_from_slice(&[b'\\', next]),
                    _ => out.push(byte),
                }
                at += 1 + usize::from(escaped);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_hands_write_the_same_json() {
        let json = "{\"a\": [1, 2, {}], \"b/c\":\"Zo\u{eb} \\\" \\\\ , : { x\", \"d\":[]}";
        let text = |spacing, spelling| String::from_utf8(respace(json.as_bytes(), spacing, spelling)).unwrap();
        assert_eq!(
            text(Spacing::Compact, Spelling::Kept),
            "{\"a\":[1,2,{}],\"b/c\":\"Zo\u{eb} \\\" \\\\ , : { x\",\"d\":[]}"
        );
        assert_eq!(
            text(Spacing::Python, Spelling::Ascii),
            "{\"a\": [1, 2, {}], \"b/c\": \"Zo\\u00eb \\\" \\\\ , : { x\", \"d\": []}"
        );
        let slashes = text(Spacing::Compact, Spelling::Slashes);
        assert!(slashes.contains("\"b\\/c\""), "{slashes}");
        let back = respace(slashes.as_bytes(), Spacing::Compact, Spelling::PlainSlashes);
        assert_eq!(back, respace(json.as_bytes(), Spacing::Compact, Spelling::Kept));
        let indented = text(Spacing::Indented(2), Spelling::Kept);
        assert!(indented.starts_with("{\n  \"a\": [\n    1,\n    2,\n    {}\n  ],\n"), "{indented}");
        let same: serde_json::Value = serde_json::from_str(&indented).unwrap();
        assert_eq!(same, serde_json::from_str::<serde_json::Value>(json).unwrap());
    }

    #[test]
    fn nonsense_ends() {
        for json in ["\"", "\"\\", "}}}]", "[[[[", "\\\\", "\"a\\u\"", "\u{eb}"] {
            for spelling in [Spelling::Kept, Spelling::Ascii, Spelling::Slashes, Spelling::PlainSlashes] {
                respace(json.as_bytes(), Spacing::Indented(4), spelling);
            }
        }
    }
}
