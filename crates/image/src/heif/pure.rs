//! The decoders that are always there, both in Rust: `rust_h265` for what cameras write (4:2:0 and
//! 4:4:4, 8 to 12 bits) and `heic-decoder` for what it refuses (grey and 4:2:2).
//!
//! Both were fuzzed by their authors and decode damaged input to errors; should one of them panic
//! all the same, that is caught here and costs one picture.

use std::panic::{AssertUnwindSafe, catch_unwind};

use heic_decoder::isobmff::{HevcDecoderConfig, HevcNalArray, ResolvedImage};
use heic_decoder::{HeifError, decode_one_image};
use rust_h265::{DecodeError, DecodeLimits, Decoder, PixelData, parse_nal};

use super::decoder::{Data, Frame, HevcDecoder, Samples};
use super::hvcc::{Config, is_slice, kind_and_layer, nal};
use super::sps::Sps;
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;

/// An end-of-sequence NAL unit: closes the picture in progress, and the next one starts afresh.
const END_OF_SEQUENCE: [u8; 2] = [36 << 1, 1];

/// Chooses by the chroma format that the SPS names.
#[derive(Default)]
pub(super) struct Pure {
    /// Lives as long as the configuration record stays the same: the tiles of a grid.
    common: Option<Common>,
}

struct Common {
    decoder: Decoder,
    record: Vec<u8>,
}

impl HevcDecoder for Pure {
    fn decode(
        &mut self,
        config: &Config<'_>,
        units: &[&[u8]],
        limits: &Limits,
        sink: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        // Whatever a panic leaves behind is dropped with `self.common`, which is put back on
        // success only.
        let kept = self.common.take();
        let done = catch_unwind(AssertUnwindSafe(|| match config.sps.chroma_format {
            1 | 3 => common(kept, config, units, limits, sink).map(Some),
            _ => rare(config, units, sink).map(|()| None),
        }));
        self.common = done.unwrap_or_else(|_| Err(Error::corrupt("the HEVC decoder gave up on impossible data")))?;
        Ok(())
    }
}

/// `rust_h265`. Returns itself for the next picture.
fn common(
    kept: Option<Common>,
    config: &Config<'_>,
    units: &[&[u8]],
    limits: &Limits,
    sink: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
) -> Result<Common, Error> {
    let mut common = match kept.filter(|c| c.record == config.raw) {
        Some(common) => common,
        None => Common::new(config, limits)?,
    };
    for unit in units {
        if matches!(kind_and_layer(unit), Some((nal::VPS..=nal::PPS, _))) || is_slice(unit) {
            common.feed(unit)?;
        }
    }
    let frame = common.feed(&END_OF_SEQUENCE)?.ok_or_else(|| Error::corrupt("picture data without a picture"))?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let samples = |data, width, height, depth| Samples { data, width, height, stride: width, depth };
    let (chroma_width, chroma_height) =
        if frame.chroma_format_idc == 1 { (width.div_ceil(2), height.div_ceil(2)) } else { (width, height) };
    let chroma = |plane| samples(data_of(plane), chroma_width, chroma_height, config.sps.chroma_depth);
    sink(&Frame {
        y: samples(data_of(&frame.y), width, height, frame.bit_depth),
        chroma: Some([chroma(&frame.u), chroma(&frame.v)]),
    })?;
    Ok(common)
}

fn data_of(plane: &PixelData) -> Data<'_> {
    match plane {
        PixelData::U8(samples) => Data::U8(samples),
        PixelData::U16(samples) => Data::U16(samples),
    }
}

impl Common {
    fn new(config: &Config<'_>, limits: &Limits) -> Result<Self, Error> {
        let limits =
            DecodeLimits { max_picture_pixels: limits.max_pixels, max_picture_memory_bytes: limits.max_memory };
        let mut common = Self { decoder: Decoder::with_limits(limits), record: config.raw.to_vec() };
        for unit in &config.parameter_sets {
            common.feed(unit)?;
        }
        Ok(common)
    }

