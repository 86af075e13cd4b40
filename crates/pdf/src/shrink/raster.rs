//! One image made smaller: decoded, resized, encoded as a JPEG, or packed as it is where a JPEG would not keep it.

use bytes::Bytes;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use turbojpeg::{Compressor, Decompressor, PixelFormat, ScalingFactor, Subsamp};

use crate::inflate::{self, Peeled};
use crate::object::{Dict, Name, Object, Stream};
use crate::policy::Policy;
use crate::safety;
use crate::write::{deflate, differences};

use super::palette::Palette;
use super::space::Space;

/// Decoded bytes of one image.
const MAX_RASTER: u64 = 400 << 20;

/// A side longer than this fits no JPEG.
const MAX_SIDE: usize = 65_500;

/// The fewest pixels that the page needs of an image, and the JPEG quality.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) quality: i32,
}

impl Target {
    /// How much smaller an image of this size may become: both sides keep what the page needs.
    #[expect(clippy::cast_precision_loss, reason = "sides of images")]
    fn scale(self, width: usize, height: usize) -> f64 {
        (self.width / width as f64).max(self.height / height as f64).min(1.0)
    }
}

/// Samples of one, three or four bytes a pixel, rows packed.
struct Raster {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Raster {
    fn format(&self) -> PixelFormat {
        match self.channels {
            1 => PixelFormat::GRAY,
            3 => PixelFormat::RGB,
            _ => PixelFormat::CMYK,
        }
    }
}

/// The image as a JPEG for this target, or `None` where that is not smaller or cannot be.
/// Indices are taken for the colours of `palette`, plain samples for those of `space`.
pub(super) fn reencode(
    stream: &Stream,
    palette: Option<&Palette>,
    space: Option<Space>,
    target: Target,
    policy: &Policy,
) -> Option<Stream> {
    let dict = &stream.dict;
    let is_image = dict.get_name(b"Subtype") == Some(b"Image");
    let is_mask = matches!(dict.get(b"ImageMask"), Some(Object::Bool(true)));
    // Colour keys compare exact samples; decode arrays are kept, they apply to the same samples.
    if !is_image || is_mask || matches!(dict.get(b"Mask"), Some(Object::Array(_))) {
        return None;
    }
    let Peeled { data, codec } = inflate::peel(stream, policy.max_inflated_bytes.min(MAX_RASTER)).ok()?;
    let name = codec.as_ref().map(|(name, _)| name.as_bytes());
    if !safety::is_harmless_data(&data, name.as_slice(), MAX_RASTER) {
        return None;
    }
    // What is a JPEG already loses nothing by being one again.
    let is_lab = palette.map_or_else(|| space.is_some_and(|space| space.is_lab), |palette| palette.is_lab);
    let stays_exact = codec.is_none() && is_lab;
    // Parameters may say that the colours are not what the file says.
    let (raster, named) = match codec {
        None => match palette {
            Some(palette) => (colours(dict, &data, palette)?, Some(palette.base.clone())),
            None => (samples(dict, &data, space?)?, None),
        },
        // A codec of indices: what it gives are no colours.
        Some(_) if palette.is_some() => return None,
        Some((name, None)) => coded(dict, &name, &data, target)?,
        Some((_, Some(_))) => return None,
    };
    drop(data);
    let before = raster.width;
    let raster = resize(raster, target)?;
    let data = if !stays_exact {
        encode(&raster, target.quality)?
    } else if raster.width < before {
        deflate(&differences(&raster.pixels, raster.width * raster.channels))
    } else {
        return None;
    };
    // A saving of less than a tenth is not worth another generation of loss.
    if data.len() >= stream.data.len() / 10 * 9 {
        return None;
    }
    let mut dict = dict.clone();
    dict.remove(b"DecodeParms");
    if stays_exact {
        dict.set(b"Filter", Object::name(b"FlateDecode"));
        let mut parameters = Dict::default();
        parameters.push(b"Predictor", Object::Int(15));
        parameters.push(b"Colors", Object::Int(i64::try_from(raster.channels).ok()?));
        parameters.push(b"Columns", Object::Int(i64::try_from(raster.width).ok()?));
        dict.set(b"DecodeParms", Object::Dict(parameters));
    } else {
        dict.set(b"Filter", Object::name(b"DCTDecode"));
    }
    dict.set(b"BitsPerComponent", Object::Int(8));
    dict.set(b"Width", Object::Int(i64::try_from(raster.width).ok()?));
    dict.set(b"Height", Object::Int(i64::try_from(raster.height).ok()?));
    if let Some(named) = named {
        dict.set(b"ColorSpace", named);
        if palette.is_some() {
            // It spoke of indices, and is the one that maps each to itself.
            dict.remove(b"Decode");
        }
    }
    Some(Stream { dict, data: Bytes::from(data) })
}

/// What an image codec makes of the data, and the colour space where only the data says it.
fn coded(dict: &Dict, name: &Name, data: &[u8], target: Target) -> Option<(Raster, Option<Object>)> {
    match name.as_bytes() {
        b"DCTDecode" | b"DCT" => Some((jpeg(data, target)?, None)),
        b"JPXDecode" => {
            let raster = jpeg2000(dict, data, target)?;
            let device: &[u8] = if raster.channels == 1 { b"DeviceGray" } else { b"DeviceRGB" };
            Some((raster, (!dict.contains(b"ColorSpace")).then(|| Object::name(device))))
        }
        _ => None,
    }
}

/// Decodes at the smallest scale that still has the wanted size.
fn jpeg(data: &[u8], target: Target) -> Option<Raster> {
    let mut decoder = Decompressor::new().ok()?;
    let header = decoder.read_header(data).ok()?;
    let channels = match header.colorspace {
        turbojpeg::Colorspace::Gray => 1,
        turbojpeg::Colorspace::YCbCr | turbojpeg::Colorspace::RGB => 3,
        turbojpeg::Colorspace::CMYK | turbojpeg::Colorspace::YCCK => 4,
    };
    let wanted = target.scale(header.width, header.height);
    let scales = [(ScalingFactor::ONE_QUARTER, 0.25), (ScalingFactor::ONE_HALF, 0.5)];
    let scale = scales.into_iter().find(|(_, factor)| *factor >= wanted).map_or(ScalingFactor::ONE, |(scale, _)| scale);
    let (width, height) = (scale.scale(header.width), scale.scale(header.height));
    if width as u64 * height as u64 * channels as u64 > MAX_RASTER {
        return None;
    }
    decoder.set_scaling_factor(scale).ok()?;
    // A scan is a pass over the whole picture; bombs have thousands.
    decoder.set_scan_limit(500).ok()?;
    let mut raster = Raster { width, height, channels, pixels: vec![0; width * height * channels] };
    let (format, pitch) = (raster.format(), width * channels);
    let image = turbojpeg::Image { pixels: &mut raster.pixels[..], width, pitch, height, format };
    decoder.decompress(data, image).ok()?;
    Some(raster)
}

/// Grey or RGB of eight bits without transparency; at the resolution level that has the wanted size.
fn jpeg2000(dict: &Dict, data: &[u8], target: Target) -> Option<Raster> {
    use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};
    // The file's own transparency, or a colour space that gives its samples another meaning.
    let plain = [b"DeviceRGB".as_slice(), b"DeviceGray", b"CalRGB", b"CalGray"];
    let meant = match dict.get(b"ColorSpace") {
        None => true,
        Some(Object::Name(name)) => plain.contains(&name.as_bytes()),
        Some(Object::Array(parts)) => parts.first().and_then(Object::as_name) == Some(b"ICCBased"),
        Some(_) => false,
    };
    if !meant || dict.get(b"SMaskInData").and_then(Object::as_int).unwrap_or(0) != 0 {
        return None;
    }
    let full = Image::new(data, &DecodeSettings::default()).ok()?;
    let (width, height) = (usize::try_from(full.width()).ok()?, usize::try_from(full.height()).ok()?);
    let wanted = target.scale(width, height);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a part of a side"
    )]
    let side = |side: usize| (side as f64 * wanted).ceil() as u32;
    let settings = DecodeSettings { target_resolution: Some((side(width), side(height))), ..DecodeSettings::default() };
    let image = Image::new(data, &settings).ok()?;
    let channels = match image.color_space() {
        ColorSpace::Gray => 1,
        ColorSpace::RGB => 3,
        ColorSpace::Icc { num_channels, .. } if matches!(num_channels, 1 | 3) => usize::from(*num_channels),
        _ => return None,
    };
    if image.has_alpha() {
        return None;
    }
    let (width, height) = (usize::try_from(image.width()).ok()?, usize::try_from(image.height()).ok()?);
    let pixels = image.decode(&mut DecoderContext::default()).ok()?.data_u8();
    (pixels.len() == width * height * channels && width.max(height) <= MAX_SIDE).then_some(Raster {
        width,
        height,
        channels,
        pixels,
    })
}

