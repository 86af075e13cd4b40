//! The writer: numbered objects, a page tree, and either a cross-reference table or object
//! streams with a cross-reference stream.

/// How objects are laid out in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Layout {
    /// PDF 1.4: every object in the open, a cross-reference table, a trailer.
    Table,
    /// PDF 1.5: object streams of 100 and a cross-reference stream.
    ObjectStreams,
}

/// Kids per node of the page tree.
const FANOUT: usize = 32;

/// A PDF in the making. Object 1 is the catalog, 2 the root of the page tree, 3 to 5 are
/// Helvetica, Helvetica-Bold and Courier, and 6 is a resource dictionary that names them F1, F2
/// and F3.
#[derive(Clone, Debug)]
pub struct PdfDocument {
    objects: Vec<Object>,
    pages: Vec<(u32, String)>,
    catalog: String,
    root: String,
    trailer: String,
}

#[derive(Clone, Debug)]
struct Object {
    /// Dictionary or other value; for a stream, its dictionary without `/Length`.
    body: String,
    stream: Option<Vec<u8>>,
}

impl Default for PdfDocument {
    fn default() -> Self {
        Self::new()
    }
}

impl PdfDocument {
    /// A document without pages.
    pub fn new() -> Self {
        let mut document = Self {
            objects: Vec::new(),
            pages: Vec::new(),
            catalog: String::new(),
            root: String::new(),
            trailer: String::new(),
        };
        document.object("null");
        document.object("null");
        for font in ["Helvetica", "Helvetica-Bold", "Courier"] {
            document.object(&format!("<< /Type /Font /Subtype /Type1 /BaseFont /{font} /Encoding /WinAnsiEncoding >>"));
        }
        document.object("<< /Font << /F1 3 0 R /F2 4 0 R /F3 5 0 R >> >>");
        document
    }

    /// Adds an object and returns its number.
    pub fn object(&mut self, body: &str) -> u32 {
        self.push(Object { body: body.to_owned(), stream: None })
    }

    /// Adds a stream, deflated. `entries` go into its dictionary.
    pub fn stream(&mut self, entries: &str, data: &[u8]) -> u32 {
        let entries = format!("{entries} /Filter /FlateDecode");
        self.raw_stream(&entries, crate::deflate::deflate(data))
    }

    /// Adds a stream as it is: `entries` say how it is encoded.
    pub fn raw_stream(&mut self, entries: &str, data: Vec<u8>) -> u32 {
        self.push(Object { body: entries.trim().to_owned(), stream: Some(data) })
    }

    /// Adds a DCT image and returns its number.
    pub fn jpeg(&mut self, width: u32, height: u32, colour: &str, jpeg: Vec<u8>) -> u32 {
        self.raw_stream(
            &format!(
                "/Type /XObject /Subtype /Image /Width {width} /Height {height} \
                 /ColorSpace /{colour} /BitsPerComponent 8 /Filter /DCTDecode"
            ),
            jpeg,
        )
    }

    /// Adds an A4 page with this content and the three fonts; returns its object number.
    pub fn page(&mut self, content: &[u8]) -> u32 {
        let content = self.stream("", content);
        self.page_with(&format!("/MediaBox [0 0 595 842] /Resources 6 0 R /Contents {content} 0 R"))
    }

    /// Adds a page with exactly these entries (and `/Type` and `/Parent`).
    pub fn page_with(&mut self, entries: &str) -> u32 {
        let number = self.object("null");
        self.pages.push((number, entries.to_owned()));
        number
    }

    /// Lists a page that was added before once more in the page tree.
    pub fn page_again(&mut self, number: u32) {
        if let Some(page) = self.pages.iter().find(|page| page.0 == number).cloned() {
            self.pages.push(page);
        }
    }

    /// Adds entries to the catalog.
    pub fn catalog(&mut self, entries: &str) {
        self.catalog.push(' ');
        self.catalog.push_str(entries);
    }

    /// Adds entries to the root of the page tree, which its pages inherit.
    pub fn inherited(&mut self, entries: &str) {
        self.root.push(' ');
        self.root.push_str(entries);
    }

    /// Adds entries to the trailer.
    pub fn trailer(&mut self, entries: &str) {
        self.trailer.push(' ');
        self.trailer.push_str(entries);
    }

    /// The file. Page trees of more than 32 pages have more than one level.
    pub fn finish(mut self, layout: Layout) -> Vec<u8> {
        self.write_tree();
        self.objects[0].body = format!("<< /Type /Catalog /Pages 2 0 R{} >>", self.catalog);
        match layout {
            Layout::Table => self.with_table(),
            Layout::ObjectStreams => self.with_object_streams(),
        }
    }

    fn push(&mut self, object: Object) -> u32 {
        self.objects.push(object);
        self.objects.len() as u32
    }

