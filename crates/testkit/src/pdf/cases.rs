//! A table of documents with what a trimmer must make of each.

use super::scan::{add_page, paper};
use super::{Content, Layout, PdfDocument, pdf_bill, pdf_scan, pdf_statement};
use crate::Jpeg;

/// A document and what trimming it to its first five non-empty pages must give.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PdfCase {
    /// Short name, kebab-case.
    pub name: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
    /// Pages in the file.
    pub pages: u32,
    /// Pages that must be kept, 1-based.
    pub kept: Vec<u32>,
    /// Words that must not be found in the output, neither in the open nor in its streams.
    pub must_vanish: &'static [&'static str],
}

/// All cases; the same bytes for the same seed.
pub fn pdf_cases(seed: u64) -> Vec<PdfCase> {
    let mut cases = vec![
        case("bill", 1, &[1], pdf_bill(seed)),
        case("statement-with-empty-pages", 7, &[1, 3, 4, 6, 7], pdf_statement(seed, 7, &[2, 5], Layout::Table)),
        case(
            "statement-in-object-streams",
            9,
            &[1, 3, 5, 7, 8],
            pdf_statement(seed, 9, &[2, 4, 6], Layout::ObjectStreams),
        ),
        case("all-pages-empty", 3, &[1], pdf_statement(seed, 3, &[1, 2, 3], Layout::Table)),
        case("scan-with-blank-page", 3, &[1, 3], pdf_scan(seed, 3, &[2], 100)),
        case("noise-only-scan", 1, &[1], pdf_scan(seed, 1, &[1], 100)),
        case("invisible-ocr-over-blank-scan", 2, &[1], invisible_ocr(seed)),
        case("white-text", 2, &[1], second_page(&white_text())),
        case("hidden-layer", 2, &[1], layers(false)),
        case("visible-layer", 2, &[1, 2], layers(true)),
        case("form-widget", 2, &[1, 2], form()),
        case("undecodable-content", 2, &[1, 2], undecodable()),
        case("inline-image", 2, &[1, 2], second_page(&inline_image())),
        case("inherited-attributes", 2, &[1, 2], inherited()),
        case("user-unit-and-crop", 1, &[1], user_unit()),
        case("page-listed-twice", 3, &[1, 2, 3], listed_twice()),
        case("shading-only", 2, &[1, 2], shading()),
        case("form-xobject", 2, &[1, 2], form_xobject()),
        case("non-embedded-cjk", 2, &[1, 2], cjk()),
        case("wrong-startxref", 1, &[1], wrong_startxref()),
    ];
    for (name, kept, annotation) in [
        ("annotation-with-appearance", &[1, 2][..], "/Subtype /Stamp /F 4 /AP << /N 9 0 R >>"),
        (
            "annotation-without-appearance",
            &[1, 2],
            "/Subtype /FreeText /F 4 /DA (/Helv 14 Tf 0 g) /Contents (Only a note)",
        ),
        ("link-only", &[1], "/Subtype /Link /Border [0 0 0] /A << /S /URI /URI (http://vanish.example/) >>"),
    ] {
        let mut case = case(name, 2, kept, annotated(annotation));
        case.must_vanish = &["vanish.example"];
        cases.push(case);
    }
    let mut loaded = case("loaded-with-extras", 1, &[1], loaded());
    loaded.must_vanish = LOADED;
    cases.push(loaded);
    let mut revised = case("older-revision", 1, &[1], older_revision());
    revised.must_vanish = &["OLD-REVISION-SECRET"];
    cases.push(revised);
    cases
}

/// What `loaded` carries.
const LOADED: &[&str] = &[
    "JavaScript",
    "VANISH-SCRIPT",
    "OpenAction",
    "Launch",
    "EmbeddedFile",
    "VANISH-ATTACHMENT",
    "VANISH-XMP",
    "VANISH-AUTHOR",
    "VANISH-OUTLINE",
    "VANISH-PIECE",
    "VANISH-THUMB",
    "VANISH-XFA",
];

