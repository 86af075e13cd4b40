//! One picture from its file to a file that conforms: which way it takes, and everything behind the decoder.

mod passing;

use bytes::Bytes;
use sealpress_media::{Dimensions, Format, Judged, Media};

use crate::colour::{Colour, Declared};
use crate::decode::{Codecs, Decoded, Request};
use crate::encode::{self, Encoded};
use crate::error::{Error, ErrorKind};
use crate::estimate;
use crate::heif::Heif;
use crate::jpeg::decode;
use crate::jpeg::scan::Scan;
use crate::jpeg::turbo::Shrink;
use crate::jpeg::walk::{self, Walk};
use crate::orient;
use crate::plan;
use crate::png::{self, chunks::Chunks};
use crate::policy::{Metadata, Policy, Profiles, Undersized};
use crate::probe::Probe;
use crate::render::{self, Tools, Wanted};
use crate::report::{Action, Report, Stopwatch, Timings, Warning};
use crate::resize::Resizer;
use crate::webp::Container;

/// Makes pictures conform to a [`Policy`]. One per worker: it keeps codecs, weights and buffers from
/// picture to picture, and uses no threads of its own.
pub struct Normalizer {
    policy: Policy,
    codecs: Option<Codecs>,
    resizer: Resizer,
    encoded: Vec<u8>,
}

/// A picture that conforms, and how it came to.
#[derive(Clone, Debug)]
pub struct Normalized {
    media: Media,
    report: Report,
}

impl Normalized {
    /// The picture as it may be sent.
    #[must_use]
    pub const fn media(&self) -> &Media {
        &self.media
    }

    /// The picture, given away.
    #[must_use]
    pub fn into_media(self) -> Media {
        self.media
    }

    /// What was done and why.
    #[must_use]
    pub const fn report(&self) -> &Report {
        &self.report
    }
}

/// Why a HEIC is encoded anew.
const HEIC_STAYS_NOWHERE: &str = "the provider does not take HEIC";

/// Buffers above this many bytes are let go after a picture.
const KEPT_BYTES: usize = 48 << 20;

impl Normalizer {
    /// A worker for this policy. Codecs are made with the first picture.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self { policy, codecs: None, resizer: Resizer::new(), encoded: Vec::new() }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Most bytes of memory that [`Self::normalize`] holds for this picture, its output included,
    /// the input file not. Counts what the codecs written in C allocate too.
    #[must_use]
    pub fn estimate(&self, probe: &Probe) -> u64 {
        estimate::estimate(&self.policy, probe)
    }

    /// What [`Self::normalize`] would do, as far as the header tells.
    #[must_use]
    pub fn plan(&self, probe: &Probe) -> Vec<Action> {
        plan::plan(&self.policy, probe)
    }

    /// Makes the picture conform.
    ///
    /// # Errors
    /// See [`ErrorKind`]; the picture is never half done. After an error the normalizer is as good
    /// as new.
    pub fn normalize(&mut self, media: &Media) -> Result<Normalized, Error> {
        let mut codecs = match self.codecs.take() {
            Some(codecs) => codecs,
            None => Codecs::new()?,
        };
        let mut job = Job {
            policy: &self.policy,
            media,
            watch: Stopwatch::start(self.policy.time_budget),
            timings: Timings::default(),
            actions: Vec::new(),
            warnings: Vec::new(),
            judged: None,
            resizer: &mut self.resizer,
            encoded: &mut self.encoded,
            codecs: &mut codecs,
        };
        let result = job.run();
        codecs.pool.shrink(KEPT_BYTES);
        codecs.meter.shrink(KEPT_BYTES);
        if self.encoded.capacity() > KEPT_BYTES {
            self.encoded = Vec::new();
        }
        // A codec that failed is not asked again.
        if result.is_ok() {
            self.codecs = Some(codecs);
        }
        result
    }
}

impl std::fmt::Debug for Normalizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Normalizer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

/// One picture on its way.
struct Job<'a> {
    policy: &'a Policy,
    media: &'a Media,
    watch: Stopwatch,
    timings: Timings,
    actions: Vec<Action>,
    warnings: Vec<Warning>,
    judged: Option<Judged>,
    resizer: &'a mut Resizer,
    encoded: &'a mut Vec<u8>,
    codecs: &'a mut Codecs,
}

