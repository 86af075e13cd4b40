//! Pages over the byte limit: plain streams are deflated, then images are re-encoded, largest first,
//! first for 300 and then for 200 dots per inch, and only where that makes them smaller.
//!
//! How large an image stands on its page is not looked up: it is taken to fill the largest page, so
//! that no image ever gets fewer dots per inch than said. Bilevel images (CCITT, JBIG2), masks,
//! palettes and anything unusual stay as they are: re-encoding them would lose what was written.

use std::collections::HashSet;
use std::time::Instant;

use bytes::Bytes;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use turbojpeg::{Compressor, Decompressor, PixelFormat, ScalingFactor, Subsamp};

use crate::inflate;
use crate::jpeg;
use crate::object::{Dict, Id, Object, Stream, Value};
use crate::policy::Policy;
use crate::write::{Document, deflate};

/// Passes: dots per inch on the page, and JPEG quality.
const PASSES: [(f64, i32); 2] = [(300.0, 85), (200.0, 75)];

/// Images below this many bytes are not worth a loss.
const SMALL: usize = 32 * 1024;

/// Decoded bytes of one image.
const MAX_RASTER: u64 = 400 << 20;

/// Room for everything that is not a stream.
const OVERHEAD: u64 = 256 << 10;

/// Makes a document fit, if it can. Returns how many images were re-encoded.
pub(crate) fn shrink(document: &mut Document, policy: &Policy) -> u32 {
    let target = policy.max_bytes.saturating_sub(OVERHEAD);
    if document.stream_bytes() <= target {
        return 0;
    }
    deflate_plain(document);
    let masks = masks(document);
    let page = longest_page(document);
    let mut done = HashSet::new();
    let deadline = Instant::now() + policy.shrink_budget;
    for (dpi, quality) in PASSES {
        let side = page / 72.0 * dpi;
        let mut order: Vec<usize> = (0..document.objects.len()).collect();
        order.sort_by_key(|i| std::cmp::Reverse(size(&document.objects[*i].1)));
        for index in order {
            if document.stream_bytes() <= target || Instant::now() >= deadline {
                return u32::try_from(done.len()).unwrap_or(u32::MAX);
            }
            let (number, value) = &mut document.objects[index];
            let Value::Stream(stream) = value else { continue };
            if stream.data.len() < SMALL || masks.contains(number) {
                continue;
            }
            if let Some(smaller) = reencode(stream, side, quality, policy) {
                *stream = smaller;
                done.insert(*number);
            }
        }
    }
    u32::try_from(done.len()).unwrap_or(u32::MAX)
}

fn size(value: &Value) -> usize {
    if let Value::Stream(stream) = value { stream.data.len() } else { 0 }
}

fn deflate_plain(document: &mut Document) {
    for (_, value) in &mut document.objects {
        let Value::Stream(stream) = value else { continue };
        if stream.data.len() < SMALL || stream.dict.contains(b"Filter") {
            continue;
        }
        let smaller = deflate(&stream.data);
        if smaller.len() < stream.data.len() {
            stream.dict.remove(b"DecodeParms");
            stream.dict.push(b"Filter", Object::name(b"FlateDecode"));
            stream.data = Bytes::from(smaller);
        }
    }
}

/// Images that are another image's mask: lossy edges would show.
fn masks(document: &Document) -> HashSet<u32> {
    let dicts = document.objects.iter().filter_map(|(_, value)| value.dict());
    dicts
        .flat_map(|dict| [b"SMask".as_slice(), b"Mask"].map(|key| dict.get(key).and_then(Object::as_ref_id)))
        .flatten()
        .map(|id: Id| id.number)
        .collect()
}

/// The longest side of any page in points, at least a letter's.
fn longest_page(document: &Document) -> f64 {
    let number = |object: &Object| match object {
        #[expect(clippy::cast_precision_loss, reason = "page sizes")]
        Object::Int(i) => Some(*i as f64),
        Object::Real(r) => Some(*r),
        _ => None,
    };
    let side = |dict: &Dict| {
        let numbers: Option<Vec<f64>> = dict.get(b"MediaBox")?.as_array()?.iter().map(number).collect();
        let [x0, y0, x1, y1] = <[f64; 4]>::try_from(numbers?).ok()?;
        let unit = dict.get(b"UserUnit").and_then(number).unwrap_or(1.0);
        Some((x1 - x0).abs().max((y1 - y0).abs()) * unit)
    };
    let pages = document.objects.iter().filter_map(|(_, value)| value.dict());
    pages.filter(|dict| dict.get_name(b"Type") == Some(b"Page")).filter_map(side).fold(792.0, f64::max).min(14_400.0)
}

