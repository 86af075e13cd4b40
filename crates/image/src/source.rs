//! One decode of any format, up to planes.

use sealpress_jpeg::{Decoder, Encoder};
use sealpress_media::Dimensions;

use crate::colour::{Colour, Declared, Profiles};
use crate::convert::{RgbSink, Target};
use crate::error::{Error, ErrorKind};
use crate::heif::Heif;
use crate::jpeg::decode as jpeg;
use crate::jpeg::scan::Scan;
use crate::jpeg::turbo::{Compressor, Decompressor};
use crate::limits::Limits;
use crate::planes::{Matrix, Plane, Planes, Range, Siting, Subsampling};
use crate::png::{self, chunks::Chunks};
use crate::policy::{Damaged, Policy};
use crate::pool::Pool;
use crate::report::{Action, Stopwatch, Warning};
use crate::webp::{self, Container};

/// A decoded picture, still stored the way the file has it.
pub(crate) struct Decoded {
    pub(crate) planes: Planes,
    /// Size of the whole picture as stored, before the decoder shrank it.
    pub(crate) stored: Dimensions,
    /// By how much the decoder shrank it.
    pub(crate) shrink: u32,
    pub(crate) colour: Colour,
    /// The profile's bytes, where they describe the planes' components.
    pub(crate) icc: Option<Vec<u8>>,
}

/// Codecs and buffers of one worker, kept from picture to picture.
pub(crate) struct Codecs {
    pub(crate) decompressor: Decompressor,
    pub(crate) jpeg: Decoder,
    pub(crate) encoder: Encoder,
    pub(crate) compressor: Compressor,
    pub(crate) pool: Pool,
    pub(crate) profiles: Profiles,
}

/// What a decode is asked to do and where it tells.
pub(crate) struct Request<'a> {
    pub(crate) policy: &'a Policy,
    pub(crate) limits: Limits,
    /// The size wanted, as stored.
    pub(crate) wanted: Dimensions,
    pub(crate) watch: &'a Stopwatch,
    pub(crate) actions: &'a mut Vec<Action>,
    pub(crate) warnings: &'a mut Vec<Warning>,
}

