//! What a picture passes through on: proof that it is whole, a judgement of how good it is, and its file without what is
//! no part of it.

use bytes::Bytes;
use sealpress_media::{Preflight, Subject};

use super::{Aim, Job, Normalized};
use crate::colour::{Colour, Declared};
use crate::error::{Error, ErrorKind};
use crate::jpeg::lossless;
use crate::jpeg::scan::Scan;
use crate::planes::Plane;
use crate::png::{self, chunks::Chunks};
use crate::policy::{Metadata, Profiles};
use crate::report::Action;
use crate::webp::Container;

impl Job<'_> {
    /// Sends the file as it is, or without its metadata, if that fits.
    pub(super) fn pass_jpeg(&mut self, bytes: &Bytes, scan: &Scan, aim: Aim) -> Option<Normalized> {
        let out = match self.policy.metadata {
            Metadata::Strip => scan.rewritten(bytes),
            Metadata::Keep => bytes[..scan.end.unwrap_or(bytes.len())].to_vec(),
        };
        self.pass(bytes, out, aim, scan.icc.as_deref())
    }

    /// Moves coefficients instead of pixels, if that is exact and fits.
    pub(super) fn turn_jpeg(&mut self, bytes: &Bytes, scan: &Scan, aim: Aim) -> Result<Option<Normalized>, Error> {
        let Some(turned) = lossless::turn(bytes, scan, aim.orientation, &self.policy.limits()) else {
            return Ok(None);
        };
        if turned.len() as u64 > self.policy.byte_limit() {
            return Ok(None);
        }
        self.watch.lap(&mut self.timings.transform);
        self.actions.push(Action::Oriented { from: aim.orientation, lossless: true });
        self.keep_profile(scan.icc.as_deref());
        self.done(Bytes::from(turned), aim).map(Some)
    }

    /// Whether a PNG may pass; on the way its luma is judged.
    pub(super) fn png_passes(&mut self, bytes: &[u8], chunks: &Chunks) -> Result<bool, Error> {
        let limits = self.policy.limits();
        let (width, height) = (chunks.width as usize, chunks.height as usize);
        let mut luma = self.judges().then(|| self.codecs.pool.take(width * height));
        if let Some(luma) = &mut luma {
            luma.clear();
        }
        let passes = png::passes(bytes, chunks, &limits, &self.watch, luma.as_mut())?;
        let luma = match luma.filter(|_| passes) {
            Some(data) if data.len() == width * height => Some(Plane { data, width, height, stride: width }),
            // Of unusual pictures there were no rows.
            Some(data) => {
                self.codecs.pool.give(data);
                Some(self.codecs.png_luma(bytes, chunks, &limits, &self.watch)?)
            }
            None => None,
        };
        self.judge_and_give(luma)?;
        Ok(passes)
    }

    /// Whether a WebP may pass; on the way its luma is judged.
    pub(super) fn webp_passes(&mut self, bytes: &[u8], container: &Container) -> Result<bool, Error> {
        let (passes, luma) = self.codecs.webp_passes(bytes, container, &self.policy.limits(), self.judges())?;
        self.judge_and_give(luma.filter(|_| passes))?;
        Ok(passes)
    }

    /// The picture as it came, if it is small enough.
    pub(super) fn pass(&mut self, before: &Bytes, after: Vec<u8>, aim: Aim, icc: Option<&[u8]>) -> Option<Normalized> {
        if after.len() as u64 > self.policy.byte_limit() {
            return None;
        }
        self.keep_profile(icc);
        if after.len() < before.len() {
            self.actions.push(Action::Stripped { bytes: (before.len() - after.len()) as u64 });
        }
        self.actions.push(Action::PassedThrough);
        self.watch.lap(&mut self.timings.transform);
        // What was written as it stood needs no memory of its own.
        let after = if after == before[..] { before.clone() } else { Bytes::from(after) };
        self.done(after, aim).ok()
    }

    /// Whether what the file says of its colours must not be left to the receiver: it changes them very much, or it is
    /// broken and everybody makes something else of it.
    pub(super) fn has_strong_profile(&mut self, declared: Declared<'_>, components: usize) -> bool {
        if self.policy.profiles != Profiles::Convert {
            return false;
        }
        let components = if components == 1 { 1 } else { 3 };
        match self.codecs.profiles.resolve(declared, components) {
            Colour::Convert(converter) => converter.strong,
            Colour::Broken => true,
            Colour::Srgb => false,
        }
    }

    /// Notes a profile that is not sRGB and goes along.
    pub(super) fn keep_profile(&mut self, icc: Option<&[u8]>) {
        if let Some(icc) = icc
            && let Colour::Convert(converter) = self.codecs.profiles.resolve(Declared::Icc(icc), 3)
        {
            self.actions.push(Action::ProfileKept { name: converter.name });
        }
    }

    /// Whether somebody wants to know how good the picture is.
    pub(super) fn judges(&self) -> bool {
        self.policy.preflight != Preflight::Off
    }

    /// Measures luma as it goes out, and refuses the picture where the policy says so.
    pub(super) fn judge(&mut self, luma: &Plane) -> Result<(), Error> {
        let quality = self.codecs.meter.measure(luma);
        self.judged = self.policy.preflight.judge(quality, Subject::Document);
        self.watch.lap(&mut self.timings.judge);
        match self.judged.as_ref().and_then(|judged| self.policy.preflight.refuses(judged)) {
            Some(finding) => Err(Error::new(ErrorKind::Quality, finding.to_string())),
            None => Ok(()),
        }
    }

    /// The same of a plane that nobody needs afterwards, where there is one.
    pub(super) fn judge_and_give(&mut self, luma: Option<Plane>) -> Result<(), Error> {
        let Some(luma) = luma else { return Ok(()) };
        let judged = self.judge(&luma);
        self.codecs.pool.give(luma.data);
        judged
    }
}
