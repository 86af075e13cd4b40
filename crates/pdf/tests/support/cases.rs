//! Files made for one question each: what counts as empty, and what must not be lost.

use std::fmt::Write as _;

/// A file and the pages of it that are to be kept.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) file: Vec<u8>,
    pub(crate) kept: &'static [u32],
}

/// A page of a made file: its content, its resources, and further entries.
#[derive(Default)]
struct Page<'a> {
    content: &'a str,
    resources: &'a str,
    more: &'a str,
}

const TEXT: &str = "BT /F 24 Tf 72 700 Td (An amount of 1,204.50 is due) Tj ET";
const FONT: &str = "/Font<</F 3 0 R>>";

pub(crate) fn all() -> Vec<Case> {
    let text = || Page { content: TEXT, resources: FONT, more: "" };
    let with = |content, resources| Page { content, resources, more: "" };
    let blank = gray_image(620, 877, |x, y| 236 + noise(x, y) % 9);
    let written = gray_image(620, 877, |x, y| {
        let ink = (300..306).contains(&y) && (100..400).contains(&x) && x % 20 < 13;
        if ink { 70 } else { 236 + noise(x, y) % 9 }
    });
    let scan = "q 595 0 0 842 0 0 cm /I Do Q";
    let ocr = "q 595 0 0 842 0 0 cm /I Do Q BT 3 Tr /F 12 Tf 72 700 Td (read by a machine) Tj ET";
    let image = "/XObject<</I 10 0 R>>/Font<</F 3 0 R>>";
    let layer = "/OC /L BDC BT /F 24 Tf 72 500 Td (a hidden layer) Tj ET EMC";
    let both = format!("{TEXT} {layer}");
    let layers = "/Font<</F 3 0 R>>/Properties<</L 10 0 R>>";
    let group = [(10, b"<</Type/OCG/Name(Hidden)>>".to_vec())];
    let off = "/OCProperties<</OCGs[10 0 R]/D<</OFF[10 0 R]/Order[10 0 R]>>>>";
    let square = b"<</Type/Annot/Subtype/Square/Rect[100 100 200 200]/AP<</N 11 0 R>>/A<</S/URI/URI(http://x)>>>>";
    let drawn = b"<</Type/XObject/Subtype/Form/BBox[0 0 100 100]/Length 33>>stream\n0 0.4 0 rg 5 5 90 90 re f 0 0 m   \nendstream";
    let free = b"<</Type/Annot/Subtype/FreeText/Rect[100 300 400 340]/DA(/Helv 14 Tf 0 g)/Contents(written on it)>>";
    let cjk = b"<</Type/Font/Subtype/Type0/BaseFont/STSong-Light/Encoding/UniGB-UCS2-H/DescendantFonts[11 0 R]>>";
    let descendant = b"<</Type/Font/Subtype/CIDFontType0/BaseFont/STSong-Light/CIDSystemInfo<</Registry(Adobe)/Ordering(GB1)/Supplement 2>>>>";
    let hanzi = "BT /C 24 Tf 72 700 Td <4E2D6587> Tj ET";
    vec![
        Case {
            name: "white text is no ink",
            file: file(&[text(), with("1 g BT /F 24 Tf 72 700 Td (white on white) Tj ET", FONT)], "", &[]),
            kept: &[1],
        },
        Case {
            name: "machine-read text over a blank scan is not visible",
            file: file(&[with(ocr, image), text()], "", &[(10, blank.clone())]),
            kept: &[2],
        },
        Case {
            name: "a scan with writing is content",
            file: file(&[with(scan, image), text()], "", &[(10, written)]),
            kept: &[1, 2],
        },
        Case {
            name: "a scan of nothing but noise is blank",
            file: file(&[text(), with(scan, image), text()], "", &[(10, blank)]),
            kept: &[1, 3],
        },
        Case {
            name: "hidden layers stay hidden and are not visible",
            file: file(&[with(layer, layers), with(&both, layers)], off, &group),
            kept: &[2],
        },
        Case {
            name: "annotations are content, with an appearance and without",
            file: file(
                &[
                    Page { content: "", resources: "", more: "/Annots[10 0 R]" },
                    Page { content: "", resources: "", more: "/Annots[12 0 R]" },
                    Page::default(),
                ],
                "",
                &[(10, square.to_vec()), (11, drawn.to_vec()), (12, free.to_vec())],
            ),
            kept: &[1, 2],
        },
        Case {
            name: "text in a font that nobody has is kept",
            file: file(
                &[with(hanzi, "/Font<</C 10 0 R>>"), text()],
                "",
                &[(10, cjk.to_vec()), (11, descendant.to_vec())],
            ),
            kept: &[1, 2],
        },
        Case {
            name: "operators without marks are empty",
            file: file(&[with("q 1 0 0 1 0 0 cm Q 100 100 200 200 re n", ""), text(), with(" \n ", "")], "", &[]),
            kept: &[2],
        },
        Case {
            name: "five pages, and no more",
            file: file(&[text(), text(), Page::default(), text(), text(), text(), text()], "", &[]),
            kept: &[1, 2, 4, 5, 6],
        },
        Case {
            name: "a resource may be called like an attachment",
            file: file(
                &[with(
                    "q 300 0 0 300 50 50 cm /EF Do Q BT /AA 24 Tf 72 700 Td (x) Tj ET",
                    "/XObject<</EF 10 0 R>>/Font<</AA 3 0 R>>",
                )],
                "",
                &[(10, gray_image(8, 8, |x, y| (x * 30 + y) as u8))],
            ),
            kept: &[1],
        },
        Case {
            name: "one page of nothing is kept",
            file: file(&[Page::default(), Page::default()], "", &[]),
            kept: &[1],
        },
        Case {
            name: "pale and thin marks are seen",
            file: file(
                &[
                    with("0.8 g 100 100 300 300 re f", ""),
                    with("0.4 w 0.3 G 72 400 m 500 400 l S", ""),
                    with("1 0.97 0.6 rg 0 0 595 842 re f", ""),
                ],
                "",
                &[],
            ),
            kept: &[1, 2, 3],
        },
    ]
}