/// Samples of one or three bytes a pixel, rows packed.
struct Raster {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Raster {
    fn format(&self) -> PixelFormat {
        if self.channels == 1 { PixelFormat::GRAY } else { PixelFormat::RGB }
    }
}

fn reencode(stream: &Stream, side: f64, quality: i32, policy: &Policy) -> Option<Stream> {
    let dict = &stream.dict;
    let is_image = dict.get_name(b"Subtype") == Some(b"Image");
    let is_mask = matches!(dict.get(b"ImageMask"), Some(Object::Bool(true)));
    // Colour keys compare exact samples; decode arrays are kept, they apply to the same samples.
    if !is_image || is_mask || matches!(dict.get(b"Mask"), Some(Object::Array(_))) {
        return None;
    }
    let raster = if jpeg::is_jpeg(stream) { decode_jpeg(stream, side)? } else { decode_plain(stream, policy)? };
    let raster = resize(raster, side)?;
    let data = encode(&raster, quality)?;
    // A saving of less than a tenth is not worth another generation of loss.
    if data.len() >= stream.data.len() / 10 * 9 {
        return None;
    }
    let mut dict = dict.clone();
    dict.remove(b"DecodeParms");
    dict.set(b"Filter", Object::name(b"DCTDecode"));
    dict.set(b"BitsPerComponent", Object::Int(8));
    dict.set(b"Width", Object::Int(i64::try_from(raster.width).ok()?));
    dict.set(b"Height", Object::Int(i64::try_from(raster.height).ok()?));
    Some(Stream { dict, data: Bytes::from(data) })
}

/// Decodes at the smallest scale that still has the wanted size.
fn decode_jpeg(stream: &Stream, side: f64) -> Option<Raster> {
    // Parameters may say that the colours are not what the file says.
    if stream.dict.contains(b"DecodeParms") {
        return None;
    }
    let mut decoder = Decompressor::new().ok()?;
    let header = decoder.read_header(&stream.data).ok()?;
    let channels = match header.colorspace {
        turbojpeg::Colorspace::Gray => 1,
        turbojpeg::Colorspace::YCbCr | turbojpeg::Colorspace::RGB => 3,
        _ => return None,
    };
    let longer = header.width.max(header.height);
    #[expect(clippy::cast_precision_loss, reason = "at most 65,535 pixels")]
    let scales = [ScalingFactor::ONE_QUARTER, ScalingFactor::ONE_HALF, ScalingFactor::ONE]
        .into_iter()
        .find(|scale| scale.scale(longer) as f64 >= side);
    let scale = scales.unwrap_or(ScalingFactor::ONE);
    let (width, height) = (scale.scale(header.width), scale.scale(header.height));
    if width as u64 * height as u64 * channels as u64 > MAX_RASTER {
        return None;
    }
    decoder.set_scaling_factor(scale).ok()?;
    // A scan is a pass over the whole picture; bombs have thousands.
    decoder.set_scan_limit(500).ok()?;
    let mut raster = Raster { width, height, channels, pixels: vec![0; width * height * channels] };
    let format = raster.format();
    let pitch = width * channels;
    let image = turbojpeg::Image { pixels: &mut raster.pixels[..], width, pitch, height, format };
    decoder.decompress(&stream.data, image).ok()?;
    Some(raster)
}

/// Deflated or plain samples of eight bits in grey or RGB.
fn decode_plain(stream: &Stream, policy: &Policy) -> Option<Raster> {
    let dict = &stream.dict;
    let channels = match dict.get(b"ColorSpace")? {
        Object::Name(name) if matches!(name.as_bytes(), b"DeviceGray" | b"CalGray") => 1,
        Object::Name(name) if matches!(name.as_bytes(), b"DeviceRGB" | b"CalRGB") => 3,
        // A profile's number of channels stands in its stream; the length of the data tells as well.
        Object::Array(parts) if parts.first().and_then(Object::as_name) == Some(b"ICCBased") => 0,
        _ => return None,
    };
    let int = |key: &[u8]| dict.get(key).and_then(Object::as_int).and_then(|n| usize::try_from(n).ok());
    let (width, height) = (int(b"Width")?, int(b"Height")?);
    if int(b"BitsPerComponent") != Some(8) || width.max(height) > 65_500 || width.min(height) == 0 {
        return None;
    }
    let pixels = inflate::undo(stream, policy.max_inflated_bytes.min(MAX_RASTER)).ok()?;
    let area = width.checked_mul(height)?;
    let channels = match channels {
        0 if pixels.len() >= area.checked_mul(4)? => return None,
        0 if pixels.len() >= area.checked_mul(3)? => 3,
        0 if pixels.len() >= area && pixels.len() < area.checked_mul(2)? => 1,
        0 => return None,
        known => known,
    };
    (pixels.len() >= area.checked_mul(channels)?).then_some(Raster { width, height, channels, pixels })
}

fn resize(raster: Raster, side: f64) -> Option<Raster> {
    #[expect(clippy::cast_precision_loss, reason = "at most 65,535 pixels")]
    let scale = side / raster.width.max(raster.height) as f64;
    if scale >= 1.0 {
        return Some(raster);
    }
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "smaller")]
    let shorter = |n: usize| ((n as f64 * scale).round() as usize).max(1);
    let (width, height) = (shorter(raster.width), shorter(raster.height));
    let kind = if raster.channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
    let side = |n: usize| u32::try_from(n).ok();
    let source = ImageRef::new(side(raster.width)?, side(raster.height)?, &raster.pixels, kind).ok()?;
    let mut target = Image::new(side(width)?, side(height)?, kind);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    Resizer::new().resize(&source, &mut target, &options).ok()?;
    Some(Raster { width, height, channels: raster.channels, pixels: target.into_vec() })
}

fn encode(raster: &Raster, quality: i32) -> Option<Vec<u8>> {
    let mut encoder = Compressor::new().ok()?;
    encoder.set_quality(quality).ok()?;
    encoder.set_subsamp(if raster.channels == 1 { Subsamp::Gray } else { Subsamp::Sub2x2 }).ok()?;
    encoder.set_optimize(true).ok()?;
    let image = turbojpeg::Image {
        pixels: &raster.pixels[..],
        width: raster.width,
        pitch: raster.width * raster.channels,
        height: raster.height,
        format: raster.format(),
    };
    encoder.compress_to_vec(image).ok()
}
