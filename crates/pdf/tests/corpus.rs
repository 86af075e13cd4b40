//! Every row of the corpus' table comes out as expected. Skipped, with a printed note, where the corpus
//! is not there.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use sealpress_media::Media;
use sealpress_pdf::{Documents, ErrorKind, Policy, Trimmer};
use sealpress_testkit::Kept;

#[test]
fn every_row_of_the_table_comes_out_as_expected() {
    let Some(corpus) = sealpress_testkit::corpus() else { return };
    let mut wrong = Vec::new();
    for entry in &corpus.pdf_trim {
        let result = Media::sniff(entry.bytes()).map(|media| Trimmer::new(Policy::default()).trim(&media));
        let outcome = match &result {
            Err(e) => format!("not sniffed: {e}"),
            Ok(Err(e)) => format!("{}: {e}", e.kind().as_str()),
            Ok(Ok(trimmed)) => format!("{:?} by {}", trimmed.report().kept, trimmed.report().reader.as_str()),
        };
        println!("{:70} {outcome}", entry.name);
        let sound = match (&entry.expected, result) {
            (Kept::Pages(pages), Ok(Ok(trimmed))) => trimmed.report().kept == *pages,
            (Kept::NoPages, Ok(Err(e))) => e.kind() == ErrorKind::NoPages,
            (Kept::Encrypted, Ok(Err(e))) => e.kind() == ErrorKind::Encrypted,
            _ => false,
        };
        if !sound {
            wrong.push(format!("{}: {outcome}, expected {:?}", entry.name, entry.expected));
        }
    }
    let rows = corpus.pdf_trim.len();
    assert!(rows > 30, "the table has only {rows} rows");
    assert!(wrong.is_empty(), "{} of {rows} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// Keys and types that only carry scripts, actions, files or metadata.
const NEVER: [&[u8]; 17] = [
    b"JS",
    b"JavaScript",
    b"OpenAction",
    b"AA",
    b"A",
    b"EmbeddedFiles",
    b"EF",
    b"Metadata",
    b"Info",
    b"Outlines",
    b"XFA",
    b"PieceInfo",
    b"StructTreeRoot",
    b"URI",
    b"Dest",
    b"ByteRange",
    b"Encrypt",
];

#[test]
fn nothing_else_is_left_inside() {
    let mut files = 0;
    for path in support::corpus_pdfs() {
        let Ok(media) = Media::sniff(std::fs::read(&path).unwrap()) else { continue };
        let policy = Policy::default().with_documents(Documents::PagesOnly);
        let Ok(trimmed) = Trimmer::new(policy).trim(&media) else { continue };
        files += 1;
        let output = lopdf::Document::load_mem(trimmed.media().bytes()).unwrap();
        for key in NEVER {
            assert!(!output.trailer.has(key), "{}: {}", path.display(), String::from_utf8_lossy(key));
        }
        for object in output.objects.values() {
            let (dict, data) = match object {
                lopdf::Object::Dictionary(dict) => (dict, None),
                lopdf::Object::Stream(stream) => (&stream.dict, Some(stream)),
                _ => continue,
            };
            for key in NEVER {
                // Fonts, images and states of buttons may be called anything; a resource of that name
                // is no action.
                let value = dict.get(key).ok();
                let harmless = value.is_some_and(|v| v.as_reference().is_ok() || v.as_name().is_ok());
                let short = key.len() <= 2;
                assert!(value.is_none() || (short && harmless), "{}: {dict:?}", path.display());
            }
            let kind = dict.get(b"Type").and_then(lopdf::Object::as_name).unwrap_or_default();
            assert!(![&b"Action"[..], b"Filespec", b"EmbeddedFile", b"Sig"].contains(&kind), "{}", path.display());
            if let Some(stream) = data {
                let plain = stream.decompressed_content().unwrap_or_else(|_| stream.content.clone());
                assert!(!plain.windows(9).any(|w| w == b"<?xpacket"), "{}: XMP", path.display());
            }
        }
    }
    println!("{files} outputs looked at");
    assert!(files > 30 || support::corpus_pdfs().is_empty(), "only {files} files were trimmed");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let mut files = 0;
    let policy = support::patient().with_documents(Documents::PagesOnly);
    for path in support::corpus_pdfs() {
        let Ok(media) = Media::sniff(std::fs::read(&path).unwrap()) else { continue };
        let once = Trimmer::new(policy.clone()).trim(&media);
        let twice = Trimmer::new(policy.clone()).trim(&media);
        match (once, twice) {
            (Ok(once), Ok(twice)) => {
                files += 1;
                assert!(once.media().bytes() == twice.media().bytes(), "{}", path.display());
            }
            (Err(once), Err(twice)) => assert_eq!(once.kind(), twice.kind(), "{}", path.display()),
            _ => panic!("{}: one of two runs fails", path.display()),
        }
    }
    assert!(files > 30 || support::corpus_pdfs().is_empty(), "only {files} files were trimmed");
}
