//! The recipes of `testdata`: which specimen is made how.

use crate::media::{MediaManifest, MediaSpec};
use crate::{
    Exif, IccProfile, Jpeg, Layout, Png, PngKind, Rgb, Sampling, Shot, WebP, bill_page, driving_licence, id_card_back,
    id_card_front, passport_page, pdf_bill, pdf_cases, pdf_scan, pdf_statement, photograph, screenshot, selfie,
};
use sha2::{Digest, Sha256};

/// A specimen and how to make it.
pub struct Specimen {
    spec: MediaSpec,
    make: Option<Box<dyn Fn() -> Vec<u8>>>,
}

impl std::fmt::Debug for Specimen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Specimen").field(&self.spec.path).finish()
    }
}

impl Specimen {
    /// Path relative to `testdata`.
    pub fn path(&self) -> &str {
        &self.spec.path
    }

    /// The bytes, made anew; for a specimen that was encoded once, the committed file.
    pub fn make(&self) -> Vec<u8> {
        self.make.as_ref().map_or_else(|| self.spec.bytes(), |make| make())
    }

    /// The manifest's entry for these bytes.
    pub fn describe(&self, bytes: &[u8]) -> MediaSpec {
        MediaSpec { sha256: sha256_hex(bytes), ..self.spec.clone() }
    }

    fn new(path: &str, recipe: &str, context: &str, make: impl Fn() -> Vec<u8> + 'static) -> Self {
        let mut specimen = Self::encoded_once(path, recipe, context);
        specimen.spec.is_reproducible = true;
        specimen.make = Some(Box::new(make));
        specimen
    }

    fn encoded_once(path: &str, recipe: &str, context: &str) -> Self {
        let format = path.split('/').next().unwrap_or_default().to_owned();
        let spec = MediaSpec {
            path: path.to_owned(),
            sha256: String::new(),
            recipe: recipe.to_owned(),
            is_reproducible: false,
            session: format.clone(),
            format,
            stored: None,
            upright: None,
            orientation: None,
            pages: None,
            kept: None,
            context: context.to_owned(),
        };
        Self { spec, make: None }
    }

    /// Seen as `width` × `height`; stored with its sides changed if `orientation` turns it.
    fn picture(mut self, width: u32, height: u32, orientation: u8) -> Self {
        let is_turned = (5..=8).contains(&orientation);
        self.spec.stored = Some(if is_turned { [height, width] } else { [width, height] });
        self.spec.upright = Some([width, height]);
        self.spec.orientation = Some(orientation);
        self
    }

    /// Turned by boxes of the format, so that EXIF says nothing.
    fn turned_by_boxes(mut self) -> Self {
        self.spec.stored = self.spec.stored.map(|[width, height]| [height, width]);
        self
    }

    fn pages(mut self, pages: u32, kept: &[u32]) -> Self {
        self.spec.pages = Some(pages);
        self.spec.kept = Some(kept.to_vec());
        self
    }
}

/// SHA-256 in lower-case hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All specimens in the manifest's order.
pub fn specimens() -> Vec<Specimen> {
    let mut all = jpegs();
    all.extend(others());
    all.extend(heics());
    all.extend(pdfs());
    all
}

/// The manifest of these files, ready to be written.
pub fn manifest_of(made: &[(Specimen, Vec<u8>)]) -> MediaManifest {
    MediaManifest::new(made.iter().map(|(specimen, bytes)| specimen.describe(bytes)).collect())
}

fn front_photo(seed: u64, width: u32, height: u32) -> Rgb {
    photograph(&id_card_front(seed, width * 7 / 10), &Shot::new(width, height), seed)
}

fn back_photo(seed: u64, width: u32, height: u32) -> Rgb {
    photograph(&id_card_back(seed, width * 7 / 10), &Shot::new(width, height), seed + 1)
}

