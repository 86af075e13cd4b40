//! What is read, and what is left to the next reader.

use super::*;

fn parse(text: &[u8]) -> Result<Object, Leave> {
    Lexer::new(&Bytes::copy_from_slice(text), 0).object()
}

#[test]
fn objects_of_every_kind() {
    let dict = parse(b"<</A 1/B[-2 3.5 (a\\(b\\051)<4a4B5>]/C 7 0 R/D#20E true/F null>>").unwrap();
    let dict = dict.as_dict().unwrap();
    assert_eq!(dict.get(b"A"), Some(&Object::Int(1)));
    let items = [
        Object::Int(-2),
        Object::Real(3.5),
        Object::String(b"a(b)".as_slice().into()),
        Object::String(b"JKP".as_slice().into()),
    ];
    assert_eq!(dict.get(b"B").unwrap().as_array().unwrap(), items);
    assert_eq!(dict.get(b"C"), Some(&Object::Ref(Id::new(7, 0))));
    assert_eq!(dict.get(b"D E"), Some(&Object::Bool(true)));
}

#[test]
fn numbers_that_look_like_references_are_numbers() {
    let items = parse(b"[1 0 2 0 R 3 4]").unwrap();
    let items = items.as_array().unwrap();
    assert_eq!(items.len(), 5);
    assert_eq!(items[2], Object::Ref(Id::new(2, 0)));
}

#[test]
fn numbers_of_any_length_are_numbers() {
    assert_eq!(parse(b"99999999999999999999").unwrap(), Object::Real(LARGEST));
    assert_eq!(parse(&[b'9'; 500]).unwrap(), Object::Real(LARGEST));
    let tiny = parse(b"-0.00000000000000000000000000000000000001175").unwrap();
    assert!(matches!(tiny, Object::Real(r) if r < 0.0 && r > -1e-30));
}

#[test]
fn content_is_read_to_its_last_byte_or_not_at_all() {
    let read = |content: &'static [u8]| {
        let content = Bytes::from_static(content);
        let (mut tokens, mut words) = (Tokens::new(&content), Vec::new());
        while let Some(token) = tokens.next()? {
            if let Token::Operator(word) = token {
                words.push(String::from_utf8_lossy(word).into_owned());
            }
        }
        Ok::<_, Leave>(words)
    };
    assert_eq!(
        read(b"q 1 0 0 1 0 0 cm (a) Tj [1(b)]TJ true T* ' % comment\nQ").unwrap(),
        ["q", "cm", "Tj", "TJ", "T*", "'", "Q"]
    );
    for stray in [
        &b"q ) Q"[..],
        b"q > Q",
        b"q <4!> Tj",
        b"q ] Q",
        b"q >> Q",
        b"q { Q",
        b"q (Q",
        b"q [Q",
        b"q 1.2.3 w Q",
        b"q \x80 Q",
    ] {
        assert!(read(stray).is_err(), "{}", String::from_utf8_lossy(stray));
    }
}

#[test]
fn strange_things_are_left_to_others() {
    for text in
        [&b"<</A>>"[..], b"[1", b"<<1 2>>", b"--5", b"1.2.3", b"nul", b"(open", b"]", b"/Rect\xFF", b"<</Rect\x80[]>>"]
    {
        assert!(parse(text).is_err(), "{}", String::from_utf8_lossy(text));
    }
    let deep: Vec<u8> = std::iter::repeat_n(b'[', 100_000).collect();
    assert!(parse(&deep).is_err());
}