/// Where the picture is and where it goes.
#[derive(Clone, Copy)]
struct Aim {
    stored: Dimensions,
    orientation: u8,
    upright: Dimensions,
    target: Dimensions,
}

impl Aim {
    /// The target as stored.
    const fn wanted(self) -> Dimensions {
        if orient::transposes(self.orientation) { self.target.transposed() } else { self.target }
    }

    /// Whether only a turn is missing, or nothing.
    fn fits(self) -> bool {
        self.upright == self.target
    }
}

impl Job<'_> {
    fn run(&mut self) -> Result<Normalized, Error> {
        match self.media.format() {
            Format::Jpeg => self.jpeg(),
            Format::Png => self.png(),
            Format::WebP => self.webp(),
            Format::Heic => self.heif(),
            other => Err(Error::new(ErrorKind::UnsupportedFormat, format!("{other} is not a picture"))),
        }
    }

    fn jpeg(&mut self) -> Result<Normalized, Error> {
        let bytes = self.media.bytes().clone();
        let scan = Scan::whole(&bytes)?;
        let stored = decode::check(&scan, &self.policy.limits())?;
        let aim = self.aim(stored, scan.orientation.unwrap_or(1))?;
        if scan.multi_picture {
            self.warnings.push(Warning::FurtherPicturesDropped);
        }
        self.watch.lap(&mut self.timings.scan);
        let strong = self.has_strong_profile(Declared::icc(scan.icc.as_deref()), scan.frame.factors.len());
        let common = decode::is_common(&scan) && scan.end.is_some() && scan.is_complete() && !strong;
        let mut walked = None;
        if self.policy.pass_through && self.policy.takes(Format::Jpeg) && aim.fits() && common {
            self.policy.limits().memory(decode::memory(&scan, Shrink::One))?;
            let limits = self.policy.limits();
            let (walk, luma) = if self.judges() {
                walk::walk_with_luma(&mut self.codecs.jpeg, &bytes, &limits, &mut self.codecs.pool)
            } else {
                (walk::walk(&mut self.codecs.jpeg, &bytes, &limits), None)
            };
            self.watch.check()?;
            // Bytes that are no picture hide in no picture.
            let tidy = matches!(walk, Walk::Whole { end, stray: 0, odd_padding: false } if end == scan.data_end());
            self.judge_and_give(luma.filter(|_| tidy))?;
            if tidy
                && aim.orientation == 1
                && let Some(done) = self.pass_jpeg(&bytes, &scan, aim)
            {
                return Ok(done);
            }
            if tidy
                && aim.orientation != 1
                && let Some(done) = self.turn_jpeg(&bytes, &scan, aim)?
            {
                return Ok(done);
            }
            walked = Some(walk);
        }
        let decoded = self.decode(aim, |codecs, request| codecs.jpeg(&bytes, &scan, walked, request))?;
        self.finish(decoded, aim, false, "JPEG is what every provider takes")
    }

    fn png(&mut self) -> Result<Normalized, Error> {
        let bytes = self.media.bytes().clone();
        let chunks = Chunks::whole(&bytes)?;
        let stored = self.policy.limits().dimensions(chunks.width, chunks.height)?;
        let aim = self.aim(stored, chunks.orientation.unwrap_or(1))?;
        if chunks.frames > 1 {
            self.actions.push(Action::FirstFrame { frames: chunks.frames });
        }
        self.watch.lap(&mut self.timings.scan);
        self.note_lost(&chunks);
        let keep = self.policy.metadata == Metadata::Keep;
        let still = chunks.frames == 1 || !keep;
        let takes = self.policy.takes(Format::Png);
        if self.policy.pass_through && takes && aim.fits() && aim.orientation == 1 && chunks.end.is_some() && still {
            let meaning = png::meaning(&bytes, &chunks, &self.policy.limits())?;
            let components = if chunks.is_gray() { 1 } else { 3 };
            if !self.has_strong_profile(meaning.declared(), components)
                && self.png_passes(&bytes, &chunks)?
                && let Some(done) = self.pass(&bytes, chunks.rewritten(&bytes, keep), aim, meaning.icc())
            {
                return Ok(done);
            }
        }
        let stays = takes && plan::is_screenshot_like(&chunks);
        let decoded = self.decode(aim, |codecs, request| codecs.png(&bytes, &chunks, stays, request))?;
        let reason = if stays { "flat areas and sharp edges stay lossless" } else { "a photo is smaller as JPEG" };
        self.finish(decoded, aim, stays, reason)
    }

    fn webp(&mut self) -> Result<Normalized, Error> {
        let bytes = self.media.bytes().clone();
        let container = Container::read(&bytes)?;
        let stored = self.policy.limits().dimensions(container.width, container.height)?;
        let aim = self.aim(stored, container.orientation.unwrap_or(1))?;
        self.watch.lap(&mut self.timings.scan);
        let keep = self.policy.metadata == Metadata::Keep;
        let icc = container.icc.clone().map(|range| &bytes[range]);
        let whole = (container.picture_width, container.picture_height) == (container.width, container.height);
        let plain = !container.animated && whole && !container.truncated;
        let plain = plain && !self.has_strong_profile(Declared::icc(icc), 3);
        if self.policy.pass_through
            && self.policy.takes(Format::WebP)
            && aim.fits()
            && aim.orientation == 1
            && plain
            && self.webp_passes(&bytes, &container)?
            && let Some(done) = self.pass(&bytes, container.rewritten(&bytes, keep), aim, icc)
        {
            return Ok(done);
        }
        if container.frames > 1 {
            self.actions.push(Action::FirstFrame { frames: container.frames });
        }
        let decoded = self.decode(aim, |codecs, request| codecs.webp(&bytes, &container, request))?;
        self.finish(decoded, aim, false, "JPEG is what every provider takes")
    }

    fn heif(&mut self) -> Result<Normalized, Error> {
        let bytes = self.media.bytes().clone();
        let heif = match Heif::read(&bytes, &self.policy.limits()) {
            Ok(heif) => heif,
            Err(refused) => return self.foreign_heif(&bytes, refused),
        };
        let aim = self.aim(heif.dimensions(), heif.orientation())?;
        if heif.has_gain_map() {
            self.warnings.push(Warning::FurtherPicturesDropped);
        }
        if heif.frames() > 1 {
            self.actions.push(Action::FirstFrame { frames: heif.frames() });
        }
        self.watch.lap(&mut self.timings.scan);
        match self.decode(aim, |codecs, request| codecs.heif(&heif, request)) {
            Ok(decoded) => self.finish(decoded, aim, false, HEIC_STAYS_NOWHERE),
            Err(refused) => self.foreign_heif(&bytes, refused),
        }
    }

    /// What our own reader refuses, by the second one, where that may be asked.
    #[cfg(feature = "libheif")]
    fn foreign_heif(&mut self, bytes: &Bytes, refused: Error) -> Result<Normalized, Error> {
        let unread = matches!(refused.kind(), ErrorKind::UnsupportedFormat | ErrorKind::UnsupportedFeature);
        if !unread || !self.policy.libheif {
            return Err(refused);
        }
        let outline = Heif::outline(bytes)?;
        let size = self.policy.limits().dimensions(outline.width(), outline.height())?;
        self.warnings.clear();
        self.actions.clear();
        let aim = self.aim(size, 1)?;
        let decoded = self.decode(aim, |codecs, request| codecs.foreign_heif(bytes, size, request))?;
        let complaint = format!("{}; libheif has read it", refused);
        self.warnings.push(Warning::Irregular { complaint });
        self.finish(decoded, aim, false, HEIC_STAYS_NOWHERE)
    }

    #[cfg(not(feature = "libheif"))]
    #[expect(clippy::unused_self, reason = "the feature `libheif` has more to do here")]
    fn foreign_heif(&mut self, _: &Bytes, refused: Error) -> Result<Normalized, Error> {
        Err(refused)
    }

    /// Judges the size and settles the target.
    fn aim(&mut self, stored: Dimensions, orientation: u8) -> Result<Aim, Error> {
        let upright = if orient::transposes(orientation) { stored.transposed() } else { stored };
        let target = self.policy.fit(upright);
        if self.policy.is_undersized(upright.fit_within(self.policy.max_width, self.policy.max_height)) {
            match self.policy.undersized {
                Undersized::Refuse => {
                    return Err(Error::new(
                        ErrorKind::Limit,
                        format!(
                            "{upright} is below the minimum of {}×{}",
                            self.policy.min_width, self.policy.min_height
                        ),
                    ));
                }
                Undersized::Accept => self.warnings.push(Warning::UpscalingRefused { size: upright }),
                Undersized::Enlarge => self.warnings.push(Warning::Enlarged { size: upright }),
            }
        }
        Ok(Aim { stored, orientation, upright, target })
    }

    /// Says which parts of a PNG count as not there.
    fn note_lost(&mut self, chunks: &Chunks) {
        if chunks.lost_colour() {
            self.warnings.push(Warning::ProfileIgnored);
        }
        for id in &chunks.lost {
            let complaint = format!("the chunk {} has a wrong checksum and was left out", id.escape_ascii());
            self.warnings.push(Warning::Irregular { complaint });
        }
    }

    fn decode(
        &mut self,
        aim: Aim,
        with: impl FnOnce(&mut Codecs, &mut Request<'_>) -> Result<Decoded, Error>,
    ) -> Result<Decoded, Error> {
        let mut request = Request {
            policy: self.policy,
            limits: self.policy.limits(),
            wanted: aim.wanted(),
            watch: &self.watch,
            actions: &mut self.actions,
            warnings: &mut self.warnings,
        };
        let decoded = with(self.codecs, &mut request)?;
        self.watch.lap(&mut self.timings.decode);
        self.watch.check()?;
        Ok(decoded)
    }

    /// Everything behind the decoder.
    fn finish(&mut self, mut decoded: Decoded, aim: Aim, png: bool, reason: &'static str) -> Result<Normalized, Error> {
        let convert = self.policy.profiles == Profiles::Convert;
        let icc = decoded.icc.take();
        let mut keep = None;
        match &decoded.colour {
            Colour::Srgb => {}
            Colour::Broken => self.warnings.push(Warning::ProfileIgnored),
            Colour::Convert(converter) if convert || icc.is_none() => {
                self.actions.push(Action::ColourConverted { from: converter.name.clone() });
                if converter.hdr {
                    self.warnings.push(Warning::DynamicRangeReduced);
                }
            }
            Colour::Convert(converter) => {
                self.actions.push(Action::ProfileKept { name: converter.name.clone() });
                keep = icc;
            }
        }
        if !aim.fits() {
            self.actions.push(Action::Resized { from: aim.upright, to: aim.target });
        }
        if aim.orientation != 1 {
            self.actions.push(Action::Oriented { from: aim.orientation, lossless: false });
        }
        let wanted = Wanted {
            size: aim.target,
            orientation: aim.orientation,
            filter: self.policy.filter,
            rgb: png,
            convert: keep.is_none(),
        };
        let mut tools =
            Tools { resizer: self.resizer, compressor: &mut self.codecs.compressor, pool: &mut self.codecs.pool };
        let first = encode::quality(self.policy, self.media.format(), decoded.shrink.means() > 1);
        let ready = render::render(decoded, wanted, &mut tools)?;
        self.watch.lap(&mut self.timings.transform);
        let mut ycc = None;
        if self.judges() {
            if png && ready.len() == 3 {
                ycc = Some(encode::to_ycc(&ready, aim.target, self.codecs)?);
            }
            if let Some(luma) = ycc.as_ref().unwrap_or(&ready).first() {
                self.judge(luma)?;
            }
        }
        self.watch.check()?;
        let file = encode::Wanted {
            dimensions: aim.target,
            png,
            quality: first,
            floor: self.policy.quality_floor,
            limit: self.policy.byte_limit(),
            icc: keep.as_deref(),
        };
        let result = encode::encode(file, &ready, ycc, self.codecs, self.encoded);
        for plane in ready {
            self.codecs.pool.give(plane.data);
        }
        let Encoded { bytes, format, quality, first } = result?;
        self.watch.lap(&mut self.timings.encode);
        let reason = if png && format == Format::Jpeg { "as PNG it would be larger" } else { reason };
        self.actions.push(Action::Encoded { format, quality, reason });
        if let Some(quality) = quality.filter(|q| *q < first) {
            self.actions.push(Action::QualityLowered { from: first, to: quality });
        }
        self.done(bytes, aim)
    }

    fn done(&mut self, bytes: Bytes, aim: Aim) -> Result<Normalized, Error> {
        let media =
            Media::sniff(bytes).map_err(|e| Error::with_source(ErrorKind::Internal, "the result is no picture", e))?;
        let report = Report {
            format: self.media.format(),
            output_format: media.format(),
            original: aim.stored,
            dimensions: aim.target,
            actions: std::mem::take(&mut self.actions),
            warnings: std::mem::take(&mut self.warnings),
            judged: self.judged.take(),
            timings: self.timings,
        };
        Ok(Normalized { media, report })
    }
}
