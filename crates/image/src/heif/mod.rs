//! HEIF files with HEVC pictures: what phones call HEIC.
//!
//! A box parser of our own in safe Rust reads the container; nothing of it is C, and nothing of it
//! allocates by a number that the file names. [`Heif::read`] looks at boxes and parameter sets
//! only, [`Heif::decode`] gives the primary picture's planes before any turn or mirroring. What is
//! left to do is [`Heif::orientation`]: turning after the resize moves a sixth of the samples.
//!
//! | room | what it knows |
//! |---|---|
//! | `boxes` | numbers and nested boxes |
//! | `meta` | items, their bytes, properties and references |
//! | `track` | the first picture of a sequence |
//! | `picture` | single pictures, grids, derived pictures |
//! | `overlay` | pictures laid over each other |
//! | `geometry` | turns, mirrors and crops, in the file's order |
//! | `hvcc`, `sps` | HEVC parameter sets: the size that a decoder is going to allocate, colour |
//! | `decoder` | the door to the decoders: `pure` (Rust, always there), `avcodec` (libavcodec) |
//! | `walk` | whether coded data end where they should, which no decoder tells |
//! | `without` | what stands in for the decoders without the feature `heif` |
//! | `foreign` | libheif, for what all this refuses: feature `libheif`, in locked-down workers only |
//! | `canvas` | tiles to planes, clean apertures, alpha |
//!
//! Only `irot` and `imir` turn a HEIF picture. The EXIF orientation that cameras write beside them
//! says how the sensor was held and must not be applied again; where it stands alone, it is not
//! applied either, and every other reader agrees.

#[cfg(feature = "heif")]
#[expect(unsafe_code, reason = "libavcodec is C; the one audited file that speaks to it")]
mod avcodec;
mod boxes;
mod canvas;
mod decoder;
#[cfg(feature = "libheif")]
pub(crate) mod foreign;
mod geometry;
mod hvcc;
mod meta;
mod overlay;
mod picture;
#[cfg(feature = "heif")]
mod pure;
mod sps;
#[cfg(test)]
#[cfg(feature = "heif")]
pub(crate) mod tests;
mod track;
mod walk;
#[cfg(not(feature = "heif"))]
mod without;

#[cfg(test)]
#[cfg(feature = "heif")]
use std::borrow::Cow;

use sealpress_media::Dimensions;

#[cfg(feature = "heif")]
use self::avcodec::Native;
#[cfg(feature = "heif")]
pub(crate) use self::avcodec::available as native_available;
use self::boxes::Reader;
use self::canvas::{Canvas, Keep, Sheet};
use self::geometry::Geometry;
use self::meta::{Item, Meta};
use self::overlay::Overlay;
#[cfg(feature = "libheif")]
use self::picture::extents;
use self::picture::{Picture, find_property};
#[cfg(feature = "heif")]
use self::pure::Pure;
pub(crate) use self::sps::Colour;
#[cfg(not(feature = "heif"))]
pub(crate) use self::without::native_available;
#[cfg(not(feature = "heif"))]
use self::without::{Native, Pure};
use crate::deep::Deep;
use crate::error::{Error, ErrorKind};
use crate::hdr::Transfer;
use crate::limits::Limits;
use crate::planes::{Matrix, Planes, Range, Siting, Subsampling};

/// Auxiliary types that mean alpha (23008-12 § 6.9, 23091-2).
const ALPHA: [&[u8]; 2] = [b"urn:mpeg:hevc:2015:auxid:1", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"];

/// Apple's HDR gain map; ISO's is an item of type `tmap`.
const GAIN_MAP: &[u8] = b"urn:com:apple:photo:2020:aux:hdrgainmap";

/// A HEIF file whose header was read and judged; no picture data has been looked at.
pub(crate) struct Heif<'a> {
    meta: Option<Meta<'a>>,
    /// Of an overlay, that of its lowest layer, which says what kind of samples all have.
    picture: Picture<'a>,
    overlay: Option<Overlay<'a>>,
    alpha: Option<Picture<'a>>,
    alpha_geometry: Option<Geometry>,
    premultiplied: bool,
    geometry: Geometry,
    dimensions: Dimensions,
    colour: Option<Colour>,
    icc: Option<&'a [u8]>,
    frames: u32,
    gain_map: bool,
}