fn jpegs() -> Vec<Specimen> {
    let mut all = vec![
        Specimen::new(
            "jpeg/id-front-12mp.jpg",
            "photograph(id_card_front(seed 1, 2800 wide), 4032x3024, noise 0.5); quality 72, 4:2:0, EXIF",
            "document-front",
            || {
                let shot = Shot::new(4032, 3024).noise(0.5);
                let photo = photograph(&id_card_front(1, 2800), &shot, 1);
                Jpeg::new(&photo).quality(72).optimized().orientation(1).encode()
            },
        )
        .picture(4032, 3024, 1),
        Specimen::new(
            "jpeg/id-back-p3-422.jpg",
            "back photo seed 1, 2016x1512; quality 78, 4:2:2, Display P3 profile",
            "document-back",
            || {
                let photo = back_photo(1, 2016, 1512);
                Jpeg::new(&photo).quality(78).sampling(Sampling::S422).icc(IccProfile::DisplayP3).encode()
            },
        )
        .picture(2016, 1512, 1),
        Specimen::new(
            "jpeg/selfie-progressive-444.jpg",
            "selfie seed 1, 1512x2016 stored for orientation 6; progressive, quality 80, 4:4:4, EXIF",
            "face",
            || {
                let picture = selfie(1, 1512, 2016).stored_for(6);
                let jpeg = Jpeg::new(&picture).quality(80).sampling(Sampling::S444);
                jpeg.progressive().orientation(6).encode()
            },
        )
        .picture(1512, 2016, 6),
        Specimen::new(
            "jpeg/passport-cmyk.jpg",
            "passport_page seed 1, 1200 wide; CMYK with an Adobe marker, quality 80",
            "document-front",
            || Jpeg::new(&passport_page(1, 1200)).quality(80).cmyk().encode(),
        )
        .picture(1200, 844, 1),
        Specimen::new(
            "jpeg/passport-gray-small.jpg",
            "passport_page seed 2, 901 wide; one component, quality 80: already conforms",
            "document-front",
            || Jpeg::new(&passport_page(2, 901)).quality(80).gray().encode(),
        )
        .picture(901, 634, 1),
        Specimen::new(
            "jpeg/driving-licence.jpg",
            "photograph(driving_licence(seed 3, 1400 wide), 1920x1440, noise 2, seed 3); quality 80",
            "document-front",
            || {
                let shot = Shot::new(1920, 1440).noise(2.0);
                let photo = photograph(&driving_licence(3, 1400), &shot, 3);
                Jpeg::new(&photo).quality(80).orientation(1).encode()
            },
        )
        .picture(1920, 1440, 1),
        Specimen::new(
            "jpeg/bill-photo-restart.jpg",
            "photograph(bill_page(seed 3, 1300 wide), 1512x2016, seed 4) stored for orientation 8; \
             quality 78, 4:2:0, restart markers every 64 units",
            "address-front",
            || {
                let photo = photograph(&bill_page(3, 1_300), &Shot::new(1512, 2016), 4);
                let stored = photo.stored_for(8);
                Jpeg::new(&stored).quality(78).restart(64).orientation(8).encode()
            },
        )
        .picture(1512, 2016, 8),
    ];
    for orientation in 1..=8u8 {
        let is_front = orientation % 2 == 1;
        let mut specimen = Specimen::new(
            &format!("jpeg/orientation-{orientation}.jpg"),
            &format!(
                "{} photo seed 10, 1280x960 stored for orientation {orientation}; quality 76, 4:2:0, EXIF",
                if is_front { "front" } else { "back" }
            ),
            if is_front { "document-front" } else { "document-back" },
            move || {
                let photo = if is_front { front_photo(10, 1280, 960) } else { back_photo(10, 1280, 960) };
                let stored = photo.stored_for(orientation);
                Jpeg::new(&stored).quality(76).orientation(u16::from(orientation)).encode()
            },
        )
        .picture(1280, 960, orientation);
        specimen.spec.session = "orientations".to_owned();
        all.push(specimen);
    }
    all
}

fn others() -> Vec<Specimen> {
    vec![
        Specimen::new("png/screenshot.png", "screenshot seed 4, 828x1792; 8-bit RGB", "address-front", || {
            Png::new(&screenshot(4, 828, 1792)).encode()
        })
        .picture(828, 1792, 1),
        Specimen::new(
            "png/id-front-alpha.png",
            "id_card_front seed 4, 760 wide; 8-bit RGBA, edges fading to nothing",
            "document-front",
            || {
                let card = id_card_front(4, 760);
                let alpha = fading_edges(card.width, card.height);
                Png::new(&card).kind(PngKind::Rgba8).alpha(alpha).encode()
            },
        )
        .picture(760, 479, 1),
        Specimen::new(
            "png/id-back-palette.png",
            "id_card_back seed 4, 1000 wide; palette of 216 with tRNS",
            "document-back",
            || Png::new(&id_card_back(4, 1000)).kind(PngKind::Palette8Transparent).encode(),
        )
        .picture(1000, 631, 1),
        Specimen::new(
            "png/selfie-exif-6.png",
            "selfie seed 4, 480x640 stored for orientation 6; 16-bit gray, eXIf",
            "face",
            || {
                let picture = selfie(4, 480, 640).stored_for(6);
                Png::new(&picture).kind(PngKind::Gray16).exif(Exif::new(6)).encode()
            },
        )
        .picture(480, 640, 6),
        Specimen::new(
            "webp/id-front-lossless.webp",
            "id_card_front seed 21, 800 wide; lossless, Display P3 profile",
            "document-front",
            || WebP::new(&id_card_front(21, 800)).icc(IccProfile::DisplayP3).encode(),
        )
        .picture(800, 504, 1),
        Specimen::encoded_once(
            "webp/id-back-lossy.webp",
            "photograph(id_card_back(seed 21, 1100 wide), Shot::new(1600, 1200), seed 22) as PNG, \
             then Pillow 13.0.0 (libwebp 1.6.0) quality=75, method=4",
            "document-back",
        )
        .picture(1600, 1200, 1),
        Specimen::encoded_once(
            "webp/selfie-lossy-exif8.webp",
            "selfie(seed 21, 1200x1600) stored for orientation 8 as PNG, then Pillow 13.0.0 \
             (libwebp 1.6.0) quality=75, method=4, exif with orientation 8 only",
            "face",
        )
        .picture(1200, 1600, 8),
    ]
}

