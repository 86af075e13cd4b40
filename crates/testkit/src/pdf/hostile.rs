//! Small files that do harm to a careless reader: bombs, loops and lies.

use super::{Content, Layout, PdfDocument};

/// A hostile file. A reader may return an error or pages; it must not hang, abort, or take more
/// memory than it promised.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HostilePdf {
    /// Short name, kebab-case.
    pub name: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

/// All hostile files; none is larger than 2 MB.
pub fn hostile_pdfs() -> Vec<HostilePdf> {
    let file = |name, bytes| HostilePdf { name, bytes };
    vec![
        file("inflate-bomb-twice", inflate_bomb(2)),
        file("inflate-bomb-three-times", inflate_bomb(3)),
        file("count-lies", with_tree("/Kids [8 0 R] /Count 2000000000")),
        file("tree-in-a-circle", with_tree("/Kids [2 0 R 8 0 R] /Count 2")),
        file("no-pages", with_tree("/Kids [] /Count 0")),
        file("page-of-huge-size", huge_page()),
        file("deep-tree", deep_tree(5_000)),
        file("deep-arrays", deep_arrays(100_000)),
        file("object-stream-in-itself", self_reference()),
        file("xref-prev-circle", prev_circle()),
        file("length-refers-to-itself", length_loop()),
        file("form-draws-itself", form_loop()),
        file("header-only", b"%PDF-1.7\n".to_vec()),
        file("cut-in-the-middle", cut()),
        file("xref-entries-without-end", endless_xref()),
    ]
}

fn one_page() -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(Content::new().text(72.0, 700.0, 12.0, "A page").bytes());
    document.finish(Layout::Table)
}

/// 64 MiB of spaces, deflated `times` times.
fn inflate_bomb(times: usize) -> Vec<u8> {
    let mut document = PdfDocument::new();
    let mut data = vec![b' '; 64 << 20];
    for _ in 0..times {
        data = crate::deflate::deflate(&data);
    }
    let filters = "/FlateDecode ".repeat(times);
    let content = document.raw_stream(&format!("/Filter [{filters}]"), data);
    document.page_with(&format!("/MediaBox [0 0 595 842] /Resources 6 0 R /Contents {content} 0 R"));
    document.finish(Layout::Table)
}

/// One good page (object 8) under a root with other entries; offsets are mended by padding.
fn with_tree(entries: &str) -> Vec<u8> {
    let bytes = one_page();
    let text: String = bytes.iter().map(|b| char::from(*b)).collect();
    let start = text.find("2 0 obj").unwrap_or_default();
    let end = start + text[start..].find("endobj").unwrap_or_default();
    let root = format!("2 0 obj\n<< /Type /Pages {entries} >>\n");
    // Offsets behind the root move: the reader has to search, or fail.
    [&bytes[..start], root.as_bytes(), &bytes[end..]].concat()
}

fn huge_page() -> Vec<u8> {
    let mut document = PdfDocument::new();
    let content = document.stream("", Content::new().text(72.0, 700.0, 12.0, "Far").bytes());
    document.page_with(&format!(
        "/MediaBox [0 0 1000000000 1000000000] /UserUnit 75000 /Resources 6 0 R /Contents {content} 0 R"
    ));
    document.finish(Layout::Table)
}

fn deep_tree(depth: u32) -> Vec<u8> {
    let mut document = PdfDocument::new();
    let content = document.stream("", Content::new().text(72.0, 700.0, 12.0, "Deep").bytes());
    let mut below =
        document.object(&format!("<< /Type /Page /MediaBox [0 0 595 842] /Resources 6 0 R /Contents {content} 0 R >>"));
    for _ in 0..depth {
        below = document.object(&format!("<< /Type /Pages /Count 1 /Kids [{below} 0 R] >>"));
    }
    // The document's own root has no pages; the catalog's later entry names the deep one.
    document.page_with(&format!("/Type /Pages /Count 1 /Kids [{below} 0 R]"));
    document.finish(Layout::Table)
}

fn deep_arrays(depth: usize) -> Vec<u8> {
    let mut document = PdfDocument::new();
    document.page(Content::new().text(72.0, 700.0, 12.0, "A page").bytes());
    let nest = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let nest = document.object(&nest);
    document.catalog(&format!("/OCProperties {nest} 0 R"));
    document.finish(Layout::Table)
}

fn self_reference() -> Vec<u8> {
    // Object 3 says of itself that it lies in object stream 3.
    let mut bytes = b"%PDF-1.5\n".to_vec();
    let start = bytes.len();
    let rows: [[u8; 5]; 5] =
        [[0, 0, 0, 0xff, 0xff], [2, 0, 3, 0, 0], [2, 0, 3, 0, 1], [2, 0, 3, 0, 2], [1, 0, start as u8, 0, 0]];
    bytes.extend_from_slice(b"4 0 obj\n<< /Type /XRef /Size 5 /W [1 2 2] /Root 1 0 R /Length 25 >>\nstream\n");
    bytes.extend_from_slice(&rows.concat());
    bytes.extend_from_slice(format!("\nendstream\nendobj\nstartxref\n{start}\n%%EOF\n").as_bytes());
    bytes
}

fn prev_circle() -> Vec<u8> {
    let bytes = one_page();
    let text: String = bytes.iter().map(|b| char::from(*b)).collect();
    let at = text.rfind("xref\n0").unwrap_or_default();
    text.replace("/Root 1 0 R", &format!("/Root 1 0 R /Prev {at}")).chars().map(|c| c as u8).collect()
}

fn length_loop() -> Vec<u8> {
    let text: String = one_page().iter().map(|b| char::from(*b)).collect();
    let at = text.find("/Length ").unwrap_or_default();
    let end = at + text[at..].find(" >>").unwrap_or_default();
    format!("{}/Length 7 0 R{}", &text[..at], &text[end..]).chars().map(|c| c as u8).collect()
}

fn form_loop() -> Vec<u8> {
    let mut document = PdfDocument::new();
    // The form is object 7 and names itself in its resources.
    let form = document.stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 595 842] \
         /Resources << /XObject << /Fm0 7 0 R >> >>",
        b"/Fm0 Do /Fm0 Do\n",
    );
    let content = document.stream("", b"/Fm0 Do\n");
    document.page_with(&format!(
        "/MediaBox [0 0 595 842] /Contents {content} 0 R \
         /Resources << /XObject << /Fm0 {form} 0 R >> >>"
    ));
    document.finish(Layout::Table)
}

fn cut() -> Vec<u8> {
    let mut bytes = super::pdf_statement(1, 6, &[], Layout::Table);
    bytes.truncate(bytes.len() / 2);
    bytes
}

fn endless_xref() -> Vec<u8> {
    let text: String = one_page().iter().map(|b| char::from(*b)).collect();
    text.replace("xref\n0 9", "xref\n0 4294967295").chars().map(|c| c as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::hostile_pdfs;

    #[test]
    fn they_are_small_and_each_is_its_own() {
        let files = hostile_pdfs();
        for (index, file) in files.iter().enumerate() {
            assert!(file.bytes.len() <= 2_000_000, "{}: {}", file.name, file.bytes.len());
            assert!(file.bytes.starts_with(b"%PDF-"), "{}", file.name);
            assert!(files[..index].iter().all(|other| other.bytes != file.bytes), "{}", file.name);
        }
    }
}