impl<'a> Heif<'a> {
    /// Reads the container, holding every size to the limits.
    ///
    /// # Errors
    /// `unsupported-format` for AVIF inside, `unsupported-feature` for pictures that are not HEVC
    /// or derived in unusual ways, `too-large`, `truncated` and `corrupt`.
    pub(crate) fn read(file: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        if cfg!(not(feature = "heif")) {
            let why = "HEIC: this program was built without the feature `heif`";
            return Err(Error::new(ErrorKind::UnsupportedFormat, why));
        }
        let (mut meta, mut moov) = (None, None);
        let mut r = Reader::new(file);
        while meta.is_none() || moov.is_none() {
            match r.next_box() {
                Ok(Some(b)) if b.cut && matches!(&b.kind, b"meta" | b"moov") => {
                    return Err(Error::truncated("a HEIF file that ends inside of its metadata"));
                }
                Ok(Some(b)) if &b.kind == b"meta" && meta.is_none() => meta = Some(b.body),
                Ok(Some(b)) if &b.kind == b"moov" && moov.is_none() => moov = Some(b.body),
                Ok(Some(_)) => {}
                Err(e) if meta.is_none() && moov.is_none() => return Err(e),
                Ok(None) | Err(_) => break,
            }
        }
        match (meta, moov) {
            (Some(meta), None) => Self::still(file, meta, limits),
            (Some(meta), Some(moov)) => {
                Self::still(file, meta, limits).or_else(|e| Self::sequence(file, moov, limits).map_err(|_| e))
            }
            (None, Some(moov)) => Self::sequence(file, moov, limits),
            (None, None) => Err(Error::corrupt("a HEIF file without metadata")),
        }
    }

    /// The size, upright, of a picture whose coding is not read here.
    ///
    /// # Errors
    /// As [`read`](Self::read), and `corrupt` where the file does not say.
    #[cfg(feature = "libheif")]
    pub(crate) fn outline(file: &'a [u8]) -> Result<Dimensions, Error> {
        let mut r = Reader::new(file);
        while let Some(found) = r.next_box()? {
            if &found.kind != b"meta" {
                continue;
            }
            let meta = Meta::read(file, found.body)?;
            let properties = meta.properties(meta.primary()?.id)?;
            let size = extents(&properties)?.ok_or_else(|| Error::corrupt("a HEIF picture without a size"))?;
            let mut geometry = Geometry::of(size.0, size.1);
            properties.iter().try_for_each(|property| geometry.apply(property))?;
            let size = Dimensions::new(geometry.crop.width, geometry.crop.height)?;
            return Ok(if crate::orient::transposes(geometry.orientation()) { size.transposed() } else { size });
        }
        Err(Error::corrupt("a HEIF file without metadata"))
    }

    /// Size of the planes that [`decode`](Self::decode) gives: after clean apertures, before turns.
    pub(crate) fn dimensions(&self) -> Dimensions {
        self.dimensions
    }

    /// What remains to be done to the planes, as an EXIF orientation from 1 to 8.
    pub(crate) fn orientation(&self) -> u8 {
        self.geometry.orientation()
    }

    /// Bits per luma sample in the file.
    pub(crate) fn bit_depth(&self) -> u8 {
        self.picture.sps().depth
    }

    /// How chroma is sampled; `None` for a grey picture.
    pub(crate) fn subsampling(&self) -> Option<Subsampling> {
        self.picture.sps().subsampling()
    }

    /// Whether there is no colour. An overlay always has some.
    pub(crate) fn is_gray(&self) -> bool {
        self.subsampling().is_none() && self.overlay.is_none()
    }

    pub(crate) fn has_alpha(&self) -> bool {
        self.alpha.is_some() || self.overlay.as_ref().is_some_and(Overlay::has_alpha)
    }

    /// Whether the file has an HDR gain map, which is left out.
    pub(crate) fn has_gain_map(&self) -> bool {
        self.gain_map
    }

    /// Pictures in the sequence; 1 for a still.
    pub(crate) fn frames(&self) -> u32 {
        self.frames
    }

    /// Colour as H.273 numbers, from the container or else from the HEVC stream.
    pub(crate) fn colour(&self) -> Option<Colour> {
        self.colour
    }