fn case(name: &'static str, pages: u32, kept: &[u32], bytes: Vec<u8>) -> PdfCase {
    PdfCase { name, bytes, pages, kept: kept.to_vec(), must_vanish: &[] }
}

fn words(text: &str) -> Content {
    Content::new().bold(72.0, 760.0, 20.0, text).text(72.0, 730.0, 12.0, "Ordinary words to read.")
}

/// An ordinary page, then one with this content.
fn second_page(content: &Content) -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("First page").bytes());
    document.page(content.bytes());
    document.finish(Layout::Table)
}

fn white_text() -> Content {
    Content::new().colour(1.0, 1.0, 1.0).text(72.0, 700.0, 14.0, "White words on white paper")
}

fn inline_image() -> Content {
    Content::new().raw("q 100 0 0 100 200 400 cm BI /W 2 /H 2 /CS /G /BPC 8 /F /AHx ID 00FF FF00> EI Q\n")
}

fn invisible_ocr(seed: u64) -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("First page").bytes());
    let picture = paper(seed, 2, 100, false);
    let jpeg = Jpeg::new(&picture).quality(75).gray().encode();
    let over = "BT 3 Tr /F1 12 Tf 72 700 Td (text that a recogniser imagined) Tj ET\n";
    add_page(&mut document, &picture, "DeviceGray", jpeg, over);
    document.finish(Layout::Table)
}

fn layers(is_on: bool) -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("First page").bytes());
    let layer = document.object("<< /Type /OCG /Name (Layer one) >>");
    let content = Content::new().raw("/OC /L1 BDC\n").text(72.0, 700.0, 24.0, "Words on a layer").raw("EMC\n");
    let content = document.stream("", content.bytes());
    document.page_with(&format!(
        "/MediaBox [0 0 595 842] /Contents {content} 0 R \
         /Resources << /Font << /F1 3 0 R >> /Properties << /L1 {layer} 0 R >> >>"
    ));
    let state = if is_on { "ON" } else { "OFF" };
    document.catalog(&format!(
        "/OCProperties << /OCGs [{layer} 0 R] /D << /Order [{layer} 0 R] /{state} [{layer} 0 R] >> >>"
    ));
    document.finish(Layout::Table)
}

fn form() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("Application form").bytes());
    let look = document.stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 200 24] /Resources << /Font << /F1 3 0 R >> >>",
        b"/Tx BMC q BT /F1 12 Tf 4 7 Td (Filled in by hand) Tj ET Q EMC\n",
    );
    let widget = document.object(&format!(
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (Filled in by hand) /F 4 \
         /DA (/F1 12 Tf 0 g) /Rect [72 600 272 624] /AP << /N {look} 0 R >> >>"
    ));
    document.page_with(&format!("/MediaBox [0 0 595 842] /Resources 6 0 R /Annots [{widget} 0 R]"));
    document.catalog(&format!("/AcroForm << /Fields [{widget} 0 R] /DA (/F1 12 Tf 0 g) /DR 6 0 R >>"));
    document.finish(Layout::Table)
}

fn annotated(annotation: &str) -> Vec<u8> {
    let mut document = PdfDocument::new();
    // Objects 7 and 8 are the first page and its content, so the appearance is object 9.
    document.page(words("First page").bytes());
    let look = document.stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 200 60]",
        b"1 0 0 RG 4 w 4 4 192 52 re S 0.8 0 0 rg 20 20 160 20 re f\n",
    );
    debug_assert_eq!(look, 9);
    let note = document.object(&format!("<< /Type /Annot /Rect [100 500 300 560] {annotation} >>"));
    document.page_with(&format!("/MediaBox [0 0 595 842] /Resources 6 0 R /Annots [{note} 0 R]"));
    document.finish(Layout::Table)
}

fn undecodable() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("First page").bytes());
    let broken = document.raw_stream("/Filter /FlateDecode", b"\x78\x9cthis is not deflated".to_vec());
    document.page_with(&format!("/MediaBox [0 0 595 842] /Resources 6 0 R /Contents {broken} 0 R"));
    document.finish(Layout::Table)
}