    /// One NAL unit of a type that matters.
    fn feed(&mut self, unit: &[u8]) -> Result<Option<rust_h265::Frame>, Error> {
        let unit = parse_nal(unit).ok_or_else(|| Error::corrupt("a malformed NAL unit"))?;
        self.decoder.decode_nal(&unit).map_err(|e| {
            let (kind, detail) = match &e {
                DecodeError::Unsupported(_) => {
                    (ErrorKind::UnsupportedFeature, "HEVC coding tools that are not decoded")
                }
                DecodeError::ResourceLimit(_) => (ErrorKind::TooLarge, "the HEVC picture needs too much memory"),
                DecodeError::UnexpectedEof => (ErrorKind::Truncated, "HEVC picture data ends too early"),
                _ => (ErrorKind::Corrupt, "HEVC picture data is damaged"),
            };
            Error::with_source(kind, detail, e)
        })
    }
}

/// `heic-decoder`, whose coded-picture level is used without its container part.
fn rare(
    config: &Config<'_>,
    units: &[&[u8]],
    sink: &mut dyn FnMut(&Frame<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let sps = &config.sps;
    let mut data = Vec::with_capacity(units.iter().map(|u| u.len() + 4).sum());
    for unit in units.iter().filter(|u| is_slice(u)) {
        // A unit is a piece of a file whose lengths have at most 32 bits.
        data.extend((unit.len() as u32).to_be_bytes());
        data.extend_from_slice(unit);
    }
    let arrays = [nal::VPS, nal::SPS, nal::PPS].map(|kind| HevcNalArray {
        nal_unit_type: kind,
        nalus: config
            .parameter_sets
            .iter()
            .filter(|u| kind_and_layer(u).is_some_and(|(k, _)| k == kind))
            .map(|u| u.to_vec())
            .collect(),
    });
    let image = ResolvedImage {
        hevc_config: HevcDecoderConfig {
            length_size_minus_one: 3,
            arrays: arrays.into(),
            ..HevcDecoderConfig::default()
        },
        data,
    };
    let (_, picture) = decode_one_image(&image).map_err(|e| {
        let (kind, detail) = match &e {
            HeifError::Unsupported(_) => (ErrorKind::UnsupportedFeature, "HEVC coding tools that are not decoded"),
            HeifError::LimitExceeded(_) => (ErrorKind::TooLarge, "the HEVC picture needs too much memory"),
            HeifError::Truncated { .. } => (ErrorKind::Truncated, "HEVC picture data ends too early"),
            _ => (ErrorKind::Corrupt, "HEVC picture data is damaged"),
        };
        Error::with_source(kind, detail, e)
    })?;
    if (picture.y.width, picture.y.height) != (sps.coded_width as usize, sps.coded_height as usize) {
        return Err(Error::corrupt("an HEVC picture of another size than its parameter set names"));
    }
    let (width, chroma_width) = (picture.y.width, picture.cb.width);
    let (y, cb, cr) = (picture.y.into_samples(), picture.cb.into_samples(), picture.cr.into_samples());
    let chroma = match sps.subsampling() {
        None => None,
        Some(s) => {
            let step = (usize::from(s.horizontal), usize::from(s.vertical));
            let plane = |samples| window(sps, samples, chroma_width, step, sps.chroma_depth);
            Some([plane(&cb)?, plane(&cr)?])
        }
    };
    sink(&Frame { y: window(sps, &y, width, (1, 1), sps.depth)?, chroma })
}

/// The conformance window of one plane.
fn window<'a>(
    sps: &Sps,
    samples: &'a [i32],
    stride: usize,
    (step_x, step_y): (usize, usize),
    depth: u8,
) -> Result<Samples<'a>, Error> {
    let start = sps.top as usize / step_y * stride + sps.left as usize / step_x;
    let data = samples.get(start..).ok_or_else(|| Error::corrupt("an HEVC picture smaller than its window"))?;
    Ok(Samples {
        data: Data::I32(data),
        width: (sps.width as usize).div_ceil(step_x),
        height: (sps.height as usize).div_ceil(step_y),
        stride,
        depth,
    })
}
