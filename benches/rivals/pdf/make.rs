//! Files to trim: pages of text in a plain file or in object streams, and scans. The same arguments
//! always give the same bytes.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;

/// How a file is put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A cross-reference table and objects as they are.
    Plain,
    /// A cross-reference stream and object streams of 100.
    Packed,
    /// A page image of 2.1 MB a page.
    Scan,
}

const SCAN_BYTES: usize = 2_100_000;

/// Writes a file of so many pages.
///
/// # Errors
/// When `out` does not take it.
pub(crate) fn make(kind: Kind, pages: u32, out: &mut impl Write) -> io::Result<()> {
    let mut file = File { out, at: 0, places: vec![Place::Free] };
    file.write(b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n")?;
    // 1 catalog, 2 page tree, 3 font; then a page, its content and its image, each in turn.
    let per_page = if kind == Kind::Scan { 3 } else { 2 };
    let last = 3 + pages * per_page;
    file.places.resize(last as usize + 1, Place::Free);
    let mut plain: Vec<(u32, String)> = Vec::new();
    let kids: Vec<String> = (0..pages).map(|page| format!("{} 0 R", 4 + page * per_page)).collect();
    plain.push((1, "<</Type/Catalog/Pages 2 0 R>>".into()));
    plain.push((2, format!("<</Type/Pages/Count {pages}/Kids[{}]>>", kids.join(" "))));
    plain.push((3, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".into()));
    for page in 0..pages {
        let id = 4 + page * per_page;
        let image = if kind == Kind::Scan { format!("/XObject<</I {} 0 R>>", id + 2) } else { String::new() };
        plain.push((
            id,
            format!(
                "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {} 0 R/Resources<</Font<</F 3 0 R>>{image}>>>>",
                id + 1
            ),
        ));
        file.stream(id + 1, "/Filter/FlateDecode", &deflate(text(kind, page).as_bytes())?)?;
        if kind == Kind::Scan {
            let dict = "/Type/XObject/Subtype/Image/Width 2480/Height 3508/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode";
            file.stream(id + 2, dict, &noise(page))?;
        }
    }
    if kind == Kind::Packed { file.packed(&plain) } else { file.plain(&plain) }
}

fn text(kind: Kind, page: u32) -> String {
    if kind == Kind::Scan {
        return "q 595 0 0 842 0 0 cm /I Do Q".into();
    }
    let line = |n: u32| {
        let amount = (page * 40 + n).wrapping_mul(2_654_435_761) % 100_000;
        format!("(Line {n} of page {page}: {amount} paid and {} owed) Tj T*\n", amount / 3)
    };
    format!("BT /F 11 Tf 14 TL 60 780 Td\n{}ET", (0..40).map(line).collect::<String>())
}

/// What a compressed picture looks like to those who do not decode it.
fn noise(seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) + 0x9E37_79B9_7F4A_7C15;
    let mut data = vec![0xFF, 0xD8, 0xFF, 0xDA, 0x00, 0x02];
    while data.len() < SCAN_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        // No byte of 255, which would be a marker.
        data.extend(state.to_le_bytes().map(|b| b & 0x7F));
    }
    data
}

fn deflate(data: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(data)?;
    encoder.finish()
}

#[derive(Clone, Copy)]
enum Place {
    Free,
    At(u64),
    In(u32, u16),
}

struct File<'o, W> {
    out: &'o mut W,
    at: u64,
    places: Vec<Place>,
}

impl<W: Write> File<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.at += bytes.len() as u64;
        self.out.write_all(bytes)
    }

    fn stream(&mut self, id: u32, dict: &str, data: &[u8]) -> io::Result<()> {
        self.places[id as usize] = Place::At(self.at);
        self.write(format!("{id} 0 obj\n<<{dict}/Length {}>>\nstream\n", data.len()).as_bytes())?;
        self.write(data)?;
        self.write(b"\nendstream\nendobj\n")
    }

    fn plain(&mut self, objects: &[(u32, String)]) -> io::Result<()> {
        for (id, body) in objects {
            self.places[*id as usize] = Place::At(self.at);
            self.write(format!("{id} 0 obj\n{body}\nendobj\n").as_bytes())?;
        }
        let (start, size) = (self.at, self.places.len());
        let mut table = format!("xref\n0 {size}\n0000000000 65535 f \n");
        for place in &self.places[1..] {
            if let Place::At(at) = place {
                table += &format!("{at:010} 00000 n \n");
            }
        }
        table += &format!("trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
        self.write(table.as_bytes())
    }

    fn packed(&mut self, objects: &[(u32, String)]) -> io::Result<()> {
        for chunk in objects.chunks(100) {
            let pack = u32::try_from(self.places.len()).map_err(io::Error::other)?;
            self.places.push(Place::Free);
            let (mut index, mut body) = (String::new(), String::new());
            for (n, (id, object)) in (0..).zip(chunk) {
                index += &format!("{id} {} ", body.len());
                body += object;
                body.push('\n');
                self.places[*id as usize] = Place::In(pack, n);
            }
            let dict = format!("/Type/ObjStm/N {}/First {}/Filter/FlateDecode", chunk.len(), index.len());
            self.stream(pack, &dict, &deflate((index + &body).as_bytes())?)?;
        }
        let (start, id) = (self.at, u32::try_from(self.places.len()).map_err(io::Error::other)?);
        self.places.push(Place::At(start));
        let mut rows = Vec::new();
        for place in &self.places {
            let (kind, second, third) = match *place {
                Place::Free => (0, 0, 0),
                Place::At(at) => (1, u32::try_from(at).map_err(io::Error::other)?, 0),
                Place::In(pack, n) => (2, pack, n),
            };
            rows.push(kind);
            rows.extend(second.to_be_bytes());
            rows.extend(third.to_be_bytes());
        }
        let dict = format!("/Type/XRef/Size {}/W[1 4 2]/Root 1 0 R/Filter/FlateDecode", self.places.len());
        self.stream(id, &dict, &deflate(&rows)?)?;
        self.write(format!("startxref\n{start}\n%%EOF\n").as_bytes())
    }
}