impl Codecs {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self {
            decompressor: Decompressor::new()?,
            jpeg: Decoder::new(),
            encoder: Encoder::new(),
            compressor: Compressor::new()?,
            pool: Pool::default(),
            profiles: Profiles,
        })
    }

    pub(crate) fn jpeg(&mut self, bytes: &[u8], scan: &Scan, request: &mut Request<'_>) -> Result<Decoded, Error> {
        let stored = jpeg::check(scan, &request.limits)?;
        let shrink = jpeg::shrink_for(stored, request.wanted);
        request.limits.memory(jpeg::memory(scan, shrink))?;
        let repaired = scan.repaired(bytes);
        let plan = jpeg::plan(&mut self.decompressor, &repaired, shrink, &request.limits)?;
        let components = match scan.frame.factors.len() {
            1 => 1,
            4 => 4,
            _ => 3,
        };
        let mut colour =
            scan.icc.as_deref().map_or(Colour::Srgb, |icc| self.profiles.resolve(Declared::Icc(icc), components));
        let cmyk = jpeg::cmyk_profile(&colour).cloned();
        let wanted = request.wanted;
        let Self { decompressor, jpeg: decoder, compressor, pool, .. } = self;
        // The sink is made only when the pixels are there, so that its planes can reuse what the
        // decoder gave back.
        let (planes, complaint) = if plan.planar {
            jpeg::planar(decompressor, decoder, &repaired, &plan, &request.limits, pool)?
        } else {
            jpeg::packed(decompressor, &repaired, &plan, cmyk.as_ref(), wanted, compressor, pool)?
        };
        self.judge(scan, complaint, request)?;
        let mut icc = scan.icc.clone();
        if components == 4 {
            // The inks became sRGB on the way.
            let name = cmyk.map_or_else(|| String::from("CMYK"), |c| c.name);
            request.actions.push(Action::ColourConverted { from: name });
            (colour, icc) = (Colour::Srgb, None);
        }
        Ok(Decoded { planes, stored, shrink: shrink.denominator(), colour, icc })
    }

    /// What the decoder complained about, against what the policy takes.
    fn judge(&self, scan: &Scan, complaint: Option<String>, request: &mut Request<'_>) -> Result<(), Error> {
        let accept = request.policy.damaged == Damaged::Accept;
        match (complaint, scan.end.is_some()) {
            (None, true) => {}
            (None, false) if scan.is_complete() => request.warnings.push(Warning::EndMarkerMissing),
            (None, false) if accept => request.warnings.push(Warning::Truncated),
            (None, false) => return Err(Error::truncated("the file ends before the last scans of its picture")),
            (Some(complaint), true) if jpeg::judge(&complaint) == jpeg::Complaint::Harmless => {
                request.warnings.push(Warning::Irregular { complaint });
            }
            (Some(_), false) if accept => request.warnings.push(Warning::Truncated),
            (Some(complaint), true) if accept => request.warnings.push(Warning::Damaged { complaint }),
            (Some(_), false) => return Err(Error::truncated("the file ends before its picture does")),
            (Some(complaint), true) => return Err(Error::corrupt(format!("picture data are damaged: {complaint}"))),
        }
        Ok(())
    }

    pub(crate) fn png(
        &mut self,
        bytes: &[u8],
        chunks: &Chunks,
        as_rgb: bool,
        request: &mut Request<'_>,
    ) -> Result<Decoded, Error> {
        let stored = request.limits.dimensions(chunks.width, chunks.height)?;
        let target = match (as_rgb, chunks.is_gray()) {
            (_, true) if gray(request.policy.background) || !chunks.has_alpha() => Target::Gray,
            (true, _) => Target::Rgb,
            (false, _) => chroma_target(stored, request.wanted),
        };
        request.limits.memory(png::memory(chunks) + plane_bytes(stored, target))?;
        let meaning = png::meaning(bytes, &request.limits)?;
        let components = if target == Target::Gray { 1 } else { 3 };
        let colour = self.profiles.resolve(meaning.declared(), components);
        let sink = RgbSink::new(stored, target, &mut self.pool);
        let planes = png::decode(
            bytes,
            chunks,
            &request.limits,
            request.policy.background,
            sink,
            &mut self.compressor,
            request.watch,
        )?;
        if chunks.has_alpha() {
            request.actions.push(Action::Flattened);
        }
        Ok(Decoded { planes, stored, shrink: 1, colour, icc: meaning.icc().map(<[u8]>::to_vec) })
    }

    pub(crate) fn webp(
        &mut self,
        bytes: &[u8],
        container: &Container,
        request: &mut Request<'_>,
    ) -> Result<Decoded, Error> {
        let stored = request.limits.dimensions(container.width, container.height)?;
        if container.truncated {
            return Err(Error::truncated("the file ends before its picture does"));
        }
        let inner = request.limits.dimensions(container.picture_width, container.picture_height)?;
        let target = chroma_target(stored, request.wanted);
        request
            .limits
            .memory(webp::memory(container) + if container.lossless { plane_bytes(stored, target) } else { 0 })?;
        let icc = container.icc.clone().map(|r| bytes[r].to_vec());
        let colour = icc.as_deref().map_or(Colour::Srgb, |icc| self.profiles.resolve(Declared::Icc(icc), 3));
        let data = &bytes[container.picture.clone()];
        let planes = if container.lossless {
            self.webp_lossless(data, container, stored, inner, target, request)?
        } else {
            self.webp_lossy(data, container, stored, inner, request)?
        };
        if container.alpha || inner != stored {
            request.actions.push(Action::Flattened);
        }
        Ok(Decoded { planes, stored, shrink: 1, colour, icc })
    }

    pub(crate) fn heif(&mut self, heif: &Heif<'_>, request: &mut Request<'_>) -> Result<Decoded, Error> {
        let stored = heif.dimensions();
        let planes = heif.decode(&request.limits, request.policy.native_hevc)?;
        if planes.alpha.is_some() {
            request.actions.push(Action::Flattened);
        }
        let planes = crate::flatten::flatten(planes, request.policy.background, &mut self.pool);
        let components = if planes.chroma.is_some() { 3 } else { 1 };
        let number = |n: u16| u8::try_from(n).unwrap_or(2);
        // A profile says more than the numbers do.
        let declared = match (heif.icc(), heif.colour()) {
            (Some(icc), _) => Declared::Icc(icc),
            (None, Some(c)) => Declared::Cicp { primaries: number(c.primaries), transfer: number(c.transfer) },
            (None, None) => Declared::Srgb,
        };
        let colour = self.profiles.resolve(declared, components);
        Ok(Decoded { planes, stored, shrink: 1, colour, icc: heif.icc().map(<[u8]>::to_vec) })
    }

    fn webp_lossless(
        &mut self,
        data: &[u8],
        container: &Container,
        stored: Dimensions,
        inner: Dimensions,
        target: Target,
        request: &Request<'_>,
    ) -> Result<Planes, Error> {
        let len = inner.bytes(4).ok_or_else(|| Error::too_large("a picture beyond memory"))?;
        let mut pixels = self.pool.take(len);
        webp::codec::rgba(data, inner.width(), inner.height(), &mut pixels)?;
        let mut sink = RgbSink::new(stored, target, &mut self.pool);
        let background = request.policy.background;
        let blank: Vec<u8> = background.iter().copied().cycle().take(stored.width() as usize * 3).collect();
        let mut row = blank.clone();
        let pitch = inner.width() as usize * 4;
        for y in 0..stored.height() {
            let inside = y.checked_sub(container.y).filter(|y| *y < inner.height());
            let Some(inside) = inside else {
                sink.push(&blank, &mut self.compressor)?;
                continue;
            };
            let from = &pixels[inside as usize * pitch..][..pitch];
            let to = &mut row[container.x as usize * 3..];
            for (out, pixel) in to.chunks_exact_mut(3).zip(from.chunks_exact(4)) {
                let alpha = if container.alpha { pixel[3] } else { 255 };
                png::over([pixel[0], pixel[1], pixel[2]], alpha, background, out);
            }
            sink.push(&row, &mut self.compressor)?;
        }
        self.pool.give(pixels);
        sink.finish(&mut self.compressor)
    }

    fn webp_lossy(
        &mut self,
        data: &[u8],
        container: &Container,
        stored: Dimensions,
        inner: Dimensions,
        request: &Request<'_>,
    ) -> Result<Planes, Error> {
        let (w, h) = (inner.width() as usize, inner.height() as usize);
        let (cw, ch) = Subsampling::S420.chroma_size(w, h);
        let mut plane = |w: usize, h: usize| Plane { data: self.pool.take(w * h), width: w, height: h, stride: w };
        let mut yuv = [plane(w, h), plane(cw, ch), plane(cw, ch)];
        let mut alpha = container.alpha.then(|| plane(w, h));
        webp::codec::planes(data, inner.width(), inner.height(), &mut yuv, alpha.as_mut())?;
        let [y, cb, cr] = yuv;
        let planes = Planes {
            y,
            chroma: Some([cb, cr]),
            alpha,
            subsampling: Subsampling::S420,
            siting: Siting::Centre,
            matrix: Matrix::Bt601,
            range: Range::Limited,
        };
        let planes = crate::flatten::flatten(planes, request.policy.background, &mut self.pool);
        if inner == stored {
            return Ok(planes);
        }
        let size = (stored.width() as usize, stored.height() as usize);
        Ok(crate::flatten::place(
            planes,
            request.policy.background,
            size,
            (container.x as usize, container.y as usize),
            &mut self.pool,
        ))
    }
}

/// Whether chroma may be halved while converting: where nothing is scaled (the encoder halves it
/// just so), and where the picture shrinks enough that the halved chroma still has more samples
/// than the output's.
pub(crate) fn chroma_target(stored: Dimensions, wanted: Dimensions) -> Target {
    let enough = stored == wanted || stored.width() >= wanted.width() / 2 * 3;
    if enough { Target::Halved } else { Target::Full }
}

/// Bytes of the planes that a sink makes.
pub(crate) fn plane_bytes(stored: Dimensions, target: Target) -> u64 {
    let luma = u64::from(stored.width().next_multiple_of(2)) * u64::from(stored.height().next_multiple_of(2));
    match target {
        Target::Full | Target::Rgb => luma * 3,
        Target::Halved => luma * 3 / 2,
        Target::Gray => luma,
    }
}

fn gray(rgb: [u8; 3]) -> bool {
    rgb[0] == rgb[1] && rgb[1] == rgb[2]
}

impl From<sealpress_media::DimensionsError> for Error {
    fn from(e: sealpress_media::DimensionsError) -> Self {
        Self::with_source(ErrorKind::Corrupt, "a side of zero pixels", e)
    }
}