fn heics() -> Vec<Specimen> {
    let encoder = "as PNG, then pillow-heif 1.8.1 (libheif 1.23.6, x265 4.3) quality=55, chroma=420";
    vec![
        Specimen::encoded_once(
            "heic/id-front.heic",
            &format!("photograph(id_card_front(seed 31, 1400 wide), Shot::new(2016, 1512), seed 31) {encoder}"),
            "document-front",
        )
        .picture(2016, 1512, 1),
        Specimen::encoded_once(
            "heic/id-back.heic",
            &format!("photograph(id_card_back(seed 31, 1100 wide), Shot::new(1600, 1200), seed 32) {encoder}"),
            "document-back",
        )
        .picture(1600, 1200, 1),
        Specimen::encoded_once(
            "heic/selfie.heic",
            &format!("photograph(selfie(seed 31, 1100x1400), Shot::new(1200, 1600).noise(1.0), seed 33) {encoder}"),
            "face",
        )
        .picture(1200, 1600, 1),
        Specimen::encoded_once(
            "heic/selfie-irot-3.heic",
            "selfie.heic decoded, turned by a quarter against the clock and encoded again by pillow-heif 1.8.1 \
             quality=55, chroma=420; then an irot box of three quarter turns, which undoes the turn, as \
             heif_with_transforms adds it",
            "face",
        )
        .picture(1200, 1600, 1)
        .turned_by_boxes(),
        Specimen::encoded_once(
            "heic/selfie-imir.heic",
            "selfie.heic decoded, mirrored left to right and encoded again by pillow-heif 1.8.1 quality=55, \
             chroma=420; then an imir box of axis 1, which undoes the mirroring, as heif_with_transforms adds it",
            "face",
        )
        .picture(1200, 1600, 1),
    ]
}

fn pdfs() -> Vec<Specimen> {
    let loaded = || {
        let mut cases = pdf_cases(41).into_iter();
        cases.find(|case| case.name == "loaded-with-extras").map(|case| case.bytes).unwrap_or_default()
    };
    vec![
        Specimen::new("pdf/bill.pdf", "pdf_bill seed 41", "address-front", || pdf_bill(41)).pages(1, &[1]),
        Specimen::new(
            "pdf/statement-7-pages.pdf",
            "pdf_statement seed 41, 7 pages, pages 2 and 5 empty, cross-reference table",
            "address-front",
            || pdf_statement(41, 7, &[2, 5], Layout::Table),
        )
        .pages(7, &[1, 3, 4, 6, 7]),
        Specimen::new(
            "pdf/statement-40-pages-object-streams.pdf",
            "pdf_statement seed 42, 40 pages, page 1 empty, object streams",
            "address-front",
            || pdf_statement(42, 40, &[1], Layout::ObjectStreams),
        )
        .pages(40, &[2, 3, 4, 5, 6]),
        Specimen::new(
            "pdf/scan-3-pages.pdf",
            "pdf_scan seed 41, 3 pages at 100 dpi, page 2 is blank paper with noise",
            "address-front",
            || pdf_scan(41, 3, &[2], 100),
        )
        .pages(3, &[1, 3]),
        Specimen::new(
            "pdf/loaded-with-extras.pdf",
            "pdf_cases seed 41, loaded-with-extras: scripts, actions, attachment, XMP, all to vanish",
            "address-front",
            loaded,
        )
        .pages(1, &[1]),
    ]
}

/// Opaque in the middle, fading over the outer 16 pixels.
fn fading_edges(width: u32, height: u32) -> Vec<u8> {
    let fade = |x: u32, y: u32| {
        let edge = x.min(y).min(width - 1 - x).min(height - 1 - y);
        (edge * 16).min(255) as u8
    };
    (0..height).flat_map(|y| (0..width).map(move |x| fade(x, y))).collect()
}

#[cfg(test)]
mod tests {
    use super::{sha256_hex, specimens};
    use crate::media_manifest;

    #[test]
    fn every_file_is_what_the_manifest_says_and_recipes_repeat() {
        let manifest = media_manifest();
        let specimens = specimens();
        assert_eq!(manifest.media.len(), specimens.len());
        for (spec, specimen) in manifest.media.iter().zip(&specimens) {
            let bytes = spec.bytes();
            assert_eq!(sha256_hex(&bytes), spec.sha256, "{}", spec.path);
            assert_eq!(*spec, specimen.describe(&bytes), "{}", spec.path);
            assert!(specimen.make() == bytes, "{} does not repeat", spec.path);
        }
    }

    #[test]
    fn the_folder_holds_nothing_else_and_stays_small() {
        let manifest = media_manifest();
        let mut total = 0;
        for folder in ["jpeg", "png", "webp", "heic", "pdf"] {
            for file in std::fs::read_dir(crate::testdata_root().join(folder)).unwrap() {
                let file = file.unwrap();
                let path = format!("{folder}/{}", file.file_name().to_string_lossy());
                assert!(manifest.media.iter().any(|spec| spec.path == path), "{path}");
                total += file.metadata().unwrap().len();
            }
        }
        assert!(total < 6_000_000, "{total} bytes");
    }
}
