//! One decode of any format, up to planes.

mod heif;
mod verdict;

use std::borrow::Cow;

use sealpress_jpeg::{Decoder, Encoder};
use sealpress_media::Dimensions;
use verdict::{Verdict, ZERO_STEPS};

use crate::colour::{Colour, Converter, Declared, Profiles};
use crate::convert::{RgbSink, Target, chroma_target};
use crate::ending::Ending;
use crate::error::{Error, ErrorKind};
use crate::jpeg::decode as jpeg;
use crate::jpeg::scan::Scan;
use crate::jpeg::turbo::{Compressor, Decompressor, Shrink};
use crate::jpeg::walk::{self, Walk};
use crate::limits::Limits;
use crate::planes::{Matrix, Plane, Planes, Range, Siting, Subsampling};
use crate::png::{self, chunks::Chunks};
use crate::policy::Policy;
use crate::pool::Pool;
use crate::quality::Meter;
use crate::report::{Action, Stopwatch, Warning};
use crate::webp::{self, Container, Lossy};

/// A decoded picture, still stored the way the file has it.
pub(crate) struct Decoded {
    pub(crate) planes: Planes,
    /// Size of the whole picture as stored, before the decoder shrank it.
    pub(crate) stored: Dimensions,
    /// By how much the decoder shrank it.
    pub(crate) shrink: Shrink,
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
    pub(crate) meter: Meter,
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

impl Request<'_> {
    /// High dynamic range became sRGB while it was decoded.
    fn reduced(&mut self, from: &str) {
        self.actions.push(Action::ColourConverted { from: from.to_owned() });
        self.warnings.push(Warning::DynamicRangeReduced);
    }
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
            meter: Meter::new(),
        })
    }

    /// `walked` is what a walk over the file's data found, where there was one.
    pub(crate) fn jpeg(
        &mut self,
        bytes: &[u8],
        scan: &Scan,
        walked: Option<Walk>,
        request: &mut Request<'_>,
    ) -> Result<Decoded, Error> {
        let stored = jpeg::check(scan, &request.limits)?;
        let shrink = jpeg::shrink(scan, stored, request.wanted);
        request.limits.memory(jpeg::memory(scan, shrink))?;
        let (input, walked) = self.usual(bytes, scan, walked, &request.limits);
        let components = match scan.frame.factors.len() {
            1 => 1,
            4 => 4,
            _ => 3,
        };
        let mut colour =
            scan.icc.as_deref().map_or(Colour::Srgb, |icc| self.profiles.resolve(Declared::Icc(icc), components));
        let cmyk = jpeg::cmyk_profile(&colour).cloned();
        let (planes, complaint, odd) = self.jpeg_planes(&input, shrink, cmyk.as_ref(), request)?;
        // What neither decoder minded, everybody reads.
        let walked = match walked {
            None if complaint.is_some() || odd => Some(walk::walk(&mut self.jpeg, &input, &request.limits)),
            walked => walked,
        };
        let verdict = match (walked, complaint) {
            // Where the decoder names something harmless, what broke the walk off may stand behind it.
            (None | Some(Walk::Foreign | Walk::Corrupt), Some(complaint)) => {
                self.second_look(bytes, scan, complaint, shrink, cmyk.as_ref(), request)?
            }
            (None | Some(Walk::Foreign), None) => Verdict::of_scans(scan),
            (Some(walk), complaint) => Verdict::of_walk(walk, complaint, scan, bytes),
        };
        let verdict = if scan.zero_steps { verdict.or_irregular(String::from(ZERO_STEPS)) } else { verdict };
        if scan.end.is_none() && verdict == Verdict::Sound {
            request.warnings.push(Warning::EndMarkerMissing);
        }
        verdict.judge(request)?;
        let mut icc = scan.icc.clone();
        if components == 4 {
            // The inks became sRGB on the way.
            let name = cmyk.map_or_else(|| String::from("CMYK"), |c| c.name);
            request.actions.push(Action::ColourConverted { from: name });
            (colour, icc) = (Colour::Srgb, None);
        }
        Ok(Decoded { planes, stored, shrink, colour, icc })
    }

    /// What a decoder may be given: the file as it came; or, where it has no end marker or its frame does not know
    /// its lines, the picture written anew and cut where its data end.
    fn usual<'a>(
        &mut self,
        bytes: &'a [u8],
        scan: &Scan,
        walked: Option<Walk>,
        limits: &Limits,
    ) -> (Cow<'a, [u8]>, Option<Walk>) {
        if scan.end.is_some() && scan.dnl.is_none() {
            return (Cow::Borrowed(bytes), walked);
        }
        let mut input = scan.rewritten(bytes);
        let mut walk = walk::walk(&mut self.jpeg, &input, limits);
        if let Walk::Whole { end, .. } = &mut walk {
            // As of the file that came, by which it is judged.
            let (written, came) = (input.len() - scan.behind_data(), scan.data_end());
            input.truncate(*end);
            input.extend_from_slice(&[0xFF, 0xD9]);
            *end = (*end + came).saturating_sub(written);
        }
        (Cow::Owned(input), Some(walk))
    }

    fn jpeg_planes(
        &mut self,
        input: &[u8],
        shrink: Shrink,
        cmyk: Option<&Converter>,
        request: &Request<'_>,
    ) -> Result<jpeg::Outcome, Error> {
        let plan = jpeg::plan(&mut self.decompressor, input, shrink, &request.limits)?;
        let Self { decompressor, jpeg: decoder, compressor, pool, .. } = self;
        // The sink is made only when the pixels are there, so that its planes can reuse what the
        // decoder gave back.
        if plan.planar {
            jpeg::planar(decompressor, decoder, input, &plan, &request.limits, pool)
        } else {
            jpeg::packed(decompressor, input, &plan, cmyk, request.wanted, compressor, pool)
        }
    }

    /// The decoder names the first thing that it minds and no other. Where that is harmless, the picture without it
    /// must be one that it minds nothing about.
    fn second_look(
        &mut self,
        bytes: &[u8],
        scan: &Scan,
        complaint: String,
        shrink: Shrink,
        cmyk: Option<&Converter>,
        request: &Request<'_>,
    ) -> Result<Verdict, Error> {
        if jpeg::judge(&complaint) == jpeg::Complaint::Damage {
            return Ok(Verdict::of_complaint(complaint, scan));
        }
        let rewritten = scan.rewritten(bytes);
        let (planes, second, _) = self.jpeg_planes(&rewritten, shrink, cmyk, request)?;
        self.pool.give(planes.y.data);
        planes.chroma.into_iter().flatten().for_each(|plane| self.pool.give(plane.data));
        Ok(match (second, walk::walk(&mut self.jpeg, &rewritten, &request.limits)) {
            (Some(second), _) => Verdict::of_complaint(second, scan),
            (None, walk @ (Walk::Corrupt | Walk::Truncated | Walk::Whole { odd_padding: true, .. })) => {
                Verdict::of_walk(walk, Some(complaint), scan, bytes)
            }
            (None, _) => Verdict::of_scans(scan).or_irregular(complaint),
        })
    }

    pub(crate) fn png(
        &mut self,
        bytes: &[u8],
        chunks: &Chunks,
        as_rgb: bool,
        request: &mut Request<'_>,
    ) -> Result<Decoded, Error> {
        let stored = request.limits.dimensions(chunks.width, chunks.height)?;
        let meaning = png::meaning(bytes, chunks, &request.limits)?;
        // A palette of greys with a profile of colours is colour.
        let is_gray = chunks.is_gray() || png::is_gray(bytes, chunks) && meaning.declared() == Declared::Srgb;
        let target = match (as_rgb, is_gray) {
            (_, true) if gray(request.policy.background) || !chunks.has_alpha() => Target::Gray,
            (true, _) => Target::Rgb,
            (false, _) => chroma_target(stored, request.wanted),
        };
        request.limits.memory(png::memory(chunks) + plane_bytes(stored, target))?;
        let components = if target == Target::Gray { 1 } else { 3 };
        let colour = self.profiles.resolve(meaning.declared(), components);
        let sink = RgbSink::new(stored, target, &mut self.pool);
        let mut meant = png::Wanted { background: request.policy.background, limits: request.limits, tone_map: None };
        let deep = colour.tone_map().filter(|_| chunks.bit_depth == 16).map(|(map, name)| {
            request.reduced(name);
            map
        });
        meant.tone_map = deep;
        let (mut planes, found) = png::decode(bytes, chunks, &meant, sink, &mut self.compressor, request.watch)?;
        let colour = if deep.is_some() { Colour::Srgb } else { colour };
        if matches!(colour, Colour::Srgb) {
            planes.drop_neutral_chroma(&mut self.pool);
        }
        if found.stray_colours {
            let complaint = String::from("pixels for which the palette has no colour are black");
            request.warnings.push(Warning::Irregular { complaint });
        }
        if found.surplus == png::Surplus::Rows {
            let complaint =
                String::from("the picture's data go on behind its last row: look whether all of it is there");
            request.warnings.push(Warning::Irregular { complaint });
        }
        if chunks.end.is_none() {
            request.warnings.push(Warning::EndMarkerMissing);
        }
        if chunks.has_alpha() {
            request.actions.push(Action::Flattened);
        }
        Ok(Decoded { planes, stored, shrink: Shrink::One, colour, icc: meaning.icc().map(<[u8]>::to_vec) })
    }

    /// The luma of a PNG that has no alpha, by the way of those whose rows are not ours to read: of sixteen bits, or
    /// interlaced.
    pub(crate) fn png_luma(
        &mut self,
        bytes: &[u8],
        chunks: &Chunks,
        limits: &Limits,
        watch: &Stopwatch,
    ) -> Result<Plane, Error> {
        let size = limits.dimensions(chunks.width, chunks.height)?;
        let target = if chunks.is_gray() { Target::Gray } else { Target::Halved };
        limits.memory(png::memory(chunks) + plane_bytes(size, target))?;
        let sink = RgbSink::new(size, target, &mut self.pool);
        let wanted = png::Wanted { background: [255; 3], limits: *limits, tone_map: None };
        let (planes, _) = png::decode(bytes, chunks, &wanted, sink, &mut self.compressor, watch)?;
        planes.chroma.into_iter().flatten().for_each(|plane| self.pool.give(plane.data));
        Ok(planes.y)
    }

    /// Whether a WebP may be sent as it is: all of its picture is there, and no pixel is transparent (what would show
    /// through is for nobody but us to choose). And its luma, full range, where that is `wanted`.
    ///
    /// # Errors
    /// `truncated` and `corrupt` where the picture is not whole.
    pub(crate) fn webp_passes(
        &mut self,
        bytes: &[u8],
        container: &Container,
        limits: &Limits,
        wanted: bool,
    ) -> Result<(bool, Option<Plane>), Error> {
        limits.memory(webp::memory(container))?;
        let inner = limits.dimensions(container.picture_width, container.picture_height)?;
        let data = &bytes[container.picture.clone()];
        if container.lossless {
            let (pixels, ending) = self.webp_pixels(data, inner)?;
            let opaque = !container.alpha || pixels.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 255);
            let luma = wanted.then(|| {
                let (width, height) = (inner.width() as usize, inner.height() as usize);
                let mut data = self.pool.take(width * height);
                for (out, pixel) in data.iter_mut().zip(pixels.as_chunks::<4>().0) {
                    *out = crate::convert::luma([pixel[0], pixel[1], pixel[2]]);
                }
                Plane { data, width, height, stride: width }
            });
            self.pool.give(pixels);
            return Ok((opaque && ending == Ending::Exact, luma));
        }
        let is_opaque = |alpha: Option<Plane>, pool: &mut Pool| {
            let opaque = alpha.as_ref().is_none_or(|alpha| alpha.data.iter().all(|a| *a == 255));
            alpha.into_iter().for_each(|alpha| pool.give(alpha.data));
            opaque
        };
        if !wanted {
            let (alpha, ending) = container.walk(bytes, &mut self.pool)?;
            return Ok((is_opaque(alpha, &mut self.pool) && ending == Ending::Exact, None));
        }
        let Lossy { planes: [mut y, cb, cr], alpha, ending } = container.lossy(bytes, &mut self.pool)?;
        [cb, cr].into_iter().for_each(|plane| self.pool.give(plane.data));
        let opaque = is_opaque(alpha, &mut self.pool);
        if ending != Ending::Exact {
            self.pool.give(y.data);
            return Ok((false, None));
        }
        let full: [u8; 256] = std::array::from_fn(|v| {
            ((v as i32 - 16) * 255).clamp(0, 219 * 255).saturating_add(109).div_euclid(219) as u8
        });
        y.data.iter_mut().for_each(|v| *v = full[usize::from(*v)]);
        Ok((opaque, Some(y)))
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
            self.webp_lossy(bytes, container, stored, inner, request)?
        };
        if container.alpha || inner != stored {
            request.actions.push(Action::Flattened);
        }
        // A frame of an animation may be smaller than its canvas; a still picture is not, and most decoders refuse it.
        if inner != stored && !container.animated {
            let complaint = format!("the container speaks of {stored} pixels, the picture has {inner}");
            request.warnings.push(Warning::Irregular { complaint });
        }
        Ok(Decoded { planes, stored, shrink: Shrink::One, colour, icc })
    }

    fn webp_pixels(&mut self, data: &[u8], size: Dimensions) -> Result<(Vec<u8>, Ending), Error> {
        let len = size.bytes(4).ok_or_else(|| Error::too_large("a picture beyond memory"))?;
        let mut pixels = self.pool.take(len);
        let ending = webp::codec::rgba(data, size.width(), size.height(), &mut pixels)?;
        Ok((pixels, ending))
    }

    fn webp_lossless(
        &mut self,
        data: &[u8],
        container: &Container,
        stored: Dimensions,
        inner: Dimensions,
        target: Target,
        request: &mut Request<'_>,
    ) -> Result<Planes, Error> {
        let (pixels, ending) = self.webp_pixels(data, inner)?;
        Verdict::of_ending(ending).judge(request)?;
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
        bytes: &[u8],
        container: &Container,
        stored: Dimensions,
        inner: Dimensions,
        request: &mut Request<'_>,
    ) -> Result<Planes, Error> {
        let Lossy { planes: [y, cb, cr], alpha, ending } = container.lossy(bytes, &mut self.pool)?;
        Verdict::of_ending(ending).judge(request)?;
        if ending == Ending::Beyond {
            return Err(Error::truncated("picture data end early"));
        }
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
