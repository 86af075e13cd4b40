//! Files written object by object, so that a test can break exactly one thing.

use std::fmt::Write as _;

/// A well-formed file of these objects; the trailer has `/Root 1 0 R` and what is added here.
pub(crate) fn file(objects: &[(u32, Vec<u8>)], trailer: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec();
    let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
    for (number, body) in objects {
        write!(table, "{number} 1\n{:010} 00000 n \n", out.len()).unwrap();
        out.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\nendobj\n");
    }
    let size = objects.iter().map(|(number, _)| number + 1).max().unwrap();
    let start = out.len();
    write!(table, "trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n").unwrap();
    out.extend_from_slice(table.as_bytes());
    out
}

pub(crate) fn stream(dict: &str, data: &[u8]) -> Vec<u8> {
    [format!("<<{dict}/Length {}>>\nstream\n", data.len()).as_bytes(), data, b"\nendstream"].concat()
}

/// Text that nobody can overlook.
pub(crate) const TEXT: &str = "BT /F 24 Tf 72 700 Td (An amount of 1,204.50 is due) Tj ET";

/// A file of so many pages: catalog 1, tree 2, font 3, pages from 10, their contents from 30. Everything can
/// be replaced or added before it is written.
pub(crate) struct File {
    pub(crate) objects: Vec<(u32, Vec<u8>)>,
    pub(crate) trailer: String,
}

impl File {
    /// Pages with this content each.
    pub(crate) fn of(contents: &[&str]) -> Self {
        let kids: String = (10..).take(contents.len()).map(|n| format!("{n} 0 R ")).collect();
        let mut objects = vec![
            (1, b"<</Type/Catalog/Pages 2 0 R>>".to_vec()),
            (2, format!("<</Type/Pages/Count {}/Kids[{kids}]>>", contents.len()).into_bytes()),
            (3, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec()),
        ];
        for (n, content) in (0..).zip(contents) {
            let page = format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>/XObject<</I 50 0 R>>>>/Contents {} 0 R>>",
                30 + n
            );
            objects.push((10 + n, page.into_bytes()));
            objects.push((30 + n, stream("", content.as_bytes())));
        }
        Self { objects, trailer: String::new() }
    }

    /// Replaces or adds an object.
    pub(crate) fn with(mut self, number: u32, body: impl Into<Vec<u8>>) -> Self {
        self.objects.retain(|(n, _)| *n != number);
        self.objects.push((number, body.into()));
        self.objects.sort();
        self
    }

    /// Adds entries to the catalog.
    pub(crate) fn with_catalog(self, entries: &str) -> Self {
        self.with(1, format!("<</Type/Catalog/Pages 2 0 R{entries}>>"))
    }

    pub(crate) fn with_trailer(mut self, entries: &str) -> Self {
        self.trailer += entries;
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        file(&self.objects, &self.trailer)
    }

    /// The bytes with one run of them replaced by another of the same length, so that nothing moves.
    pub(crate) fn broken(&self, from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut bytes = self.bytes();
        let at = bytes.windows(from.len()).rposition(|window| window == from.as_bytes()).expect(from);
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        bytes
    }
}