    fn write_tree(&mut self) {
        // (number, pages below), level by level until one node can hold the rest.
        let pages = std::mem::take(&mut self.pages);
        let mut level: Vec<(u32, usize)> = pages.iter().map(|page| (page.0, 1)).collect();
        let mut parents: Vec<(u32, u32)> = Vec::new();
        let mut nodes: Vec<(u32, String)> = Vec::new();
        while level.len() > FANOUT {
            let mut above = Vec::new();
            for kids in level.chunks(FANOUT) {
                let node = self.object("null");
                parents.extend(kids.iter().map(|kid| (kid.0, node)));
                let count: usize = kids.iter().map(|kid| kid.1).sum();
                nodes.push((node, format!("/Kids [{}] /Count {count}", references(kids))));
                above.push((node, count));
            }
            level = above;
        }
        parents.extend(level.iter().map(|kid| (kid.0, 2)));
        let parents: std::collections::BTreeMap<u32, u32> = parents.into_iter().collect();
        for (number, entries) in &nodes {
            let parent = parents[number];
            self.set(*number, format!("<< /Type /Pages /Parent {parent} 0 R {entries} >>"));
        }
        for (number, entries) in &pages {
            let parent = parents[number];
            self.set(*number, format!("<< /Type /Page /Parent {parent} 0 R {entries} >>"));
        }
        let (kids, count, root) = (references(&level), pages.len(), &self.root);
        let root = format!("<< /Type /Pages /Kids [{kids}] /Count {count}{root} >>");
        self.set(2, root);
    }

    fn set(&mut self, number: u32, body: String) {
        self.objects[number as usize - 1].body = body;
    }

    fn with_table(self) -> Vec<u8> {
        let mut out = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n".to_vec();
        let mut offsets = Vec::with_capacity(self.objects.len());
        for (index, object) in self.objects.iter().enumerate() {
            offsets.push(out.len());
            write_object(&mut out, index + 1, object);
        }
        let start = out.len();
        let size = offsets.len() + 1;
        out.extend_from_slice(format!("xref\n0 {size}\n0000000000 65535 f \n").as_bytes());
        for offset in offsets {
            out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
        }
        let trailer = &self.trailer;
        out.extend_from_slice(
            format!("trailer\n<< /Size {size} /Root 1 0 R{trailer} >>\nstartxref\n{start}\n%%EOF\n").as_bytes(),
        );
        out
    }

    fn with_object_streams(self) -> Vec<u8> {
        let mut out = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n".to_vec();
        // Type, second and third field of each entry of the cross-reference stream.
        let mut entries: Vec<(u8, u32, u16)> = vec![(0, 0, 65_535)];
        entries.resize(self.objects.len() + 1, (0, 0, 0));
        let (streams, plain): (Vec<_>, Vec<_>) =
            self.objects.iter().enumerate().partition(|(_, object)| object.stream.is_some());
        for (index, object) in streams {
            entries[index + 1] = (1, out.len() as u32, 0);
            write_object(&mut out, index + 1, object);
        }
        for group in plain.chunks(100) {
            let holder = entries.len() as u32;
            let (mut header, mut bodies) = (String::new(), String::new());
            for (place, (index, object)) in group.iter().enumerate() {
                header.push_str(&format!("{} {} ", index + 1, bodies.len()));
                bodies.push_str(&object.body);
                bodies.push('\n');
                entries[index + 1] = (2, holder, place as u16);
            }
            entries.push((1, out.len() as u32, 0));
            let dict = format!("/Type /ObjStm /N {} /First {} /Filter /FlateDecode", group.len(), header.len());
            let data = crate::deflate::deflate(format!("{header}{bodies}").as_bytes());
            let object = Object { body: dict, stream: Some(data) };
            write_object(&mut out, holder as usize, &object);
        }
        let (start, number) = (out.len(), entries.len());
        entries.push((1, start as u32, 0));
        let mut table = Vec::with_capacity(entries.len() * 7);
        for (kind, second, third) in &entries {
            table.push(*kind);
            table.extend_from_slice(&second.to_be_bytes());
            table.extend_from_slice(&third.to_be_bytes());
        }
        let dict =
            format!("/Type /XRef /Size {} /W [1 4 2] /Root 1 0 R /Filter /FlateDecode{}", entries.len(), self.trailer);
        let object = Object { body: dict, stream: Some(crate::deflate::deflate(&table)) };
        write_object(&mut out, number, &object);
        out.extend_from_slice(format!("startxref\n{start}\n%%EOF\n").as_bytes());
        out
    }
}

fn references(kids: &[(u32, usize)]) -> String {
    kids.iter().map(|kid| format!("{} 0 R", kid.0)).collect::<Vec<_>>().join(" ")
}

fn write_object(out: &mut Vec<u8>, number: usize, object: &Object) {
    out.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
    match &object.stream {
        None => out.extend_from_slice(object.body.as_bytes()),
        Some(data) => {
            let dict = format!("<< {} /Length {} >>\nstream\n", object.body, data.len());
            out.extend_from_slice(dict.as_bytes());
            out.extend_from_slice(data);
            out.extend_from_slice(b"\nendstream");
        }
    }
    out.extend_from_slice(b"\nendobj\n");
}