/// Indices of up to eight bits as the colours of their palette.
fn colours(dict: &Dict, data: &[u8], palette: &Palette) -> Option<Raster> {
    let int = |key: &[u8]| dict.get(key).and_then(Object::as_int).and_then(|n| usize::try_from(n).ok());
    let (width, height, bits) = (int(b"Width")?, int(b"Height")?, int(b"BitsPerComponent")?);
    let area = width.checked_mul(height)?.checked_mul(palette.channels)?;
    // Two colours are print, which a JPEG would blur.
    if ![2, 4, 8].contains(&bits) || width.max(height) > MAX_SIDE || width.min(height) == 0 || area as u64 > MAX_RASTER
    {
        return None;
    }
    if let Some(decode) = dict.get(b"Decode") {
        let top = i64::from((1u16 << bits) - 1);
        let same =
            matches!(decode.as_array(), Some([low, high]) if low.as_int() == Some(0) && high.as_int() == Some(top));
        if !same {
            return None;
        }
    }
    let pixels = palette.expand(data, width, height, bits)?;
    Some(Raster { width, height, channels: palette.channels, pixels })
}

/// Plain samples of two to sixteen bits. One bit is print.
fn samples(dict: &Dict, data: &[u8], space: Space) -> Option<Raster> {
    let int = |key: &[u8]| dict.get(key).and_then(Object::as_int).and_then(|n| usize::try_from(n).ok());
    let (width, height) = (int(b"Width")?, int(b"Height")?);
    let channels = space.channels;
    let row = width.checked_mul(channels)?;
    let length = row.checked_mul(height)?;
    if width.max(height) > MAX_SIDE || width.min(height) == 0 || length as u64 > MAX_RASTER {
        return None;
    }
    let pixels = match int(b"BitsPerComponent")? {
        8 => data.get(..length)?.to_vec(),
        // The upper eight, which are all that is ever shown.
        16 => data.get(..length.checked_mul(2)?)?.iter().step_by(2).copied().collect(),
        bits @ (2 | 4) => spread(data, row, height, bits)?,
        _ => return None,
    };
    Some(Raster { width, height, channels, pixels })
}