    /// The ICC profile.
    pub(crate) fn icc(&self) -> Option<&'a [u8]> {
        self.icc
    }

    /// The TIFF structure of the EXIF item: read by tests only, since EXIF does not turn a HEIF.
    #[cfg(all(test, feature = "heif"))]
    pub(crate) fn exif(&self) -> Option<Cow<'a, [u8]>> {
        let meta = self.meta.as_ref()?;
        let primary = meta.primary().ok()?.id;
        let describes = meta.referring(b"cdsc", primary).ok()?;
        let item = meta.items().iter().find(|i| &i.kind == b"Exif" && describes.contains(&i.id))?;
        let data = meta.data(item.id).ok()?;
        let skip = Reader::new(&data).uint(4).ok()?;
        let start = usize::try_from(skip).ok()?.checked_add(4).filter(|&n| n <= data.len())?;
        Some(match data {
            Cow::Borrowed(bytes) => Cow::Borrowed(&bytes[start..]),
            Cow::Owned(bytes) => Cow::Owned(bytes[start..].to_vec()),
        })
    }

    /// What in the file contradicts itself without harm to the picture.
    pub(crate) fn irregularities(&self) -> &[String] {
        &self.picture.irregularities
    }

    /// Bytes that [`decode`](Self::decode) holds at its peak, its result included.
    pub(crate) fn memory(&self) -> u64 {
        if let Some(overlay) = &self.overlay {
            let pixels = u64::from(overlay.width) * u64::from(overlay.height);
            let crops = self.geometry.crop != Geometry::of(overlay.width, overlay.height).crop;
            return overlay.memory() + if crops { pixels * 4 } else { 0 };
        }
        let samples = |s: Option<Subsampling>| match s {
            None => 2,
            Some(s) => 2 + 4 / (u64::from(s.horizontal) * u64::from(s.vertical)),
        };
        // In half bytes per pixel of the canvas; a crop copies it once more.
        let plane = |p: &Picture<'_>, s| u64::from(p.width) * u64::from(p.height) * s / 2;
        let mut bytes = plane(&self.picture, samples(self.subsampling()));
        if self.geometry.crop != Geometry::of(self.picture.width, self.picture.height).crop {
            bytes *= 2;
        }
        if self.is_deep() {
            // The lower bits, and the planes of sRGB, which stand beside them until all rows are converted.
            bytes = 2 * bytes + 3 * u64::from(self.picture.width) * u64::from(self.picture.height);
        }
        let mut tile = canvas::tile_memory(&self.picture);
        if let Some(alpha) = &self.alpha {
            bytes += 2 * plane(alpha, 2);
            tile = tile.max(canvas::tile_memory(alpha));
        }
        bytes + tile
    }

    /// Decodes the primary picture on this thread. `native` allows libavcodec where the machine has
    /// it; what it refuses, and everything where it is not, goes through the decoders in Rust.
    ///
    /// # Errors
    /// `truncated` and `corrupt` for damaged data: nothing is concealed that a decoder noticed.
    /// `unsupported-feature` for rare HEVC tools, `too-large` beyond the limits.
    pub(crate) fn decode(&self, limits: &Limits, native: bool) -> Result<Planes, Error> {
        limits.memory(self.memory())?;
        self.decode_with(self.meta.as_ref(), limits, native)
    }

    /// The same with all bits of each sample, for [deep](Self::is_deep) pictures.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub(crate) fn decode_deep(&self, limits: &Limits, native: bool) -> Result<Deep, Error> {
        limits.memory(self.memory())?;
        let (high, low) = self.decode_item(self.meta.as_ref(), limits, native, Keep::Deep)?;
        let Some(Sheet { y, chroma }) = low else { return Err(Error::internal("a deep decode without its depth")) };
        Ok(Deep {
            high,
            low: std::iter::once(y).chain(chroma.into_iter().flatten()).collect(),
            depth: self.bit_depth(),
        })
    }

    /// Whether samples have more than eight bits and need them: high dynamic range. Overlays, and alpha that
    /// was multiplied in, are composed of eight bits all the same.
    pub(crate) fn is_deep(&self) -> bool {
        let sps = self.picture.sps();
        let hdr = self.colour.and_then(|c| Transfer::from_cicp(u8::try_from(c.transfer).ok()?)).is_some();
        hdr && sps.depth > 8 && sps.chroma_depth == sps.depth && self.overlay.is_none() && !self.premultiplied
    }

    fn decode_with(&self, meta: Option<&Meta<'_>>, limits: &Limits, native: bool) -> Result<Planes, Error> {
        if let Some(overlay) = &self.overlay {
            return Ok(canvas::cut_out(overlay.compose(meta, limits, native)?, self.geometry.crop));
        }
        Ok(self.decode_item(meta, limits, native, Keep::Rounded)?.0)
    }

    fn decode_item(
        &self,
        meta: Option<&Meta<'_>>,
        limits: &Limits,
        native: bool,
        keep: Keep,
    ) -> Result<(Planes, Option<Sheet>), Error> {
        let mut decoders = canvas::Decoders::new(limits, native)?;
        let canvas = Canvas::decode(&self.picture, meta, limits, &mut decoders, keep)?;
        let sps = self.picture.sps();
        let (mut planes, low) = canvas.crop(self.geometry.crop).into_planes();
        planes.matrix = self.matrix()?;
        planes.range = match self.colour {
            Some(c) if c.full_range => Range::Full,
            // Where nobody says, H.265 E.3.1 infers 0.
            _ => Range::Limited,
        };
        planes.siting = match sps.chroma_location {
            1 | 3 | 5 => Siting::Centre,
            2 => Siting::TopLeft,
            _ => Siting::Left,
        };
        if let (Some(alpha), Some(geometry)) = (&self.alpha, &self.alpha_geometry) {
            let canvas = Canvas::decode(alpha, meta, limits, &mut decoders, Keep::Luma)?;
            let alpha = canvas.crop(geometry.crop).into_planes().0.y;
            planes.alpha = Some(canvas::fit(alpha, planes.y.width, planes.y.height));
            if self.premultiplied {
                canvas::unpremultiply(&mut planes);
            }
        }
        Ok((planes, low))
    }

    fn still(file: &'a [u8], body: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let meta = Meta::read(file, body)?;
        let primary = meta.primary()?;
        let mut heif = match &primary.kind {
            b"iovl" => Self::overlaid(&meta, primary, limits)?,
            _ => Self::item(&meta, primary, limits)?,
        };
        heif.gain_map |= meta.items().iter().any(|i| &i.kind == b"tmap");
        heif.meta = Some(meta);
        Ok(heif)
    }

    /// A picture that is coded, or derived from one that is, with its alpha.
    fn item(meta: &Meta<'a>, item: Item, limits: &Limits) -> Result<Self, Error> {
        let picture = Picture::resolve(meta, item, limits)?;
        let geometry = picture.geometry()?;
        let mut heif = Self::assemble(picture, geometry, limits)?;
        heif.find_auxiliary(meta, limits)?;
        Ok(heif)
    }

    fn overlaid(meta: &Meta<'a>, item: Item, limits: &Limits) -> Result<Self, Error> {
        let overlay = Overlay::read(meta, item, limits)?;
        let properties = picture::understood(meta, item)?;
        let mut geometry = Geometry::of(overlay.width, overlay.height);
        properties.iter().try_for_each(|property| geometry.apply(property))?;
        let first = overlay.first()?;
        let (colour, icc) = (first.colour, first.icc);
        let mut heif = Self::assemble(first.picture.clone(), geometry, limits)?;
        (heif.colour, heif.icc, heif.overlay) = (colour, icc, Some(overlay));
        Ok(heif)
    }

    fn sequence(file: &'a [u8], moov: &'a [u8], limits: &Limits) -> Result<Self, Error> {
        let first = track::first_frame(file, moov, limits)?;
        let mut heif = Self::assemble(first.picture, first.geometry, limits)?;
        heif.frames = first.frames.max(1);
        Ok(heif)
    }

    fn assemble(picture: Picture<'a>, geometry: Geometry, limits: &Limits) -> Result<Self, Error> {
        let dimensions = limits.dimensions(geometry.crop.width, geometry.crop.height)?;
        let (colour, icc) = colours(&picture);
        Ok(Self {
            meta: None,
            // What says three times that it does not say is nobody's word against the coded picture's.
            colour: colour.filter(|c| !c.is_unspecified()).or(picture.sps().colour).or(colour),
            icc,
            picture,
            overlay: None,
            alpha: None,
            alpha_geometry: None,
            premultiplied: false,
            geometry,
            dimensions,
            frames: 1,
            gain_map: false,
        })
    }

    /// Alpha belongs to the primary item or to what it is derived from.
    fn find_auxiliary(&mut self, meta: &Meta<'a>, limits: &Limits) -> Result<(), Error> {
        self.find_alpha(meta, limits)?;
        if self.alpha.is_none() && self.picture.tiles.len() > 1 {
            self.find_tile_alpha(meta, limits)?;
        }
        Ok(())
    }

    /// Alpha of the tiles one by one.
    fn find_tile_alpha(&mut self, meta: &Meta<'a>, limits: &Limits) -> Result<(), Error> {
        let (auxiliary, multiplied) = (meta.arrows(b"auxl")?, meta.arrows(b"prem")?);
        let mut alpha = Vec::with_capacity(self.picture.tiles.len());
        for tile in self.picture.tile_items() {
            let start = auxiliary.partition_point(|(to, _)| *to < tile);
            let mut of_tile = None;
            // Real tiles have one auxiliary picture, or two.
            for (_, id) in auxiliary[start..].iter().take_while(|(to, _)| *to == tile).take(4) {
                if of_tile.is_none() && auxiliary_type(&meta.properties(*id)?).is_some_and(|t| ALPHA.contains(&t)) {
                    of_tile = Some(*id);
                }
            }
            // The arrow goes from the picture to its alpha.
            self.premultiplied |= of_tile.is_some_and(|id| multiplied.binary_search(&(id, tile)).is_ok());
            alpha.push(of_tile);
        }
        self.alpha = self.picture.tile_alpha(meta, &alpha, limits)?;
        self.alpha_geometry = self.alpha.is_some().then_some(self.geometry);
        Ok(())
    }

    fn find_alpha(&mut self, meta: &Meta<'a>, limits: &Limits) -> Result<(), Error> {
        let owners: Vec<u32> = self.picture.chain.iter().map(|(id, _)| *id).collect();
        for owner in owners {
            for id in meta.referring(b"auxl", owner)? {
                let properties = meta.properties(id)?;
                let Some(kind) = auxiliary_type(&properties) else { continue };
                self.gain_map |= kind == GAIN_MAP;
                if ALPHA.contains(&kind) && self.alpha.is_none() {
                    let picture = Picture::resolve(meta, meta.item(id)?, limits)?;
                    self.alpha_geometry = Some(picture.geometry()?);
                    self.alpha = Some(picture);
                    self.premultiplied = meta.references(b"prem", owner, 64)?.contains(&id);
                }
            }
        }
        Ok(())
    }

    fn matrix(&self) -> Result<Matrix, Error> {
        let Some(colour) = self.colour else { return Ok(Matrix::Bt601) };
        match colour.matrix {
            _ if self.subsampling().is_none() => Ok(Matrix::Bt601),
            0 if self.subsampling() == Some(Subsampling::S444) => Ok(Matrix::Identity),
            // 7 is SMPTE 240M, within a hundredth of BT.709; 12 derives it from the primaries.
            1 | 7 => Ok(Matrix::Bt709),
            12 if colour.primaries == 9 => Ok(Matrix::Bt2020),
            12 => Ok(Matrix::Bt709),
            9 | 10 => Ok(Matrix::Bt2020),
            8 | 11 | 14.. => Err(Error::new(
                ErrorKind::UnsupportedFeature,
                format!("HEIF with the colour matrix {} of H.273", colour.matrix),
            )),
            // 2 is "unspecified", for which still pictures mean the matrix of JPEG.
            _ => Ok(Matrix::Bt601),
        }
    }
}