/// A file of so many photos, one on each page, `side` pixels wide.
pub(crate) fn photos(jpegs: &[(usize, usize, Vec<u8>)]) -> Vec<u8> {
    let resources: Vec<String> = (0..jpegs.len()).map(|i| format!("/XObject<</I {} 0 R>>", 50 + i)).collect();
    let pages: Vec<Page<'_>> = resources
        .iter()
        .map(|resources| Page { content: "q 595 0 0 842 0 0 cm /I Do Q", resources, more: "" })
        .collect();
    let images: Vec<(u32, Vec<u8>)> = (50..)
        .zip(jpegs)
        .map(|(id, (width, height, data))| {
            let dict = format!("/Width {width}/Height {height}/ColorSpace/DeviceRGB/Filter/DCTDecode");
            (id, image(&dict, data))
        })
        .collect();
    file(&pages, "", &images)
}

/// A photo in the content itself, and one behind a filter that makes text of it, each on a page.
pub(crate) fn wrapped(width: usize, height: usize, jpeg: &[u8]) -> Vec<u8> {
    let digits = jpeg.iter().fold(String::with_capacity(jpeg.len() * 2 + 1), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    let inside = format!(
        "q 595 0 0 842 0 0 cm BI /W {width} /H {height} /CS /RGB /BPC 8 /F [/AHx /DCT] ID {digits}>\nEI Q {TEXT}"
    );
    let behind = format!("/Width {width}/Height {height}/ColorSpace/DeviceRGB/Filter[/ASCIIHexDecode/DCTDecode]");
    let pages = [
        Page { content: &inside, resources: FONT, more: "" },
        Page { content: "q 595 0 0 842 0 0 cm /I Do Q", resources: "/XObject<</I 50 0 R>>", more: "" },
    ];
    file(&pages, "", &[(50, image(&behind, format!("{digits}>").as_bytes()))])
}

/// A page of samples that were packed with LZW, and one of stripes as a fax machine packs them.
pub(crate) fn lzw_and_fax(width: usize, height: usize, packed: &[u8], fax: &[u8]) -> Vec<u8> {
    let lzw = format!("/Width {width}/Height {height}/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/LZWDecode");
    let dict = "/Width 1725/Height 400/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode\
                /DecodeParms<</K -1/Columns 1725/Rows 400>>";
    let pages = ["/XObject<</I 50 0 R>>", "/XObject<</I 51 0 R>>"].map(|resources| Page {
        content: "q 595 0 0 842 0 0 cm /I Do Q",
        resources,
        more: "",
    });
    file(&pages, "", &[(50, image(&lzw, packed)), (51, image(dict, fax))])
}

/// A photo that stands on its page `points` wide.
pub(crate) fn small_photo(width: usize, height: usize, jpeg: &[u8], points: u32) -> Vec<u8> {
    let content = format!("q 0 {points} -{points} 0 300 300 cm /I Do Q");
    let page = Page { content: &content, resources: "/XObject<</I 50 0 R>>", more: "" };
    let dict = format!("/Width {width}/Height {height}/ColorSpace/DeviceRGB/Filter/DCTDecode");
    file(&[page], "", &[(50, image(&dict, jpeg))])
}

/// Puts a file together: 1 catalog, 2 page tree, 3 Helvetica, pages from 100, contents from 200.
fn file(pages: &[Page<'_>], catalog: &str, more: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut objects: Vec<(u32, Vec<u8>)> = more.to_vec();
    let mut kids = String::new();
    for (n, page) in (0..).zip(pages) {
        write!(kids, "{} 0 R ", 100 + n).unwrap();
        let content = if page.content.is_empty() { String::new() } else { format!("/Contents {} 0 R", 200 + n) };
        let body = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<<{}>>{content}{}>>",
            page.resources, page.more
        );
        objects.push((100 + n, body.into_bytes()));
        let body = format!("<</Length {}>>\nstream\n{}\nendstream", page.content.len(), page.content);
        objects.push((200 + n, body.into_bytes()));
    }
    objects.push((1, format!("<</Type/Catalog/Pages 2 0 R{catalog}>>").into_bytes()));
    objects.push((2, format!("<</Type/Pages/Count {}/Kids[{kids}]>>", pages.len()).into_bytes()));
    objects.push((3, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec()));
    objects.sort();
    let mut out = b"%PDF-1.7\n".to_vec();
    let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
    for (id, body) in &objects {
        write!(table, "{id} 1\n{:010} 00000 n \n", out.len()).unwrap();
        out.extend_from_slice(format!("{id} 0 obj\n").as_bytes());
        out.extend_from_slice(body);
        out.extend_from_slice(b"\nendobj\n");
    }
    let (start, size) = (out.len(), objects.last().unwrap().0 + 1);
    write!(table, "trailer\n<</Size {size}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n").unwrap();
    out.extend_from_slice(table.as_bytes());
    out
}

fn gray_image(width: usize, height: usize, pixel: impl Fn(usize, usize) -> u8) -> Vec<u8> {
    let data: Vec<u8> = (0..width * height).map(|i| pixel(i % width, i / width)).collect();
    image(&format!("/Width {width}/Height {height}/ColorSpace/DeviceGray"), &data)
}

fn image(dict: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("<</Type/XObject/Subtype/Image/BitsPerComponent 8{dict}/Length {}>>\nstream\n", data.len());
    [head.as_bytes(), data, b"\nendstream"].concat()
}

fn noise(x: usize, y: usize) -> u8 {
    let n = (x as u64 * 73_856_093) ^ (y as u64 * 19_349_663);
    (n.wrapping_mul(6_364_136_223_846_793_005) >> 40) as u8
}

/// One page of plain samples, 144 points wide and high: the image with this dictionary is object 13, `more` is what its
/// dictionary refers to.
pub(crate) fn of_samples(dict: &str, data: &[u8], more: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let page = Page { content: "q 144 0 0 144 50 50 cm /I Do Q", resources: "/XObject<</I 13 0 R>>", more: "" };
    let head = format!("<</Type/XObject/Subtype/Image{dict}/Length {}>>\nstream\n", data.len());
    let mut objects = more.to_vec();
    objects.push((13, [head.as_bytes(), data, b"\nendstream"].concat()));
    file(&[page], "", &objects)
}

/// A stream of these bytes.
pub(crate) fn plain(dict: &str, data: &[u8]) -> Vec<u8> {
    [format!("<<{dict}/Length {}>>\nstream\n", data.len()).as_bytes(), data, b"\nendstream"].concat()
}

/// A page of strips, each a JPEG of this size inside the content.
pub(crate) fn strips(width: usize, height: usize, jpegs: &[Vec<u8>]) -> Vec<u8> {
    let mut content = String::new();
    let high = 700.0 / jpegs.len() as f64;
    for (n, jpeg) in jpegs.iter().enumerate() {
        let low = 750.0 - high * (n + 1) as f64;
        write!(content, "q 500 0 0 {high} 50 {low} cm BI /W {width} /H {height} /CS /G /BPC 8 /F [/AHx /DCT] ID ")
            .unwrap();
        jpeg.iter().for_each(|byte| write!(content, "{byte:02x}").unwrap());
        content.push_str(">\nEI Q\n");
    }
    file(&[Page { content: &content, resources: "", more: "" }], "", &[])
}