/// Samples of two or four bits as bytes, rows of which begin with a byte of their own: the same share of the most.
fn spread(data: &[u8], row: usize, height: usize, bits: usize) -> Option<Vec<u8>> {
    let packed = (row * bits).div_ceil(8);
    let data = data.get(..packed.checked_mul(height)?)?;
    let most = (1u8 << bits) - 1;
    let mut pixels = Vec::with_capacity(row * height);
    for packed in data.chunks_exact(packed) {
        let sample = |n: usize| packed[n * bits / 8] >> (8 - bits - n * bits % 8) & most;
        pixels.extend((0..row).map(|n| sample(n) * (255 / most)));
    }
    Some(pixels)
}

fn resize(raster: Raster, target: Target) -> Option<Raster> {
    let scale = target.scale(raster.width, raster.height);
    if scale >= 1.0 {
        return Some(raster);
    }
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "smaller")]
    let shorter = |n: usize| ((n as f64 * scale).ceil() as usize).clamp(1, n);
    let (width, height) = (shorter(raster.width), shorter(raster.height));
    let (channels, area) = (raster.channels, width * height);
    let mut pixels = vec![0; area * channels];
    for channel in 0..channels {
        let plane: Vec<u8> = raster.pixels.iter().skip(channel).step_by(channels).copied().collect();
        let plane = resize_plane(&plane, (raster.width, raster.height), (width, height))?;
        for (to, sample) in pixels.iter_mut().skip(channel).step_by(channels).zip(plane) {
            *to = sample;
        }
    }
    Some(Raster { width, height, channels, pixels })
}

/// One kind of pixel, named: the resizer is compiled here for every kind that is asked for, and with the door that
/// asks at run time for thirteen, which was more code than all the rest of this crate.
fn resize_plane(plane: &[u8], from: (usize, usize), to: (usize, usize)) -> Option<Vec<u8>> {
    let side = |n: usize| u32::try_from(n).ok();
    let source = ImageRef::new(side(from.0)?, side(from.1)?, plane, PixelType::U8).ok()?;
    let mut resized = Image::new(side(to.0)?, side(to.1)?, PixelType::U8);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).use_alpha(false);
    let (source, mut result) = (source.typed_image::<U8>()?, resized.typed_image_mut::<U8>()?);
    Resizer::new().resize_typed(&source, &mut result, &options).ok()?;
    Some(resized.into_vec())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bits_become_the_same_share_of_many() {
        assert_eq!(spread(&[0x0F, 0x10, 0x8F, 0x00], 3, 2, 4).unwrap(), [0, 255, 17, 136, 255, 0]);
        assert_eq!(spread(&[0b0001_1011], 4, 1, 2).unwrap(), [0, 85, 170, 255]);
        assert!(spread(&[0x0F], 3, 1, 4).is_none());
    }
}