fn inherited() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.inherited("/MediaBox [0 0 420 595] /Rotate 90 /Resources 6 0 R");
    for page in ["Turned by inheritance", "Second turned page"] {
        let content = Content::new().bold(40.0, 500.0, 18.0, page);
        let content = document.stream("", content.bytes());
        document.page_with(&format!("/Contents {content} 0 R"));
    }
    document.finish(Layout::ObjectStreams)
}

fn user_unit() -> Vec<u8> {
    let mut document = PdfDocument::new();
    let content = document.stream("", Content::new().bold(40.0, 100.0, 18.0, "Twice as big").bytes());
    document.page_with(&format!(
        "/MediaBox [0 0 300 300] /CropBox [20 60 280 240] /UserUnit 2.0 /Resources 6 0 R \
         /Contents {content} 0 R"
    ));
    document.finish(Layout::Table)
}

fn listed_twice() -> Vec<u8> {
    let mut document = PdfDocument::new();
    let first = document.page(words("Page that comes back").bytes());
    document.page(words("Page in the middle").bytes());
    document.page_again(first);
    document.finish(Layout::Table)
}

fn shading() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("First page").bytes());
    let content = document.stream("", b"q 72 400 300 200 re W n /S1 sh Q\n");
    document.page_with(&format!(
        "/MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Shading << /S1 << \
         /ShadingType 2 /ColorSpace /DeviceRGB /Coords [72 400 372 400] /Extend [true true] \
         /Function << /FunctionType 2 /Domain [0 1] /C0 [0.9 0.2 0.1] /C1 [0.1 0.2 0.9] /N 1 >> \
         >> >> >>"
    ));
    document.finish(Layout::Table)
}

fn form_xobject() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("First page").bytes());
    let form = document.stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 595 842] /Resources 6 0 R",
        words("Drawn through a form").bytes(),
    );
    let content = document.stream("", b"q /Fm0 Do Q\n");
    document.page_with(&format!(
        "/MediaBox [0 0 595 842] /Contents {content} 0 R \
         /Resources << /XObject << /Fm0 {form} 0 R >> >>"
    ));
    document.finish(Layout::Table)
}

fn cjk() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("First page").bytes());
    let descendant = document.object(
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 \
         /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 2 >> >>",
    );
    let font = document.object(&format!(
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UCS2-H \
         /DescendantFonts [{descendant} 0 R] >>"
    ));
    let content = document.stream("", b"BT /C1 24 Tf 72 700 Td <6837672C6587672C> Tj ET\n");
    document.page_with(&format!(
        "/MediaBox [0 0 595 842] /Contents {content} 0 R /Resources << /Font << /C1 {font} 0 R >> >>"
    ));
    document.finish(Layout::Table)
}

fn wrong_startxref() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(words("Found by searching").bytes());
    let bytes = document.finish(Layout::Table);
    let at = bytes.windows(9).rposition(|w| w == b"startxref").unwrap_or_default();
    [&bytes[..at], b"startxref\n1\n%%EOF\n"].concat()
}