/// What an auxiliary picture is for.
fn auxiliary_type<'a>(properties: &[meta::Property<'a>]) -> Option<&'a [u8]> {
    find_property(properties, b"auxC")?.get(4..)?.split(|&b| b == 0).next()
}

/// The container's colour: that of the outermost item which has one, or of a grid's first tile.
fn colours<'a>(picture: &Picture<'a>) -> (Option<Colour>, Option<&'a [u8]>) {
    let (mut colour, mut icc) = (None, None);
    let lists = picture.chain.iter().map(|(_, properties)| properties).chain([&picture.coded_properties]);
    for property in lists.flatten().filter(|p| &p.kind == b"colr") {
        let mut r = Reader::new(property.body);
        match r.four_cc() {
            Ok(kind) if &kind == b"nclx" && colour.is_none() => colour = nclx(&mut r).ok(),
            Ok(kind) if matches!(&kind, b"prof" | b"rICC") && icc.is_none() && !r.is_empty() => icc = Some(r.rest()),
            _ => {}
        }
    }
    (colour, icc)
}

fn nclx(r: &mut Reader<'_>) -> Result<Colour, Error> {
    Ok(Colour { primaries: r.u16()?, transfer: r.u16()?, matrix: r.u16()?, full_range: r.u8()? & 0x80 != 0 })
}
