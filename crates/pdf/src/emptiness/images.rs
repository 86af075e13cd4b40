//! Whether an image is all there: what its dictionary says must make sense, and its data must suffice for
//! it. Interpreters pass over images that do not make sense, and draw as much as there is of those that
//! break off, without a word.

use crate::inflate::{self, Peeled};
use crate::object::{Dict, Object, Stream};
use crate::objects::{Entry, Objects};
use crate::safety;

use super::spaces::{Space, space};

/// Pixels of one image that anybody looks at.
const MAX_PIXELS: u64 = 100_000_000;

/// Bytes of one image's samples.
const MAX_SAMPLES: u64 = 256 << 20;

/// Whether everything about the image is as it should be, or why it is not.
pub(super) fn is_whole(objects: &Objects<'_>, image: &Stream, resources: Option<&Dict>) -> Result<(), &'static str> {
    let dict = &image.dict;
    let components = examined(objects, image, resources)?;
    match dict.get(b"Mask").map(|mask| objects.follow(mask)) {
        None => {}
        Some(Some(Entry::Plain(Object::Array(range)))) => {
            let whole = components.is_none_or(|n| range.len() == 2 * n);
            if range.is_empty() || !whole || !range.iter().all(|n| matches!(n, Object::Int(_))) {
                return Err("a mask of colours that makes no sense");
            }
        }
        Some(Some(Entry::Stream(mask))) => {
            examined(objects, mask, None)?;
        }
        Some(_) => return Err("a mask that is not there"),
    }
    match dict.get(b"SMask").map(|mask| objects.follow(mask)) {
        None => Ok(()),
        Some(Some(Entry::Stream(mask))) => examined(objects, mask, None).map(|_| ()),
        Some(_) => Err("a soft mask that is not there"),
    }
}

/// Looks at one image without its masks. The number of its components, unless only its data tell.
fn examined(objects: &Objects<'_>, image: &Stream, resources: Option<&Dict>) -> Result<Option<usize>, &'static str> {
    const SIZE: &str = "an image without a size";
    let dict = &image.dict;
    let side = |key: &[u8]| objects.entry(dict, key).and_then(Entry::as_int).and_then(|n| u64::try_from(n).ok());
    let (width, height) = (side(b"Width").ok_or(SIZE)?, side(b"Height").ok_or(SIZE)?);
    if width == 0 || height == 0 || width.saturating_mul(height) > MAX_PIXELS {
        return Err(SIZE);
    }
    let stencil = matches!(objects.entry(dict, b"ImageMask"), Some(Entry::Plain(Object::Bool(true))));
    let peeled = inflate::peel(image, MAX_SAMPLES).map_err(|_| "an image that does not decode")?;
    let codec = peeled.codec.as_ref().map(|(name, _)| name.as_bytes());
    let jpeg2000 = codec == Some(b"JPXDecode");
    let bits = match objects.entry(dict, b"BitsPerComponent").map(Entry::as_int) {
        _ if stencil || matches!(codec, Some(b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode")) => 1,
        Some(Some(bits @ (1 | 2 | 4 | 8 | 16))) => u32::try_from(bits).unwrap_or(8),
        None if codec.is_some() => 8,
        _ => return Err("an image without depth"),
    };
    let space = if stencil {
        Some(Space::PLAIN)
    } else {
        match dict.get(b"ColorSpace") {
            None if jpeg2000 => None,
            None => return Err("an image without colours"),
            Some(named) => Some(space(objects, named, resources, bits).ok_or("an image of unknown colours")?),
        }
    };
    if let Some(decode) = dict.get(b"Decode") {
        let decode = objects.follow(decode).and_then(Entry::as_array).ok_or("a range that is not there")?;
        let range = space.unwrap_or(Space::PLAIN).range;
        if !decode.iter().all(|n| is_within(n, range))
            || space.is_some_and(|space| decode.len() != 2 * space.components)
            || decode.is_empty()
        {
            return Err("a range that makes no sense");
        }
    }
    let components = space.map(|space| space.components);
    has_all_data(&peeled, width, height, components.unwrap_or(1) as u64 * u64::from(bits))?;
    Ok(components)
}

/// Whether a number is one that samples may be spread to: of others every reader makes its own colours.
fn is_within(number: &Object, (least, most): (f64, f64)) -> bool {
    match number {
        #[expect(clippy::cast_precision_loss, reason = "only compared")]
        Object::Int(n) => (least..=most).contains(&(*n as f64)),
        Object::Real(n) => (least..=most).contains(n),
        _ => false,
    }
}

fn has_all_data(peeled: &Peeled, width: u64, height: u64, pixel_bits: u64) -> Result<(), &'static str> {
    const SHORT: &str = "an image that breaks off";
    let data = &peeled.data;
    match peeled.codec.as_ref().map(|(name, _)| name.as_bytes()) {
        None => {
            let needed = (width * pixel_bits).div_ceil(8).saturating_mul(height);
            if (data.len() as u64) < needed { Err(SHORT) } else { Ok(()) }
        }
        Some(b"DCTDecode" | b"DCT") => {
            // Its decoder complains of everything that is missing.
            if !safety::is_harmless_data(data, &[b"DCTDecode"], MAX_SAMPLES) {
                return Err("an image too large to look at");
            }
            turbojpeg::decompress(data, turbojpeg::PixelFormat::CMYK)
                .or_else(|_| turbojpeg::decompress(data, turbojpeg::PixelFormat::RGB))
                .map(|_| ())
                .map_err(|_| SHORT)
        }
        // Their decoders refuse what breaks off, which the interpreter reports.
        Some(b"JPXDecode" | b"JBIG2Decode") => Ok(()),
        // A page of fax is white until it says otherwise, and its decoder takes what there is for all.
        Some(b"CCITTFaxDecode" | b"CCF") => {
            let parms = peeled.codec.as_ref().and_then(|(_, parms)| parms.as_ref());
            if lines_of_fax(data, parms, width, height) < height { Err(SHORT) } else { Ok(()) }
        }
        Some(_) => Err("an image of an unknown kind"),
    }
}

/// How many lines a fax has before its data end or make no sense.
fn lines_of_fax(data: &[u8], parms: Option<&Object>, width: u64, height: u64) -> u64 {
    use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
    struct Lines(u64);
    impl Decoder for Lines {
        fn push_row(&mut self, _: &[u32]) {
            self.0 += 1;
        }
    }
    let get = |key: &[u8]| parms.and_then(Object::as_dict).and_then(|parms| parms.get(key));
    let flag = |key: &[u8], default: bool| match get(key) {
        Some(Object::Bool(flag)) => *flag,
        _ => default,
    };
    let columns = get(b"Columns").map_or(Some(1728), Object::as_int).and_then(|n| u32::try_from(n).ok());
    let (Some(columns), Ok(rows)) = (columns, u32::try_from(height)) else { return 0 };
    if u64::from(columns) < width {
        return 0;
    }
    let settings = DecodeSettings {
        columns,
        rows,
        end_of_block: flag(b"EndOfBlock", true),
        end_of_line: flag(b"EndOfLine", false),
        rows_are_byte_aligned: flag(b"EncodedByteAlign", false),
        encoding: match get(b"K").and_then(Object::as_int).unwrap_or(0) {
            ..0 => EncodingMode::Group4,
            0 => EncodingMode::Group3_1D,
            1.. => EncodingMode::Group3_2D,
        },
        strict: true,
    };
    let mut lines = Lines(0);
    // Where it stops, the lines so far are those that it has.
    let _ = hayro_ccitt::decode(data, &mut lines, &mut DecoderContext::new(settings));
    lines.0
}
