//! Streams cut anywhere, and data URIs.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use sealpress_base64::{DataUri, Encoder, ErrorKind, Kernel, Writer, encode};

/// Takes a few bytes at a time, and fails now and then.
#[derive(Debug, Default)]
struct Moody {
    taken: Vec<u8>,
    calls: usize,
}

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        match self.calls % 3 {
            0 => Err(io::ErrorKind::Interrupted.into()),
            1 => Err(io::ErrorKind::WouldBlock.into()),
            _ => {
                let count = bytes.len().min(self.calls % 7 + 1);
                self.taken.extend(&bytes[..count]);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

proptest! {
    #[test]
    fn pieces_make_the_text_of_the_whole(pieces: Vec<Vec<u8>>) {
        let expected = STANDARD.encode(pieces.concat());
        for kernel in Kernel::all() {
            let mut encoder = Encoder::with_kernel(kernel);
            let mut text = String::new();
            for piece in &pieces {
                encoder.push(piece, &mut text);
            }
            encoder.finish(&mut text);
            prop_assert_eq!(&text, &expected);
        }
        let mut writer = Writer::new(Vec::new());
        for piece in &pieces {
            writer.write_all(piece).unwrap();
            writer.flush().unwrap();
        }
        prop_assert_eq!(writer.finish().unwrap(), expected.into_bytes());
    }

    #[test]
    fn a_failing_writer_loses_and_repeats_nothing(pieces in prop::collection::vec(any::<Vec<u8>>(), 0..5)) {
        let mut writer = Writer::new(Moody::default());
        for piece in &pieces {
            let mut left = &piece[..];
            while !left.is_empty() {
                match writer.write(left) {
                    Ok(count) => left = &left[count..],
                    Err(e) => prop_assert_eq!(e.kind(), io::ErrorKind::WouldBlock),
                }
            }
        }
        while let Err(e) = writer.flush() {
            prop_assert_eq!(e.kind(), io::ErrorKind::WouldBlock);
        }
        let whole = pieces.concat();
        let flushed = writer.get_ref().taken.clone();
        prop_assert_eq!(flushed, STANDARD.encode(&whole[..whole.len() / 3 * 3]).into_bytes());
    }

    #[test]
    fn data_uris_come_back(bytes in prop::collection::vec(any::<u8>(), 1..300), suffix in "[a-z0-9]{1,9}") {
        let mime = format!("image/{suffix}");
        let uri = DataUri::new(&mime).unwrap();
        let text = uri.encode(&bytes);
        prop_assert_eq!(uri.encoded_len(bytes.len()), Some(text.len()));
        prop_assert_eq!(&text, &format!("data:{mime};base64,{}", STANDARD.encode(&bytes)));
        let decoded = DataUri::decode(&text, bytes.len()).unwrap();
        prop_assert_eq!(decoded.mime, if suffix == "jpg" { "image/jpeg" } else { &mime });
        prop_assert_eq!(&decoded.bytes, &bytes);
        let refused = DataUri::decode(&text, bytes.len() - 1).map(|_| ()).map_err(|e| e.kind());
        prop_assert_eq!(refused, Err(ErrorKind::TooLarge));
    }

    /// Whatever is decoded encodes to the same text: there is one text for every content.
    #[test]
    fn decoding_is_strict(payload in "[A-Za-z0-9+/=_\\- \n]{0,24}") {
        let text = format!("data:image/png;base64,{payload}");
        if let Ok(decoded) = DataUri::decode(&text, 100) {
            prop_assert_eq!(encode(&decoded.bytes), payload.as_str());
        }
        prop_assert_eq!(
            DataUri::decode(&text, 100).is_ok(),
            !payload.is_empty() && STANDARD.decode(&payload).is_ok()
        );
    }
}

#[test]
fn image_jpg_is_image_jpeg_and_nothing_else_is_forgiven() {
    let decoded = DataUri::decode("data:image/jpg;base64,/9j/", 3).unwrap();
    assert_eq!((decoded.mime, &decoded.bytes[..]), ("image/jpeg", &b"\xff\xd8\xff"[..]));
    assert_eq!(format!("{decoded:?}"), "Decoded(image/jpeg, 3 bytes)");

    let long = format!("data:image/{};base64,AAAA", "x".repeat(128));
    let far = format!("data:{}", "x".repeat(1_000_000));
    let wide = format!("data:{}", "é".repeat(200));
    for (text, kind) in [
        ("", ErrorKind::UnsupportedFormat),
        ("/9j/", ErrorKind::UnsupportedFormat),
        (" data:image/png;base64,AAAA", ErrorKind::UnsupportedFormat),
        ("DATA:image/png;base64,AAAA", ErrorKind::UnsupportedFormat),
        ("data:;base64,AAAA", ErrorKind::UnsupportedFormat),
        ("data:image;base64,AAAA", ErrorKind::UnsupportedFormat),
        ("data:image/;base64,AAAA", ErrorKind::UnsupportedFormat),
        ("data:image/png,AAAA", ErrorKind::UnsupportedFormat),
        ("data:image/png;BASE64,AAAA", ErrorKind::UnsupportedFormat),
        ("data:image/png;charset=utf-8;base64,AAAA", ErrorKind::UnsupportedFormat),
        ("data:image/png ;base64,AAAA", ErrorKind::UnsupportedFormat),
        ("data:image/p/g;base64,AAAA", ErrorKind::UnsupportedFormat),
        (&long, ErrorKind::UnsupportedFormat),
        (&far, ErrorKind::UnsupportedFormat),
        (&wide, ErrorKind::UnsupportedFormat),
        ("data:image/png;base64,", ErrorKind::Empty),
        ("data:image/png;base64,AAA", ErrorKind::Corrupt),
        ("data:image/png;base64,AAAA\n", ErrorKind::Corrupt),
        ("data:image/png;base64,AA AA", ErrorKind::Corrupt),
        ("data:image/png;base64,AB==", ErrorKind::Corrupt),
        ("data:image/png;base64,AAB=", ErrorKind::Corrupt),
        ("data:image/png;base64,A===", ErrorKind::Corrupt),
        ("data:image/png;base64,====", ErrorKind::Corrupt),
        ("data:image/png;base64,AA==AA==", ErrorKind::Corrupt),
        ("data:image/png;base64,__-_", ErrorKind::Corrupt),
        ("data:image/png;base64,AAAAAAAA", ErrorKind::TooLarge),
    ] {
        let refused = DataUri::decode(text, 5).expect_err(text);
        assert_eq!(refused.kind(), kind, "{text:.60}");
        assert!(!refused.to_string().contains("AAAA"));
    }
    assert!(DataUri::decode("data:application/vnd.x+y;base64,AAAAAAA=", 5).is_ok());
}