fn loaded() -> Vec<u8> {
    let mut document = PdfDocument::new();
    let script = document.object("<< /S /JavaScript /JS (app.alert\\('VANISH-SCRIPT'\\)) >>");
    let launch = document.object("<< /S /Launch /F (VANISH-SCRIPT.exe) >>");
    let file = document.stream("/Type /EmbeddedFile /Subtype /text#2Fplain", b"VANISH-ATTACHMENT");
    let spec = document.object(&format!("<< /Type /Filespec /F (VANISH-ATTACHMENT.txt) /EF << /F {file} 0 R >> >>"));
    let xmp = b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta>VANISH-XMP</x:xmpmeta>";
    let xmp = document.raw_stream("/Type /Metadata /Subtype /XML", xmp.to_vec());
    // The same packet without a type, as some producers leave it.
    let untyped = document.raw_stream("", b"<x:xmpmeta>VANISH-XMP</x:xmpmeta>".to_vec());
    let info = document.object("<< /Author (VANISH-AUTHOR) /Producer (VANISH-AUTHOR) >>");
    let thumb = document
        .raw_stream("/Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8 /Note (VANISH-THUMB)", vec![128]);
    let outlines = document.object("<< /Type /Outlines /Count 0 /Note (VANISH-OUTLINE) >>");
    let content = document.stream("", words("Loaded with extras").bytes());
    document.page_with(&format!(
        "/MediaBox [0 0 595 842] /Contents {content} 0 R /Metadata {untyped} 0 R /Thumb {thumb} 0 R \
         /AA << /O {script} 0 R >> /PieceInfo << /App << /Private (VANISH-PIECE) >> >> \
         /Resources << /Font << /F1 3 0 R /F2 4 0 R >> /Metadata {untyped} 0 R >>"
    ));
    document.catalog(&format!(
        "/OpenAction {launch} 0 R /AA << /WC {script} 0 R >> /Metadata {xmp} 0 R \
         /Outlines {outlines} 0 R /AF [{spec} 0 R] /Names << /JavaScript << /Names [(a) {script} 0 R] >> \
         /EmbeddedFiles << /Names [(b) {spec} 0 R] >> >> \
         /AcroForm << /Fields [] /XFA (VANISH-XFA) >>"
    ));
    document.trailer(&format!("/Info {info} 0 R"));
    document.finish(Layout::Table)
}

/// A file whose newest revision replaces the page's content; the old one is still inside.
fn older_revision() -> Vec<u8> {
    let mut document = PdfDocument::new();
    let old = b"BT /F1 18 Tf 72 700 Td (OLD-REVISION-SECRET) Tj ET\n".to_vec();
    let content = document.raw_stream("", old);
    document.page_with(&format!("/MediaBox [0 0 595 842] /Resources 6 0 R /Contents {content} 0 R"));
    let mut bytes = document.finish(Layout::Table);
    let at = bytes.windows(9).rposition(|w| w == b"startxref").unwrap_or_default();
    let old: String = bytes[at + 9..].iter().map(|b| char::from(*b)).collect();
    let old = old.split_whitespace().next().unwrap_or_default().to_owned();
    let start = bytes.len();
    let new = words("Newest revision");
    let length = new.bytes().len();
    bytes.extend_from_slice(format!("{content} 0 obj\n<< /Length {length} >>\nstream\n").as_bytes());
    bytes.extend_from_slice(new.bytes());
    bytes.extend_from_slice(b"\nendstream\nendobj\n");
    let xref = bytes.len();
    bytes.extend_from_slice(
        format!(
            "xref\n{content} 1\n{start:010} 00000 n \ntrailer\n<< /Size 9 /Root 1 0 R /Prev {old} >>\n\
             startxref\n{xref}\n%%EOF\n"
        )
        .as_bytes(),
    );
    bytes
}

#[cfg(test)]
mod tests {
    use super::pdf_cases;
    use std::collections::BTreeSet;

    #[test]
    fn cases_are_named_once_and_repeat() {
        let (one, two) = (pdf_cases(1), pdf_cases(1));
        let names: BTreeSet<_> = one.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), one.len());
        for (a, b) in one.iter().zip(&two) {
            assert_eq!(a.bytes, b.bytes, "{}", a.name);
            assert!(a.bytes.starts_with(b"%PDF-1."));
            assert!(a.kept.len() <= 5 && a.kept.iter().all(|page| *page <= a.pages));
        }
    }

    #[test]
    fn what_must_vanish_is_there_before() {
        for case in pdf_cases(1).iter().filter(|case| case.name == "loaded-with-extras") {
            for word in case.must_vanish.iter().filter(|word| **word != "VANISH-ATTACHMENT") {
                let found = case.bytes.windows(word.len()).any(|w| w == word.as_bytes());
                assert!(found, "{word}");
            }
        }
    }
}
